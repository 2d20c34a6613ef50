//! How many entries walks of 5-level paging read (SDM vol. 3, 4.5): one more than those of
//! 4-level paging if nothing is cached, and as many if a paging-structure cache knows the way.

use assoc::IndexFunction;
use mmu_core::{CpuFeatures, PageSize, PhysAddr, TimedConfig, TimedMmu, VirtAddr, WalkStatistics};
use tests::{
    Tables,
    processor::{self, shape, structure_cache},
};

const GIB: u64 = 1 << 30;

fn cold(config: &TimedConfig, tables: &Tables) -> TimedMmu<WalkStatistics> {
    let registers = tables.registers_of_five_levels();
    let features = CpuFeatures::default();
    TimedMmu::timed(features, registers, config, WalkStatistics::default()).unwrap()
}

fn references(mmu: &mut TimedMmu<WalkStatistics>, tables: &Tables, address: u64) -> Option<usize> {
    let before = mmu.observer().by_references().to_vec();
    processor::read(mmu, tables, VirtAddr::new(address));
    let after = mmu.observer().by_references().iter().zip(before);
    after
        .map(|(now, before)| now - before)
        .position(|walks| walks == 1)
}

fn mapped(pages: &[(u64, PageSize)]) -> Tables {
    let mut tables = Tables::new();
    for &(address, size) in pages {
        let frame = PhysAddr::new(0xc000_0000);
        tables.map(VirtAddr::new(address), frame, size, Tables::SETTLED);
    }
    tables
}

#[test]
fn a_cold_walk_reads_five_entries_for_4_kib_four_for_2_mib_and_three_for_1_gib() {
    let config = processor::one_tlb(shape(1, 1), IndexFunction::Linear);
    for (size, expected) in PageSize::IA32E.into_iter().zip([5, 4, 3]) {
        let tables = mapped(&[(0, size), (size.bytes(), size)]);
        let mut mmu = cold(&config, &tables);
        for address in [0, size.bytes(), 0] {
            assert_eq!(
                references(&mut mmu, &tables, address),
                Some(expected),
                "{size}"
            );
        }
    }
}

#[test]
fn a_cache_of_pml5_entries_saves_the_fifth() {
    let mut config = processor::one_tlb(shape(1, 1), IndexFunction::Linear);
    config.structures.pml5e = structure_cache(1);
    let size = PageSize::Size4KiB;
    let tables = mapped(&[(0, size), (512 * GIB, size)]);
    let mut mmu = cold(&config, &tables);
    assert_eq!(references(&mut mmu, &tables, 0), Some(5));
    assert_eq!(references(&mut mmu, &tables, 512 * GIB), Some(4));
    assert_eq!(references(&mut mmu, &tables, 0), Some(4));
}

#[test]
fn a_warm_walk_reads_one_entry_as_in_4_level_paging() {
    let mut config = processor::one_tlb(shape(1, 1), IndexFunction::Linear);
    config.structures.pde = structure_cache(2);
    let size = PageSize::Size4KiB;
    let tables = mapped(&[(0, size), (0x1000, size)]);
    let mut mmu = cold(&config, &tables);
    assert_eq!(references(&mut mmu, &tables, 0), Some(5));
    assert_eq!(references(&mut mmu, &tables, 0x1000), Some(1));
}
