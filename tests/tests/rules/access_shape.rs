//! What holds of an access as a whole.

use mmu_core::{AlignmentCheck, BusError, Cr0, Cr4, FunctionalMmu, PhysAddr, Span, VirtAddr};

use crate::*;

/// A page whose last two bytes a split access reads or writes, and the page behind it.
fn split(mode: PagingMode, first: Entry, second: Entry) -> (OnePage, VirtAddr) {
    let page = OnePage::at(mode, VirtAddr::new(0x1234_5ffe), PageSize::Size4KiB, first);
    let next = page.address().wrapping_add(2);
    let there = PhysAddr::new(0x9000);
    page.set_of(
        Level::Pte,
        next,
        Entry::page(there, PageSize::Size4KiB, second),
    );
    (page, next)
}

fn span(page: &OnePage, mmu: &mut FunctionalMmu, kind: AccessKind) -> Result<Span, Fault> {
    mmu.translate_span(page.ram(), page.address(), 4, kind, USER)
}

/// Rule 97. All of an access is translated before any of it is done: if the second page
/// refuses, the first one stays clean. Unverified: the SDM leaves the order open (vol. 3,
/// 8.1.1); QEMU and Bochs do the same.
#[test]
fn a_split_write_is_checked_on_both_pages_before_either_is_dirty() {
    for mode in MODES {
        for second in [ABSENT, READ_ONLY] {
            let (page, next) = split(mode, USER_PAGE, second);
            let mut mmu = page.functional(as_is);
            for _ in ["walk", "hit"] {
                let refused = fault(span(&page, &mut mmu, WRITE));
                assert_eq!(refused.address, next);
                assert!(!page.entry(Level::Pte).contains(Entry::DIRTY));
                page.access(&mut mmu, READ, USER).unwrap();
            }
        }
        let (page, _) = split(mode, USER_PAGE, USER_PAGE);
        let found = span(&page, &mut page.functional(as_is), WRITE).unwrap();
        assert_eq!(found.first.address, page.frame().wrapping_add(0xffe));
        assert_eq!(found.second.unwrap().address.as_u64(), 0x9000);
        assert!(page.entry(Level::Pte).contains(Entry::DIRTY));
    }
}

/// Rule 97. The first page's fault comes before the second's. Unverified: as above.
#[test]
fn the_first_page_of_a_split_access_faults_first() {
    for mode in MODES {
        for kind in [READ, WRITE, RMW, FETCH] {
            let (page, _) = split(mode, ABSENT, ABSENT);
            let refused = fault(span(&page, &mut page.functional(as_is), kind));
            assert_eq!(refused.address, page.address());
        }
    }
}

/// Rule 97. An access that ends with its page needs the next one not at all.
#[test]
fn an_access_within_a_page_does_not_touch_the_next() {
    let (page, _) = split(PagingMode::FourLevel, USER_PAGE, ABSENT);
    let mut mmu = page.functional(as_is);
    let found = mmu.translate_span(page.ram(), page.address(), 2, WRITE, USER);
    assert_eq!(found.unwrap().second, None);
}

/// Rule 98. SDM vol. 3, 4.7: an access that reads and then writes asks for the right to write
/// first, and faults with W/R = 1.
#[test]
fn rmw_needs_the_right_to_write_before_it_reads() {
    for page in pages(READ_ONLY) {
        let mut mmu = page.functional(as_is);
        page.access(&mut mmu, READ, USER).unwrap();
        assert_eq!(code(page.access(&mut mmu, RMW, USER)).bits(), 0x7);
        assert_eq!(code(page.access(&mut mmu, RMW, SUPERVISOR)).bits(), 0x3);
        assert!(!page.entry(page.leaf()).contains(Entry::DIRTY));
    }
    for page in pages(USER_PAGE) {
        page.attempt(as_is, RMW, USER).unwrap();
        assert!(page.entry(page.leaf()).contains(Entry::DIRTY));
    }
}

/// Rule 99. Tables may point to where no memory answers: the level and the place are told, and
/// nothing panics. (A real machine reads what its bus returns.)
#[test]
fn a_table_outside_memory_is_a_typed_error() {
    let nowhere = PhysAddr::new(0x7000_0000);
    for page in small_pages(USER_PAGE) {
        for level in page.levels().filter(|&level| level != page.leaf()) {
            let entry = page.entry(level);
            page.set(level, Entry::table(nowhere));
            let below = level.below().unwrap();
            // Ram is read in words of 64 bits.
            let offset = page.place(below).as_u64() & 0xff8;
            let expected = Fault::NoMemory {
                address: page.address(),
                level: below,
                error: BusError(nowhere.wrapping_add(offset)),
            };
            assert_eq!(page.attempt(as_is, WRITE, USER), Err(expected));
            page.set(level, entry);
        }
    }
}

/// Rule 99. The same of CR3: walks tell where they failed; PDPTEs that cannot be read are
/// #GP(0), since a bus without memory returns ones.
#[test]
fn a_root_outside_memory_is_a_typed_error() {
    for page in small_pages(USER_PAGE) {
        let mut mmu = page.functional(as_is);
        let written = mmu.write_cr3(page.ram(), 0x7000_0000);
        if mmu.regime().mode() == PagingMode::Pae {
            let error = BusError(PhysAddr::new(0x7000_0000));
            assert_eq!(written, Err(GeneralProtection::PdpteUnreadable(error)));
        } else {
            let root = page.levels().next().unwrap();
            let found = page.access(&mut mmu, READ, USER);
            assert!(matches!(found, Err(Fault::NoMemory { level, .. }) if level == root));
        }
    }
}

/// Rule 100. SDM vol. 3, 4.6: the processor's accesses to descriptor tables and the TSS are the
/// supervisor's at any CPL: they reach supervisor pages, write read-only ones while CR0.WP = 0,
/// and are refused user pages by SMAP whatever EFLAGS.AC.
#[test]
fn descriptor_tables_are_accessed_as_the_supervisor() {
    for page in pages(SUPERVISOR_PAGE) {
        assert!(page.attempt(as_is, READ, IMPLICIT).is_ok());
        assert!(page.attempt(as_is, RMW, IMPLICIT).is_ok());
        assert!(page.attempt(as_is, READ, USER).is_err());
    }
    for page in pages(READ_ONLY) {
        let lifted = |registers: &mut Registers| {
            registers.cr0 -= Cr0::WRITE_PROTECT;
            registers.cr4 |= Cr4::SMAP;
            registers.alignment_check = AlignmentCheck::Set;
        };
        assert!(page.attempt(lifted, WRITE, SUPERVISOR).is_ok());
        assert_eq!(code(page.attempt(lifted, WRITE, IMPLICIT)).bits(), 0x3);
    }
}
