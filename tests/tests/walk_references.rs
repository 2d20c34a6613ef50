//! How many entries a walk reads: one a level that no paging-structure cache spares it.

use assoc::IndexFunction;
use cache::{Request, ServedBy, WalkPort};
use mmu_core::{
    Level, Observer, PageSize, PhysAddr, PrivilegeMode, TimedConfig, TimedMmu, VirtAddr, WalkEnd,
};
use tests::{
    Tables,
    processor::{self, shape, structure_cache},
};
use tlb::Stream;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The levels of the entries that were read, and what the last walk said of their number.
#[derive(Debug, Default)]
struct Reads {
    levels: Vec<Level>,
    last_walk: Option<u32>,
}

impl Observer for Reads {
    fn entry_read(&mut self, level: Level, _: PhysAddr) {
        self.levels.push(level);
    }

    fn walk_ended(&mut self, end: &WalkEnd) {
        self.last_walk = Some(end.references);
    }
}

/// Reads through the address and checks from three sides that exactly the entries of these
/// levels were read for it.
fn expect_walk(mmu: &mut TimedMmu<Reads>, tables: &Tables, address: u64, levels: &[Level]) {
    let watched = mmu.observer().levels.len();
    let cached = walk_reads(mmu);
    let charged = walk_loads(mmu);
    processor::read(mmu, tables, VirtAddr::new(address));
    let references = levels.len() as u64;
    assert_eq!(mmu.observer().levels[watched..], *levels, "{address:#x}");
    assert_eq!(
        mmu.observer().last_walk.map(u64::from),
        Some(references),
        "{address:#x}"
    );
    assert_eq!(walk_reads(mmu) - cached, references, "{address:#x}");
    assert_eq!(walk_loads(mmu) - charged, references, "{address:#x}");
}

fn walk_reads(mmu: &TimedMmu<Reads>) -> u64 {
    let counters = mmu.cost().counters();
    counters.requests(Request::WalkRead)
}

fn walk_loads(mmu: &TimedMmu<Reads>) -> u64 {
    let places = Level::FOUR_LEVEL
        .into_iter()
        .flat_map(|level| ServedBy::ALL.map(|by| (level, by)));
    places
        .map(|(level, by)| mmu.cost().walk_loads(Stream::Load, level, by))
        .sum()
}

fn mapped(pages: &[(u64, PageSize)]) -> Tables {
    let mut tables = Tables::new();
    for &(address, size) in pages {
        let frame = PhysAddr::new(0xc000_0000);
        tables.map(VirtAddr::new(address), frame, size, Tables::SETTLED);
    }
    tables
}

/// One TLB entry, so that hardly anything hits, and paging-structure caches of two entries.
fn with_structure_caches() -> TimedConfig {
    let mut config = processor::one_tlb(shape(1, 1), IndexFunction::Linear);
    config.structures.pml4e = structure_cache(2);
    config.structures.pdpte = structure_cache(2);
    config.structures.pde = structure_cache(2);
    config
}

const TOP_DOWN: [Level; 4] = [Level::Pml4e, Level::Pdpte, Level::Pde, Level::Pte];

#[test]
fn a_cold_walk_reads_four_entries_for_4_kib_three_for_2_mib_and_two_for_1_gib() {
    for (size, references) in PageSize::IA32E.into_iter().zip([4, 3, 2]) {
        for walks_enter in [WalkPort::L1d, WalkPort::L2] {
            let tables = mapped(&[(0x4000_0000, size)]);
            let mut config = with_structure_caches();
            config.caches.walks_enter = walks_enter;
            let mut mmu = processor::watched(&config, &tables, Reads::default());
            expect_walk(&mut mmu, &tables, 0x4000_0000, &TOP_DOWN[..references]);
        }
    }
}

#[test]
fn without_paging_structure_caches_every_walk_is_cold() {
    let config = processor::one_tlb(shape(1, 1), IndexFunction::Linear);
    for (size, references) in PageSize::IA32E.into_iter().zip([4, 3, 2]) {
        let tables = mapped(&[(0, size), (size.bytes(), size)]);
        let mut mmu = processor::watched(&config, &tables, Reads::default());
        for address in [0, size.bytes(), 0, size.bytes()] {
            expect_walk(&mut mmu, &tables, address, &TOP_DOWN[..references]);
        }
    }
}

/// The neighbour shares with the first page the table that the entry of a level points to,
/// and no table below it.
#[test]
fn a_warm_walk_starts_below_the_deepest_entry_shared_with_an_earlier_one() {
    let cases = [
        (PageSize::Size4KiB, 4 * KIB, 1),
        (PageSize::Size4KiB, 2 * MIB, 2),
        (PageSize::Size4KiB, GIB, 3),
        (PageSize::Size4KiB, 512 * GIB, 4),
        (PageSize::Size2MiB, 2 * MIB, 1),
        (PageSize::Size2MiB, GIB, 2),
        (PageSize::Size2MiB, 512 * GIB, 3),
        (PageSize::Size1GiB, GIB, 1),
        (PageSize::Size1GiB, 512 * GIB, 2),
    ];
    for (size, distance, references) in cases {
        let tables = mapped(&[(0, size), (distance, size)]);
        let mut mmu = processor::watched(&with_structure_caches(), &tables, Reads::default());
        let all = &TOP_DOWN[..TOP_DOWN.len() - size.level().index()];
        expect_walk(&mut mmu, &tables, 0, all);
        expect_walk(&mut mmu, &tables, distance, &all[all.len() - references..]);
    }
}

#[test]
fn a_large_page_after_a_small_one_uses_the_entries_above_both() {
    let (small, large) = (PageSize::Size4KiB, PageSize::Size1GiB);
    let tables = mapped(&[(0, small), (GIB, large)]);
    let mut mmu = processor::watched(&with_structure_caches(), &tables, Reads::default());
    expect_walk(&mut mmu, &tables, 0, &TOP_DOWN);
    expect_walk(&mut mmu, &tables, GIB, &[Level::Pdpte]);

    let tables = mapped(&[(0, small), (2 * MIB, PageSize::Size2MiB)]);
    let mut mmu = processor::watched(&with_structure_caches(), &tables, Reads::default());
    expect_walk(&mut mmu, &tables, 0, &TOP_DOWN);
    expect_walk(&mut mmu, &tables, 2 * MIB, &[Level::Pde]);
}

#[test]
fn an_entry_that_had_to_make_room_is_read_again() {
    let config = TimedConfig {
        structures: tlb::StructureCachesConfig {
            pde: structure_cache(1),
            ..with_structure_caches().structures
        },
        ..with_structure_caches()
    };
    let small = PageSize::Size4KiB;
    let tables = mapped(&[(0, small), (4 * KIB, small), (2 * MIB, small)]);
    let mut mmu = processor::watched(&config, &tables, Reads::default());
    expect_walk(&mut mmu, &tables, 0, &TOP_DOWN);
    expect_walk(&mut mmu, &tables, 4 * KIB, &[Level::Pte]);
    expect_walk(&mut mmu, &tables, 2 * MIB, &[Level::Pde, Level::Pte]);
    expect_walk(&mut mmu, &tables, 0, &[Level::Pde, Level::Pte]);
}

#[test]
fn a_tlb_hit_reads_nothing() {
    let tables = mapped(&[(0, PageSize::Size4KiB)]);
    let mut mmu = processor::watched(&with_structure_caches(), &tables, Reads::default());
    expect_walk(&mut mmu, &tables, 0, &TOP_DOWN);
    let (read, walked) = (walk_reads(&mmu), mmu.observer().levels.len());
    processor::read(&mut mmu, &tables, VirtAddr::new(0xfff));
    assert_eq!(
        (walk_reads(&mmu), mmu.observer().levels.len()),
        (read, walked)
    );
}

/// SDM vol. 3, 4.10.4.1: INVLPG also drops the paging-structure caches' entries; MOV to CR3
/// does so too.
#[test]
fn after_an_invalidation_the_walk_is_cold_again() {
    let tables = mapped(&[(0, PageSize::Size4KiB), (GIB, PageSize::Size4KiB)]);
    let mut mmu = processor::watched(&with_structure_caches(), &tables, Reads::default());
    expect_walk(&mut mmu, &tables, 0, &TOP_DOWN);
    let _ = mmu
        .invalidate(mmu_core::Invalidation::Invlpg(VirtAddr::new(0)))
        .unwrap();
    expect_walk(&mut mmu, &tables, 0, &TOP_DOWN);
    let cr3 = mmu.registers().cr3;
    let _ = mmu.write_cr3(tables.ram(), cr3).unwrap();
    expect_walk(&mut mmu, &tables, GIB, &TOP_DOWN);
}

#[test]
fn a_walk_that_faults_reads_down_to_the_entry_that_ends_it() {
    let tables = mapped(&[(0, PageSize::Size4KiB)]);
    for (address, references) in [(4 * KIB, 4), (2 * MIB, 3), (GIB, 2), (512 * GIB, 1)] {
        let mut mmu = processor::watched(&with_structure_caches(), &tables, Reads::default());
        let kind = mmu_core::AccessKind::Read;
        let address = VirtAddr::new(address);
        let fault = mmu.translate(tables.ram(), address, kind, PrivilegeMode::User);
        assert!(fault.is_err());
        assert_eq!(mmu.observer().levels, TOP_DOWN[..references]);
        assert_eq!(walk_reads(&mmu), references as u64);
    }
}
