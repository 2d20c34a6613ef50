//! Large pages that range registers split (SDM vol. 3, 12.11.9): each part has the type of its
//! own range, in both MMUs and in whatever order they are used.

use mmu_core::{
    AccessKind, CpuFeatures, FunctionalMmu, MemoryType, Mmu, Msr, NoObserver, Observer, PageSize,
    PhysAddr, PrivilegeMode, TranslationCache, VirtAddr, WalkCost,
};
use tests::{
    Tables,
    processor::{small, watched},
};

const PAGE: u64 = 0x20_0000;

/// 640 KiB of memory, then 128 KiB of a display's, then the firmware's, as a PC has it.
const RANGES: [(Msr, u64); 4] = [
    (Msr::MtrrFix64k, 0x0606_0606_0606_0606),
    (Msr::MtrrFix16k(0), 0x0606_0606_0606_0606),
    (Msr::MtrrFix4k(0), 0x0505_0505_0505_0505),
    (Msr::MtrrDefType, 0xc06),
];

const TYPES: [(u64, MemoryType); 4] = [
    (0x0_0000, MemoryType::WriteBack),
    (0xa_0000, MemoryType::Uncacheable),
    (0xc_0000, MemoryType::WriteProtected),
    (0x10_0000, MemoryType::WriteBack),
];

fn each_part_has_its_type<T: TranslationCache, C: WalkCost, O: Observer>(
    mmu: &mut Mmu<T, C, O>,
    tables: &Tables,
) {
    for (register, value) in RANGES {
        let _ = mmu.write_msr(register, value).unwrap();
    }
    for (offset, memory_type) in TYPES.into_iter().chain(TYPES.into_iter().rev()) {
        let address = VirtAddr::new(PAGE + offset);
        let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
        let found = mmu.translate(tables.ram(), address, kind, mode).unwrap();
        assert_eq!(found.translation.memory_type(), memory_type, "{offset:#x}");
        let probed = mmu.probe(tables.ram(), address, kind, mode).unwrap();
        assert_eq!(probed.translation.memory_type(), memory_type, "{offset:#x}");
    }
}

fn one_large_page() -> Tables {
    let mut tables = Tables::new();
    let address = VirtAddr::new(PAGE);
    tables.map(
        address,
        PhysAddr::new(0),
        PageSize::Size2MiB,
        Tables::SETTLED,
    );
    tables
}

#[test]
fn each_part_of_a_large_page_has_the_type_of_its_range() {
    let tables = one_large_page();
    let registers = tables.registers();
    let mut mmu = FunctionalMmu::functional(CpuFeatures::default(), registers).unwrap();
    each_part_has_its_type(&mut mmu, &tables);
    let mut mmu = watched(&small(), &tables, NoObserver);
    each_part_has_its_type(&mut mmu, &tables);
}

/// A page of one type is remembered whole.
#[test]
fn a_large_page_of_one_type_is_walked_for_once() {
    let tables = one_large_page();
    let mut mmu = watched(&small(), &tables, mmu_core::WalkStatistics::default());
    for offset in [0, 0xa_0000, 0x1f_f000] {
        let address = VirtAddr::new(PAGE + offset);
        let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
        mmu.translate(tables.ram(), address, kind, mode).unwrap();
    }
    let completed = mmu
        .observer()
        .completed(tlb::Stream::Load, PageSize::Size2MiB);
    assert_eq!(completed, 1);
}
