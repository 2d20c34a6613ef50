//! Walks for the next page, which nobody has asked for yet.

use assoc::IndexFunction;
use mmu_core::{
    AccessKind, Entry, NextPage, PageSize, PhysAddr, PrivilegeMode, TimedMmu, VirtAddr,
};
use tests::{
    Tables,
    processor::{self, shape},
};
use tlb::Stream;

const SIZE: PageSize = PageSize::Size4KiB;

fn world(next: Option<Entry>) -> (Tables, TimedMmu) {
    let mut tables = Tables::new();
    let frame = PhysAddr::new(0xc000_0000);
    tables.map(VirtAddr::new(0x1000), frame, SIZE, Tables::SETTLED);
    if let Some(flags) = next {
        tables.map(VirtAddr::new(0x2000), frame, SIZE, flags);
    }
    let mut config = processor::one_tlb(shape(4, 4), IndexFunction::Linear);
    config.walkers.next_page = NextPage::Prefetch;
    let mmu = processor::watched(&config, &tables, mmu_core::NoObserver);
    (tables, mmu)
}

fn misses(mmu: &TimedMmu) -> u64 {
    mmu.cache().tlbs().lookups(Stream::Load).missed
}

#[test]
fn the_next_page_hits_and_nobody_waited_for_its_walk() {
    let (tables, mut ahead) = world(Some(Tables::SETTLED));
    processor::read(&mut ahead, &tables, VirtAddr::new(0x1000));
    let (_, mut alone) = world(None);
    processor::read(&mut alone, &tables, VirtAddr::new(0x1000));
    assert_eq!(ahead.spent(), alone.spent());
    processor::read(&mut ahead, &tables, VirtAddr::new(0x2000));
    assert_eq!(misses(&ahead), 1);
    let walks = ahead.cost().ahead();
    assert_eq!((walks.walks, walks.references), (1, 4));
}

/// SDM vol. 3, 4.10.2.3: nothing is cached from an entry whose accessed bit is clear; and no
/// bit is set for an access that was not made (4.8).
#[test]
fn a_page_that_was_never_used_is_left_alone() {
    let fresh = Tables::SETTLED - Entry::ACCESSED - Entry::DIRTY;
    for flags in [Some(fresh), Some(Entry::empty()), None] {
        let (tables, mut mmu) = world(flags);
        processor::read(&mut mmu, &tables, VirtAddr::new(0x1000));
        assert_eq!(mmu.cost().ahead().walks, 0, "{flags:?}");
        if flags.is_some() {
            let at = tables.place(mmu_core::Level::Pte, VirtAddr::new(0x2000));
            assert!(!tables.entry(at).contains(Entry::ACCESSED));
        }
    }
}

#[test]
fn a_clean_page_is_not_made_dirty_for_a_store_that_may_come() {
    let (tables, mut mmu) = world(Some(Tables::SETTLED - Entry::DIRTY));
    let (kind, mode) = (AccessKind::Write, PrivilegeMode::User);
    let address = VirtAddr::new(0x1000);
    mmu.translate(tables.ram(), address, kind, mode).unwrap();
    let at = tables.place(mmu_core::Level::Pte, VirtAddr::new(0x2000));
    assert!(!tables.entry(at).contains(Entry::DIRTY));
    assert_eq!(mmu.cost().ahead().walks, 0);
}

#[test]
fn a_page_that_is_cached_is_not_walked_for() {
    let (tables, mut mmu) = world(Some(Tables::SETTLED));
    processor::read(&mut mmu, &tables, VirtAddr::new(0x2000));
    processor::read(&mut mmu, &tables, VirtAddr::new(0x1000));
    assert_eq!(mmu.cost().ahead().walks, 0);
}
