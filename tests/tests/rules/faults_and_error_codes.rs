//! What a page fault reports.

use mmu_core::{Cause, Cr4, Efer, Entry, KeyRights, PhysAddr, VirtAddr};

use crate::*;

const P: ErrorCode = ErrorCode::PRESENT;
const W: ErrorCode = ErrorCode::WRITE;
const U: ErrorCode = ErrorCode::USER;
const NONE: ErrorCode = ErrorCode::empty();

/// Rule 1. SDM vol. 3, 4.7: P is 0 if an entry is not present; nothing else in such an entry
/// counts (4.3 to 4.5).
#[test]
fn p_is_clear_only_for_a_missing_entry_whose_reserved_bits_do_not_count() {
    for page in small_pages(USER_PAGE) {
        for level in page.levels() {
            let entry = page.entry(level);
            page.set(level, Entry::all() - Entry::PRESENT);
            let fault = fault(page.attempt(as_is, READ, SUPERVISOR));
            assert_eq!((fault.error_code, fault.level), (NONE, level));
            page.set(level, entry);
        }
        assert!(page.attempt(as_is, READ, USER).is_ok());
    }
}

/// Rule 2. SDM vol. 3, 4.5 and 4.7: the walk goes from the root to the page, and the first
/// entry that is not present or has a reserved bit set ends it.
#[test]
fn the_walk_stops_at_the_first_bad_entry() {
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, ABSENT);
        page.add(Level::Pml4e, Entry::LARGE);
        let found = fault(page.attempt(as_is, READ, SUPERVISOR));
        assert_eq!(found.cause, Cause::ReservedBit);
        assert_eq!(found.level, Level::Pml4e);

        page.remove(Level::Pml4e, Entry::LARGE);
        page.set(Level::Pde, ABSENT);
        page.set(Level::Pte, USER_PAGE | bit(51));
        let found = fault(page.attempt(as_is, READ, SUPERVISOR));
        assert_eq!((found.cause, found.level), (Cause::NotPresent, Level::Pde));
    }
}

/// Rule 3. SDM vol. 3, 4.7: RSVD is set only together with P.
#[test]
fn a_reserved_bit_is_reported_with_p_and_rsvd() {
    let features = CpuFeatures::new(Vendor::Intel, 40, Feature::all()).unwrap();
    for mode in WIDE {
        let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE | bit(40));
        let mut mmu = page.functional_of(features, as_is);
        for (kind, mode, expected) in [
            (READ, SUPERVISOR, 0x9),
            (WRITE, SUPERVISOR, 0xb),
            (READ, USER, 0xd),
            (RMW, USER, 0xf),
            (FETCH, SUPERVISOR, 0x19),
            (FETCH, USER, 0x1d),
        ] {
            let code = code(page.access(&mut mmu, kind, mode));
            assert_eq!(code.bits(), expected, "{kind:?} by {mode:?}");
        }
    }
}

/// Rule 4. SDM vol. 3, 4.6: rights are those of a whole translation, so that a bad entry
/// anywhere comes before any of them.
#[test]
fn a_bad_entry_comes_before_any_right() {
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, Entry::PRESENT | Entry::NO_EXECUTE);
        page.remove(Level::Pml4e, Entry::USER | Entry::WRITABLE);
        let refused = fault(page.attempt(as_is, WRITE, USER));
        assert_eq!(refused.cause, Cause::Protection);

        page.add(Level::Pde, bit(51));
        let features = CpuFeatures::new(Vendor::Intel, 51, Feature::all()).unwrap();
        let mut mmu = page.functional_of(features, as_is);
        let bad = fault(page.access(&mut mmu, WRITE, USER));
        assert_eq!((bad.cause, bad.level), (Cause::ReservedBit, Level::Pde));

        page.set(Level::Pde, ABSENT);
        assert_eq!(code(page.attempt(as_is, WRITE, USER)), W | U);
    }
}

/// Rule 5. SDM vol. 3, 4.7: W/R and U/S describe the access, whatever the page grants.
#[test]
fn the_code_describes_the_access_and_not_the_page() {
    for flags in [ABSENT, USER_PAGE, SUPERVISOR_PAGE, READ_ONLY] {
        for page in small_pages(flags - Entry::PRESENT) {
            assert_eq!(code(page.attempt(as_is, READ, SUPERVISOR)), NONE);
            assert_eq!(code(page.attempt(as_is, WRITE, SUPERVISOR)), W);
            assert_eq!(code(page.attempt(as_is, READ, USER)), U);
            assert_eq!(code(page.attempt(as_is, WRITE, USER)), W | U);
        }
    }
}

/// Rule 5. SDM vol. 3, 4.7: an access that reads and writes is a write.
#[test]
fn rmw_reports_w_even_if_the_page_is_not_present() {
    for page in small_pages(ABSENT) {
        assert_eq!(code(page.attempt(as_is, RMW, USER)), W | U);
        assert_eq!(code(page.attempt(as_is, RMW, SUPERVISOR)), W);
    }
}

/// Rule 6. SDM vol. 3, 4.6 and 4.7: the processor's own accesses to descriptor tables and the
/// TSS are the supervisor's at any CPL.
#[test]
fn an_implicit_access_is_reported_as_the_supervisors() {
    for page in small_pages(ABSENT) {
        assert_eq!(code(page.attempt(as_is, READ, IMPLICIT)), NONE);
        assert_eq!(code(page.attempt(as_is, WRITE, IMPLICIT)), W);
    }
    for page in small_pages(Entry::PRESENT) {
        assert!(page.attempt(as_is, READ, IMPLICIT).is_ok());
        assert_eq!(code(page.attempt(as_is, WRITE, IMPLICIT)), P | W);
    }
}

/// Rule 7. SDM vol. 3, 4.7: I/D is set for a fetch if CR4.SMEP = 1, or CR4.PAE = 1 and
/// EFER.NXE = 1; otherwise a fetch looks like a read.
#[test]
fn a_fetch_is_reported_only_where_smep_or_nxe_can_forbid_it() {
    for mode in MODES {
        let page = OnePage::new(mode, PageSize::Size4KiB, ABSENT);
        for (nxe, smep) in [(false, false), (false, true), (true, false), (true, true)] {
            let set = |registers: &mut Registers| {
                registers.efer.set(Efer::NO_EXECUTE_ENABLE, nxe);
                registers.cr4.set(Cr4::SMEP, smep);
            };
            let told = smep || nxe && mode != PagingMode::ThirtyTwoBit;
            let code = code(page.attempt(set, FETCH, USER));
            assert_eq!(code.contains(ErrorCode::FETCH), told, "{mode} {nxe} {smep}");
            assert_eq!(code - ErrorCode::FETCH, U);
        }
    }
}

/// A page of key 1, of which data may be neither read nor written.
fn locked(mode: PagingMode, flags: Entry) -> (OnePage, impl Fn(&mut Registers) + Copy) {
    let page = OnePage::new(mode, PageSize::Size4KiB, flags | bit(59));
    let lock = |registers: &mut Registers| {
        registers.cr4 |= Cr4::PROTECTION_KEYS | Cr4::SUPERVISOR_PROTECTION_KEYS;
        registers.pkru = KeyRights::from_bits(0b0100);
        registers.pkrs = KeyRights::from_bits(0b0100);
    };
    (page, lock)
}

/// Rule 8. SDM vol. 3, 4.7: PK is set if the key denies the access, whether or not something
/// else does, too.
#[test]
fn the_key_is_reported_whatever_else_denies_the_access() {
    const PK: ErrorCode = ErrorCode::PROTECTION_KEY;
    for mode in IA32E {
        let (page, lock) = locked(mode, USER_PAGE);
        assert_eq!(code(page.attempt(lock, READ, USER)), P | U | PK);
        assert_eq!(code(page.attempt(lock, WRITE, SUPERVISOR)), P | W | PK);
        let (page, lock) = locked(mode, READ_ONLY);
        assert_eq!(code(page.attempt(lock, WRITE, USER)), P | W | U | PK);
        let (page, lock) = locked(mode, Entry::PRESENT);
        assert_eq!(code(page.attempt(lock, WRITE, SUPERVISOR)), P | W | PK);
    }
}

/// Rule 8. SDM vol. 3, 4.6.2 and 4.7: a supervisor page is denied to the user by U/S alone; PKRS
/// is not asked.
#[test]
fn the_key_of_a_supervisor_page_is_not_reported_to_a_user() {
    for mode in IA32E {
        let (page, lock) = locked(mode, SUPERVISOR_PAGE);
        assert_eq!(code(page.attempt(lock, READ, USER)), P | U);
    }
}

/// Rule 9. SDM vol. 3, 4.7: PK belongs to data accesses that have a translation.
#[test]
fn the_key_is_not_reported_with_a_fetch_a_reserved_bit_or_a_missing_page() {
    for mode in IA32E {
        let (page, lock) = locked(mode, USER_PAGE | Entry::NO_EXECUTE);
        assert_eq!(code(page.attempt(lock, FETCH, USER)).bits(), 0x15);
        page.remove(Level::Pte, Entry::PRESENT);
        assert_eq!(code(page.attempt(lock, READ, USER)), U);
        page.add(Level::Pml4e, Entry::LARGE);
        assert_eq!(code(page.attempt(lock, READ, USER)).bits(), 0xd);
    }
}

/// Rule 10. SDM vol. 3, 4.7: SS is set for an access to a shadow stack, and for no other.
#[test]
fn a_shadow_stack_access_is_reported_whatever_is_wrong_with_the_page() {
    let cet = |registers: &mut Registers| registers.cr4 |= Cr4::CET;
    for mode in MODES {
        let absent = OnePage::new(mode, PageSize::Size4KiB, ABSENT);
        let ordinary = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
        for (kind, expected) in [
            (AccessKind::ShadowStackRead, 0x44),
            (AccessKind::ShadowStackWrite, 0x46),
            (READ, 0x4),
            (WRITE, 0x6),
        ] {
            let absent = code(absent.attempt(cet, kind, USER));
            assert_eq!(absent.bits(), expected);
            if kind.is_shadow_stack() {
                let ordinary = code(ordinary.attempt(cet, kind, USER));
                assert_eq!(ordinary.bits(), expected | 1);
            }
        }
    }
}

/// Rule 11. SDM vol. 3, 6.15 (#PF): CR2 gets the address, to the byte.
#[test]
fn cr2_gets_the_faulting_byte() {
    for page in pages(ABSENT) {
        let fault = fault(page.attempt(as_is, READ, USER));
        assert_eq!(fault.address, page.address());
    }
}

/// Rule 11. SDM vol. 3, 6.15 (#PF). Unverified: which byte of an access across two pages CR2
/// gets is not said; here it is the first one that cannot be reached.
#[test]
fn cr2_gets_the_start_of_the_second_page_if_that_one_faults() {
    let address = VirtAddr::new(0x1234_5ffe);
    for mode in MODES {
        let page = OnePage::at(mode, address, PageSize::Size4KiB, USER_PAGE);
        let mut mmu = page.functional(as_is);
        let split = mmu.translate_span(page.ram(), address, 4, WRITE, USER);
        assert_eq!(fault(split).address, VirtAddr::new(0x1234_6000));
        page.set(Level::Pte, ABSENT);
        let mut mmu = page.functional(as_is);
        let split = mmu.translate_span(page.ram(), address, 4, WRITE, USER);
        assert_eq!(fault(split).address, address);
    }
}

/// Rule 13. SDM vol. 3, 4.10.4.1: a page fault drops the TLB and paging-structure-cache entries
/// for its address, so that it cannot come again from what is stale.
#[test]
fn a_fault_from_stale_caches_comes_once_at_most() {
    let page = OnePage::small(USER_PAGE);
    let neighbour = page.address().wrapping_add(0x1000);
    let other_table = PhysAddr::new(0x8000);
    let at = other_table.wrapping_add(page.place_of(Level::Pte, neighbour).as_u64() & 0xfff);
    let there = Entry::page(PhysAddr::new(0x9000), PageSize::Size4KiB, USER_PAGE);
    page.ram().write(at, &there.bits().to_le_bytes()).unwrap();

    let mut functional = page.functional(as_is);
    let mut cached = page.cached(as_is);
    page.access(&mut functional, READ, USER).unwrap();
    page.access(&mut cached, READ, USER).unwrap();
    // The page directory changes under cached entries, and nothing is invalidated.
    page.set(Level::Pde, Entry::table(other_table));

    let mut first = || functional.translate(page.ram(), neighbour, READ, USER);
    let _ = first();
    assert!(first().is_ok());
    let mut first = || cached.translate(page.ram(), neighbour, READ, USER);
    assert_eq!(
        code(first()),
        U,
        "the paging-structure cache leads to the old table"
    );
    assert!(first().is_ok());
}

/// Rule 13. SDM vol. 3, 4.10.4.1: the same of a global translation.
#[test]
fn a_fault_drops_a_global_translation_too() {
    let page = OnePage::small(READ_ONLY | Entry::GLOBAL);
    let mut mmu = page.cached(as_is);
    page.access(&mut mmu, READ, USER).unwrap();
    assert_eq!(code(page.access(&mut mmu, WRITE, USER)), P | W | U);
    page.map(PhysAddr::new(0x9000), READ_ONLY);
    let found = page.access(&mut mmu, READ, USER).unwrap();
    assert_eq!(found.address.as_u64(), 0x9abc);
}

/// Rule 14. SDM vol. 3, 4.7: page faults come of the use of linear addresses only; PDPTEs that
/// cannot be loaded are #GP(0).
#[test]
fn pdptes_that_cannot_be_loaded_are_general_protection() {
    let page = OnePage::new(PagingMode::Pae, PageSize::Size4KiB, USER_PAGE);
    let mut mmu = page.functional(as_is);
    page.add(Level::Pdpte, Entry::WRITABLE);
    let root = mmu.registers().cr3;
    assert!(matches!(
        mmu.write_cr3(page.ram(), root),
        Err(GeneralProtection::PdpteReserved {
            index: 1,
            reserved: 2,
            ..
        })
    ));
}
