//! What may be remembered of the tables, and what makes it forgotten: SDM vol. 3, 4.10.

mod caches;
mod instructions;
mod registers;
mod scopes;

use mmu_core::{Cr4, Flushed, Invalidation, PhysAddr, TimedMmu, VirtAddr};

use crate::*;

/// Bit 63 of what is written to CR3.
const KEEP: u64 = 1 << 63;
const ROOT: u64 = 0x2000;
const ELSEWHERE: PhysAddr = PhysAddr::new(0x6000_0000);

/// An address of the next page, which the same table maps.
fn neighbour(page: &OnePage) -> VirtAddr {
    page.address().wrapping_add(0x1000)
}

fn invlpg(mmu: &mut TimedMmu, address: VirtAddr) -> Flushed {
    mmu.invalidate(Invalidation::Invlpg(address)).unwrap()
}

/// How many walks went on from a paging-structure cache.
fn structure_hits(mmu: &TimedMmu) -> u64 {
    let counters = mmu.cache().structures().counters();
    counters.map(|(_, _, counters)| counters.hits).sum()
}

/// What is left of a page that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    translation: bool,
    structures: bool,
}

const ALL_LEFT: Left = Left {
    translation: true,
    structures: true,
};
const NOTHING_LEFT: Left = Left {
    translation: false,
    structures: false,
};
const TRANSLATION_LEFT: Left = Left {
    structures: false,
    ..ALL_LEFT
};
const STRUCTURES_LEFT: Left = Left {
    translation: false,
    ..ALL_LEFT
};

/// Reads a page with these flags under PCID 1, does something, and looks under PCID 1 what
/// is left.
fn left(flags: Entry, drop: impl FnOnce(&mut TimedMmu, &OnePage)) -> Left {
    let page = OnePage::small(flags);
    page.set_of(
        Level::Pte,
        neighbour(&page),
        Entry::page(ELSEWHERE, PageSize::Size4KiB, flags),
    );
    let mut mmu = page.cached(|registers| {
        registers.cr4 |= Cr4::PCID_ENABLE;
        registers.cr3 |= 1;
    });
    page.access(&mut mmu, READ, SUPERVISOR).unwrap();
    drop(&mut mmu, &page);
    if mmu.registers().cr4.contains(Cr4::PCID_ENABLE) {
        let _ = mmu.write_cr3(page.ram(), ROOT | 1 | KEEP).unwrap();
    }
    page.map(ELSEWHERE, flags);
    let before = structure_hits(&mmu);
    let near = mmu.translate(page.ram(), neighbour(&page), READ, SUPERVISOR);
    near.unwrap();
    let structures = structure_hits(&mmu) > before;
    let found = page.access(&mut mmu, READ, SUPERVISOR).unwrap();
    Left {
        translation: found.translation.page() == page.frame(),
        structures,
    }
}

/// Under another PCID.
fn under_pcid_2(mmu: &mut TimedMmu, page: &OnePage) {
    let _ = mmu.write_cr3(page.ram(), ROOT | 2 | KEEP).unwrap();
}

const GLOBAL_PAGE: Entry = USER_PAGE.union(Entry::GLOBAL);
