//! Accessed and dirty bits: SDM vol. 3, 4.8.

use std::cell::Cell;

use mmu_core::{
    AccessedOnFault, BusError, Cr4, Invalidation, Mappings, PhysAddr, PhysMem, Ram, Scope,
};

use crate::*;

/// The levels whose entries have a bit set.
fn levels_with(page: &OnePage, flag: Entry) -> Vec<Level> {
    let levels = page.levels();
    levels
        .filter(|&level| page.entry(level).contains(flag))
        .collect()
}

/// Rule 29. SDM vol. 3, 4.8: A is set in every entry used; D in the entry that maps the page,
/// by writes only.
#[test]
fn accessed_is_set_in_every_entry_used_and_dirty_in_the_pages_by_writes() {
    for page in pages(USER_PAGE) {
        let mut mmu = page.functional(as_is);
        let all: Vec<_> = page.levels().collect();
        for kind in [READ, FETCH] {
            page.access(&mut mmu, kind, USER).unwrap();
            assert_eq!(levels_with(&page, Entry::ACCESSED), all);
            assert_eq!(levels_with(&page, Entry::DIRTY), []);
        }
        page.access(&mut mmu, WRITE, USER).unwrap();
        assert_eq!(levels_with(&page, Entry::DIRTY), [page.leaf()]);
    }
}

/// Rule 29. SDM vol. 3, tables 4-15, 4-17 and 4-19: bit 6 of an entry that points to a table is
/// ignored.
#[test]
fn bit_6_of_a_table_entry_is_neither_read_nor_written() {
    for page in small_pages(USER_PAGE) {
        let tables = || page.levels().filter(|&level| level != page.leaf());
        tables().for_each(|level| page.add(level, Entry::DIRTY));
        let read = page.attempt(as_is, READ, USER).unwrap();
        assert!(!read.translation.rights().contains(mmu_core::Rights::DIRTY));
        assert!(tables().all(|level| page.entry(level).contains(Entry::DIRTY)));
    }
}

/// A memory in which another processor changes a bit of an entry before each of a number of
/// exchanges.
struct Contended<'a> {
    ram: &'a Ram,
    interferences: Cell<u32>,
    at: PhysAddr,
    changed: Entry,
}

impl<'a> Contended<'a> {
    fn new(page: &'a OnePage, level: Level, interferences: u32, changed: Entry) -> Self {
        Self {
            ram: page.ram(),
            interferences: Cell::new(interferences),
            at: page.place(level),
            changed,
        }
    }
}

impl PhysMem for Contended<'_> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.ram.read_u64(at)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        if self.interferences.get() > 0 && at == self.at {
            self.interferences.set(self.interferences.get() - 1);
            let other = self.ram.read_u64(at)? ^ self.changed.bits();
            self.ram.write(at, &other.to_le_bytes()).unwrap();
        }
        self.ram.compare_exchange_u64(at, current, new)
    }
}

/// Rule 30. SDM vol. 3, 8.1.2.1: the bits are set with locked cycles; what another processor
/// wrote meanwhile is read again, and not lost.
#[test]
fn an_entry_that_changed_is_read_again_and_not_overwritten() {
    for mode in WIDE {
        for level in OnePage::new(mode, PageSize::Size4KiB, ABSENT).levels() {
            let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
            let memory = Contended::new(&page, level, 3, Entry::SOFTWARE_10);
            let mut mmu = page.functional(as_is);
            let address = page.address();
            mmu.translate(&memory, address, WRITE, USER).unwrap();
            let after = page.entry(level);
            assert!(
                after.contains(Entry::SOFTWARE_10 | Entry::ACCESSED),
                "{level}"
            );
        }
    }
}

/// Rule 30. SDM vol. 3, 8.1.2.1: the new entry decides: one that was taken away is a fault.
#[test]
fn an_entry_that_vanished_under_the_walk_faults() {
    let page = OnePage::small(USER_PAGE);
    let memory = Contended::new(&page, Level::Pte, 1, Entry::PRESENT);
    let mut mmu = page.functional(as_is);
    let found = mmu.translate(&memory, page.address(), WRITE, USER);
    assert_eq!(code(found).bits(), 0x6);
    assert_eq!(page.entry(Level::Pte).bits() & 0x61, 0);
}

/// Rule 27. SDM vol. 3, 4.8: on a processor with CET no entry becomes dirty whose R/W is clear
/// (while CR0.WP = 1), not even if it is cleared during the write. Unverified: the text was
/// read in a quotation only.
#[test]
fn a_page_made_read_only_under_a_write_does_not_become_dirty() {
    let page = OnePage::small(USER_PAGE);
    let memory = Contended::new(&page, Level::Pte, 1, Entry::WRITABLE);
    let mut mmu = page.functional(|registers| registers.cr4 |= Cr4::CET);
    let found = mmu.translate(&memory, page.address(), WRITE, USER);
    assert_eq!(code(found).bits(), 0x7);
    assert!(!page.entry(Level::Pte).contains(Entry::DIRTY));
}

/// Rule 31. SDM vol. 3, 4.10.2.3 and 4.10.3.1: nothing is cached of an entry whose accessed bit
/// is clear; it is set first.
#[test]
fn nothing_is_cached_of_an_entry_that_is_not_accessed() {
    let lazy = CpuFeatures::default().with_accessed_on_fault(AccessedOnFault::Never);
    let page = OnePage::small(READ_ONLY);
    let mut mmu = page.cached_of(lazy, as_is);
    page.access(&mut mmu, WRITE, USER).unwrap_err();
    assert_eq!(levels_with(&page, Entry::ACCESSED), []);
    let fills = |mmu: &mmu_core::TimedMmu| {
        let counters = mmu.cache().structures().counters();
        counters.map(|(_, _, counters)| counters.fills).sum::<u64>()
    };
    assert_eq!(fills(&mmu), 0);
    assert_eq!(mmu.drop_cached(Scope::All).translations, 0);

    page.access(&mut mmu, READ, USER).unwrap();
    assert_eq!(levels_with(&page, Entry::ACCESSED).len(), 4);
    assert_eq!(fills(&mmu), 3);
}

/// Rule 32. SDM vol. 3, 4.8: the first write to a page found clean sets its dirty bit, also
/// after a hit.
#[test]
fn a_clean_translation_does_not_satisfy_a_write() {
    for page in pages(USER_PAGE) {
        let mut functional = page.functional(as_is);
        let mut cached = page.cached(as_is);
        for kind in [WRITE, RMW] {
            page.access(&mut functional, READ, USER).unwrap();
            page.access(&mut functional, kind, USER).unwrap();
            assert_eq!(levels_with(&page, Entry::DIRTY), [page.leaf()]);
            page.remove(page.leaf(), Entry::DIRTY);
            let _ = functional.drop_cached(Scope::All);

            page.access(&mut cached, READ, USER).unwrap();
            page.access(&mut cached, kind, USER).unwrap();
            assert_eq!(levels_with(&page, Entry::DIRTY), [page.leaf()]);
            page.remove(page.leaf(), Entry::DIRTY);
            let _ = cached.drop_cached(Scope::All);
        }
    }
}

/// Rule 32. SDM vol. 3, 4.8: the page that is written is the one whose dirty bit is set, also
/// if the tables changed since the page was read.
#[test]
fn a_write_goes_to_the_page_whose_dirty_bit_it_sets() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.functional(as_is);
    page.access(&mut mmu, READ, USER).unwrap();
    page.map(PhysAddr::new(0x9000), USER_PAGE);
    let written = page.access(&mut mmu, WRITE, USER).unwrap();
    assert_eq!(written.address.as_u64(), 0x9abc);
    assert!(page.entry(Level::Pte).contains(Entry::DIRTY));
}

/// Rule 33. SDM vol. 3, 6.15 (#PF): a protection fault leaves A of the tables set; that of the
/// page is left to the processor, and D is never set.
#[test]
fn a_protection_fault_leaves_the_tables_accessed_and_the_page_clean() {
    for page in pages(READ_ONLY) {
        page.attempt(as_is, WRITE, USER).unwrap_err();
        for level in page.levels().filter(|&level| level != page.leaf()) {
            assert!(page.entry(level).contains(Entry::ACCESSED), "{level}");
        }
        assert_eq!(levels_with(&page, Entry::DIRTY), []);
    }
}

/// Rule 34. SDM vol. 3, 4.8: whether the tables above a missing page become accessed is left
/// open; it is the processor's `AccessedOnFault`.
#[test]
fn the_processor_decides_on_accessed_bits_above_a_missing_page() {
    for page in small_pages(ABSENT) {
        let tables: Vec<_> = page.levels().filter(|&l| l != page.leaf()).collect();
        for (choice, expected) in [
            (AccessedOnFault::Never, vec![]),
            (AccessedOnFault::TablesUsed, tables),
        ] {
            let features = CpuFeatures::default().with_accessed_on_fault(choice);
            let mut mmu = page.functional_of(features, as_is);
            page.access(&mut mmu, READ, USER).unwrap_err();
            assert_eq!(levels_with(&page, Entry::ACCESSED), expected);
        }
    }
}

/// Rule 35. SDM vol. 3, 4.8: the processor never clears the bits; those that software cleared
/// need not be set again before an invalidation, and are after one.
#[test]
fn cleared_bits_are_set_again_after_an_invalidation() {
    for page in pages(USER_PAGE) {
        let mut mmu = page.functional(as_is);
        page.access(&mut mmu, WRITE, USER).unwrap();
        page.access(&mut mmu, READ, USER).unwrap();
        assert_eq!(levels_with(&page, Entry::DIRTY), [page.leaf()], "sticky");

        let both = Entry::ACCESSED | Entry::DIRTY;
        page.levels().for_each(|level| page.remove(level, both));
        page.access(&mut mmu, WRITE, USER).unwrap();
        assert_eq!(levels_with(&page, Entry::ACCESSED), [], "not required");

        let _ = mmu
            .invalidate(Invalidation::Invlpg(page.address()))
            .unwrap();
        page.access(&mut mmu, WRITE, USER).unwrap();
        assert_eq!(levels_with(&page, both), [page.leaf()]);
        assert_eq!(
            levels_with(&page, Entry::ACCESSED).len(),
            page.levels().count()
        );
    }
}

/// Rule 36. SDM vol. 3, 4.8. Unverified: that speculation may set A and not D. Here nothing is
/// walked speculatively, and looking sets nothing.
#[test]
fn looking_at_a_page_sets_no_bit() {
    for page in pages(USER_PAGE) {
        let mmu = page.functional(as_is);
        let (ram, address, regime) = (page.ram(), page.address(), mmu.regime());
        assert!(mmu.probe(ram, address, WRITE, USER).is_ok());
        assert!(regime.probe(ram, address, WRITE, USER).is_ok());
        assert!(regime.inspect(ram, address).is_ok());
        assert!(regime.path(ram, address).outcome.is_ok());
        assert_eq!(Mappings::new(regime, ram).count(), 1);
        assert_eq!(levels_with(&page, Entry::ACCESSED), []);
        assert_eq!(levels_with(&page, Entry::DIRTY), []);
    }
}
