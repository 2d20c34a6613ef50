//! Who may do what to a page: SDM vol. 3, 4.6.

use mmu_core::{AlignmentCheck, Cr0, Cr4, Efer, Entry, KeyRights, Msr, VirtAddr};

use crate::*;

const SS_READ: AccessKind = AccessKind::ShadowStackRead;
const SS_WRITE: AccessKind = AccessKind::ShadowStackWrite;

/// Rule 15. SDM vol. 3, 4.6: a right is there only if every entry on the way grants it.
#[test]
fn user_write_and_execute_need_every_entry() {
    let cases = [
        (Entry::USER, READ, 0x5),
        (Entry::WRITABLE, WRITE, 0x7),
        (Entry::NO_EXECUTE, FETCH, 0x15),
    ];
    for mode in MODES {
        for (flag, kind, expected) in cases {
            if flag == Entry::NO_EXECUTE && mode == PagingMode::ThirtyTwoBit {
                continue;
            }
            let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
            for level in page.levels() {
                let entry = page.entry(level);
                page.set(level, entry ^ flag);
                assert_eq!(code(page.attempt(as_is, kind, USER)).bits(), expected);
                page.set(level, entry);
                assert!(page.attempt(as_is, kind, USER).is_ok());
            }
        }
    }
}

/// Rule 15. SDM vol. 3, 4.6 and table 4-8: the PDPTEs of PAE paging have no rights to give or
/// to withhold.
#[test]
fn the_pdptes_of_pae_paging_have_no_part_in_rights() {
    let page = OnePage::new(PagingMode::Pae, PageSize::Size4KiB, USER_PAGE);
    assert!(
        !page
            .entry(Level::Pdpte)
            .intersects(Entry::WRITABLE | Entry::USER)
    );
    for kind in [READ, WRITE, FETCH] {
        assert!(page.attempt(as_is, kind, USER).is_ok());
    }
}

/// Rule 16. SDM vol. 3, 4.6.1: with CR0.WP = 0 the supervisor may write to any page, the user
/// still to none that is read-only.
#[test]
fn without_wp_the_supervisor_and_only_it_writes_read_only_pages() {
    let without = |registers: &mut Registers| registers.cr0 -= Cr0::WRITE_PROTECT;
    for flags in [READ_ONLY, Entry::PRESENT] {
        for page in pages(flags) {
            for kind in [WRITE, RMW] {
                for mode in [SUPERVISOR, IMPLICIT] {
                    assert!(page.attempt(without, kind, mode).is_ok());
                    assert_eq!(code(page.attempt(as_is, kind, mode)).bits(), 0x3);
                }
                assert_eq!(code(page.attempt(without, kind, USER)).bits(), 0x7);
            }
        }
    }
}

/// Rule 17. SDM vol. 3, 4.8: a write sets D, also one that only CR0.WP = 0 permits.
#[test]
fn a_write_past_read_only_sets_dirty() {
    for page in pages(READ_ONLY) {
        let mut mmu = page.functional(|registers| registers.cr0 -= Cr0::WRITE_PROTECT);
        page.access(&mut mmu, READ, SUPERVISOR).unwrap();
        page.access(&mut mmu, WRITE, SUPERVISOR).unwrap();
        assert!(page.entry(page.leaf()).contains(Entry::DIRTY));
    }
}

/// Rule 17. SDM vol. 3, 2.5 (CR4.CET): CET and CR0.WP = 0 exclude each other. Unverified: only that
/// CET needs WP was read; that WP cannot be cleared then is known from KVM.
#[test]
fn cet_and_a_clear_wp_exclude_each_other() {
    let page = OnePage::small(USER_PAGE);
    let refused = Err(GeneralProtection::CetWithoutWriteProtect);
    let mut mmu = page.functional(|registers| registers.cr4 |= Cr4::CET);
    let cr0 = mmu.registers().cr0 - Cr0::WRITE_PROTECT;
    assert_eq!(mmu.write_cr0(page.ram(), cr0.bits()), refused);

    let mut mmu = page.functional(|registers| registers.cr0 -= Cr0::WRITE_PROTECT);
    let cr4 = mmu.registers().cr4 | Cr4::CET;
    assert_eq!(mmu.write_cr4(page.ram(), cr4.bits()), refused);
}

/// Rule 18. SDM vol. 3, 4.6.1: CR4.SMEP forbids the supervisor's fetches from user-mode
/// addresses in every mode, whatever EFER.NXE says.
#[test]
fn smep_forbids_supervisor_fetches_from_user_pages_in_every_mode() {
    for page in pages(USER_PAGE) {
        let smep = |registers: &mut Registers| {
            registers.cr4 |= Cr4::SMEP;
            registers.efer -= Efer::NO_EXECUTE_ENABLE;
        };
        assert_eq!(code(page.attempt(smep, FETCH, SUPERVISOR)).bits(), 0x11);
        assert!(page.attempt(smep, READ, SUPERVISOR).is_ok());
        assert!(page.attempt(smep, FETCH, USER).is_ok());
        assert!(page.attempt(as_is, FETCH, SUPERVISOR).is_ok());
    }
}

/// Rule 18. SDM vol. 3, 4.6: a user-mode address is one of which every entry has U/S set.
#[test]
fn one_supervisor_entry_on_the_way_lifts_smep_and_smap() {
    let both = |registers: &mut Registers| registers.cr4 |= Cr4::SMEP | Cr4::SMAP;
    for page in small_pages(USER_PAGE) {
        for level in page.levels() {
            page.remove(level, Entry::USER);
            assert!(page.attempt(both, FETCH, SUPERVISOR).is_ok());
            assert!(page.attempt(both, WRITE, SUPERVISOR).is_ok());
            page.add(level, Entry::USER);
        }
        assert_eq!(code(page.attempt(both, READ, SUPERVISOR)).bits(), 0x1);
    }
}

fn smap(registers: &mut Registers) {
    registers.cr4 |= Cr4::SMAP;
}

fn smap_lifted(registers: &mut Registers) {
    smap(registers);
    registers.alignment_check = AlignmentCheck::Set;
}

/// Rule 19. SDM vol. 3, 4.6.1: CR4.SMAP forbids the supervisor's data accesses to user-mode
/// addresses; EFLAGS.AC = 1 allows the explicit ones, the implicit ones never.
#[test]
fn ac_lifts_smap_for_explicit_accesses_only() {
    for page in pages(USER_PAGE) {
        for kind in [READ, WRITE, RMW] {
            assert_eq!(code(page.attempt(smap, kind, SUPERVISOR)).bits() & !2, 0x1);
            assert!(page.attempt(smap_lifted, kind, SUPERVISOR).is_ok());
            assert_eq!(code(page.attempt(smap, kind, IMPLICIT)).bits() & !2, 0x1);
            let lifted = page.attempt(smap_lifted, kind, IMPLICIT);
            assert_eq!(code(lifted).bits() & !2, 0x1);
            assert!(page.attempt(smap, kind, USER).is_ok());
        }
    }
}

/// Rule 20. SDM vol. 3, 4.6.1: fetches are SMEP's business, not SMAP's.
#[test]
fn smap_does_not_forbid_fetches() {
    for page in pages(USER_PAGE) {
        assert!(page.attempt(smap, FETCH, SUPERVISOR).is_ok());
    }
}

const AD: u32 = 0b01;
const WD: u32 = 0b10;

/// The rights of key 5 in PKRU or PKRS.
const fn key_5(rights: u32) -> KeyRights {
    KeyRights::from_bits(rights << 10)
}

const KEY_5: Entry = Entry::from_bits_retain(5 << 59);

/// Rule 21. SDM vol. 3, 4.6.2: PKRU restricts user-mode addresses, PKRS those of the
/// supervisor, whoever accesses them.
#[test]
fn the_address_and_not_the_access_chooses_between_pkru_and_pkrs() {
    let users = |registers: &mut Registers| {
        registers.cr4 |= Cr4::PROTECTION_KEYS;
        (registers.pkru, registers.pkrs) = (key_5(AD), key_5(AD));
    };
    let supervisors = |registers: &mut Registers| {
        registers.cr4 |= Cr4::SUPERVISOR_PROTECTION_KEYS;
        (registers.pkru, registers.pkrs) = (key_5(AD), key_5(AD));
    };
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE | KEY_5);
        for access in [USER, SUPERVISOR, IMPLICIT] {
            let denied = code(page.attempt(users, READ, access));
            assert!(denied.contains(ErrorCode::PROTECTION_KEY));
            assert!(page.attempt(supervisors, READ, access).is_ok());
        }
        page.remove(Level::Pte, Entry::USER);
        for access in [SUPERVISOR, IMPLICIT] {
            assert!(page.attempt(users, READ, access).is_ok());
            assert_eq!(code(page.attempt(supervisors, READ, access)).bits(), 0x21);
        }
    }
}

/// Rule 22. SDM vol. 3, 4.6.2: WD forbids the user's writes, and the supervisor's only while
/// CR0.WP = 1.
#[test]
fn wd_binds_the_supervisor_only_with_wp() {
    let page = OnePage::small(USER_PAGE | KEY_5);
    let wd = |registers: &mut Registers| {
        registers.cr4 |= Cr4::PROTECTION_KEYS;
        registers.pkru = key_5(WD);
    };
    let wd_without_wp = |registers: &mut Registers| {
        wd(registers);
        registers.cr0 -= Cr0::WRITE_PROTECT;
    };
    for kind in [WRITE, RMW] {
        assert_eq!(code(page.attempt(wd, kind, USER)).bits(), 0x27);
        assert_eq!(code(page.attempt(wd_without_wp, kind, USER)).bits(), 0x27);
        assert_eq!(code(page.attempt(wd, kind, SUPERVISOR)).bits(), 0x23);
        assert!(page.attempt(wd_without_wp, kind, SUPERVISOR).is_ok());
    }
    assert!(page.attempt(wd, READ, USER).is_ok());
}

/// Rule 22. SDM vol. 3, 4.6.2: AD forbids reads and writes, CR0.WP or not, and no fetches.
#[test]
fn ad_forbids_data_and_no_fetches() {
    let page = OnePage::small(USER_PAGE | KEY_5);
    let ad = |registers: &mut Registers| {
        registers.cr4 |= Cr4::PROTECTION_KEYS;
        registers.pkru = key_5(AD);
        registers.cr0 -= Cr0::WRITE_PROTECT;
    };
    for kind in [READ, WRITE, RMW] {
        for mode in [USER, SUPERVISOR] {
            let denied = code(page.attempt(ad, kind, mode));
            assert!(denied.contains(ErrorCode::PROTECTION_KEY));
        }
    }
    assert!(page.attempt(ad, FETCH, USER).is_ok());
}

/// Rule 22. SDM vol. 3, 4.6.2: WRPKRU counts at once, also for what is cached.
#[test]
fn a_write_of_pkru_or_pkrs_counts_for_cached_translations() {
    let page = OnePage::small(USER_PAGE | KEY_5);
    let mut mmu = page.functional(|registers| registers.cr4 |= Cr4::PROTECTION_KEYS);
    page.access(&mut mmu, WRITE, USER).unwrap();
    mmu.write_pkru(key_5(WD));
    assert_eq!(code(page.access(&mut mmu, WRITE, USER)).bits(), 0x27);
    mmu.write_pkru(KeyRights::ALL);
    assert!(page.access(&mut mmu, WRITE, USER).is_ok());

    let page = OnePage::small(SUPERVISOR_PAGE | KEY_5);
    let mut mmu = page.functional(|r| r.cr4 |= Cr4::SUPERVISOR_PROTECTION_KEYS);
    page.access(&mut mmu, WRITE, SUPERVISOR).unwrap();
    let disabled = key_5(WD).bits().into();
    let _ = mmu.write_msr(Msr::Pkrs, disabled).unwrap();
    assert_eq!(code(page.access(&mut mmu, WRITE, SUPERVISOR)).bits(), 0x23);
    assert!(mmu.write_msr(Msr::Pkrs, 1 << 32).is_err(), "it has 32 bits");
}

/// Rule 23. SDM vol. 3, 4.6.2: the key is in the entry that maps the page, of any size; those
/// bits of the tables above have no meaning.
#[test]
fn the_key_is_that_of_the_page_and_of_no_table() {
    let keys = |registers: &mut Registers| {
        registers.cr4 |= Cr4::PROTECTION_KEYS;
        registers.pkru = key_5(AD);
    };
    for mode in IA32E {
        for &size in sizes(mode) {
            let page = OnePage::new(mode, size, USER_PAGE | KEY_5);
            let denied = code(page.attempt(keys, READ, USER));
            assert_eq!(denied.bits(), 0x25);
            for level in page.levels() {
                page.add(level, KEY_5);
            }
            page.remove(page.leaf(), bit(59));
            let found = page.attempt(keys, READ, USER).unwrap();
            assert_eq!(found.translation.key(), 4);
        }
    }
}

/// Rule 23. SDM vol. 3, tables 4-15 to 4-20 and 4-9 to 4-11: without keys bits 62:59 are
/// ignored; in PAE paging bits 62:52 are reserved.
#[test]
fn the_bits_of_the_key_are_ignored_without_keys_and_reserved_in_pae_paging() {
    let shut = |registers: &mut Registers| {
        registers.pkru = KeyRights::from_bits(u32::MAX);
        registers.pkrs = KeyRights::from_bits(u32::MAX);
    };
    for number in 52..=62 {
        for mode in WIDE {
            for &size in sizes(mode) {
                let page = OnePage::new(mode, size, USER_PAGE | bit(number));
                let read = page.attempt(shut, READ, USER);
                if mode == PagingMode::Pae {
                    assert_eq!(code(read).bits(), 0xd, "bit {number}");
                } else {
                    assert!(read.is_ok(), "bit {number}");
                }
            }
        }
    }
}

fn cet(registers: &mut Registers) {
    registers.cr4 |= Cr4::CET;
}

/// A user's shadow stack.
const SHADOW_STACK: Entry = READ_ONLY.union(Entry::DIRTY);

/// Rule 24. SDM vol. 3, 4.6.1: a shadow-stack page is read-only and dirty, under tables that
/// are all writable; a shadow-stack access to any other is a fault.
#[test]
fn a_shadow_stack_is_read_only_dirty_and_under_writable_tables() {
    for page in pages(SHADOW_STACK) {
        for kind in [SS_READ, SS_WRITE] {
            let refused = 0x45 | if kind == SS_WRITE { 2 } else { 0 };
            assert!(page.attempt(cet, kind, USER).is_ok());
            for level in page.levels().filter(|&level| level != page.leaf()) {
                page.remove(level, Entry::WRITABLE);
                assert_eq!(code(page.attempt(cet, kind, USER)).bits(), refused);
                page.add(level, Entry::WRITABLE);
            }
            for flags in [READ_ONLY, USER_PAGE, USER_PAGE | Entry::DIRTY] {
                page.map(page.frame(), flags);
                assert_eq!(code(page.attempt(cet, kind, USER)).bits(), refused);
            }
            page.map(page.frame(), SHADOW_STACK);
        }
    }
}

/// Rule 25. SDM vol. 3, 4.6.1: a shadow-stack access is to a page of its own mode; EFLAGS.AC
/// does not matter. WRUSS makes the user's.
#[test]
fn a_shadow_stack_access_needs_a_page_of_its_own_mode() {
    let lifted = |registers: &mut Registers| {
        cet(registers);
        registers.alignment_check = AlignmentCheck::Set;
    };
    for page in pages(SHADOW_STACK) {
        assert!(page.attempt(lifted, SS_WRITE, USER).is_ok());
        assert_eq!(code(page.attempt(lifted, SS_READ, SUPERVISOR)).bits(), 0x41);
        assert_eq!(
            code(page.attempt(lifted, SS_WRITE, SUPERVISOR)).bits(),
            0x43
        );
        page.remove(page.leaf(), Entry::USER);
        assert!(page.attempt(lifted, SS_WRITE, SUPERVISOR).is_ok());
        assert_eq!(code(page.attempt(lifted, SS_READ, USER)).bits(), 0x45);
    }
}

/// Rule 26. SDM vol. 3, 4.6.1: to all other accesses a shadow-stack page is a read-only one.
#[test]
fn an_ordinary_write_to_a_shadow_stack_is_one_to_a_read_only_page() {
    for page in pages(SHADOW_STACK) {
        assert_eq!(code(page.attempt(cet, WRITE, USER)).bits(), 0x7);
        assert_eq!(code(page.attempt(cet, RMW, SUPERVISOR)).bits(), 0x3);
        assert!(page.attempt(cet, READ, USER).is_ok());
    }
}

/// An upper and a lower address, and what separates them.
const LOWER: VirtAddr = VirtAddr::new(0x1234_5000);
const UPPER: VirtAddr = VirtAddr::new(0xffff_8000_1234_5000);

fn lass(registers: &mut Registers) {
    registers.cr4 |= Cr4::LASS | Cr4::SMAP;
}

/// Rule 28. SDM vol. 3, 4.2.3: LASS looks at bit 63 alone, before the tables: #GP(0) or #SS(0)
/// and no page fault.
#[test]
fn lass_refuses_the_other_half_before_the_tables_are_looked_at() {
    for mode in IA32E {
        for (address, access) in [(UPPER, USER), (LOWER, SUPERVISOR), (LOWER, IMPLICIT)] {
            for flags in [USER_PAGE, ABSENT] {
                let page = OnePage::at(mode, address, PageSize::Size4KiB, flags);
                for kind in [READ, WRITE, FETCH] {
                    let refused = page.attempt(lass, kind, access);
                    assert_eq!(refused, Err(Fault::AddressSpace(address)));
                }
                assert!(!page.entry(Level::Pml4e).contains(Entry::ACCESSED));
            }
        }
    }
}

/// Rule 28. SDM vol. 3, 4.2.3: the supervisor's data accesses are separated only where SMAP
/// binds them.
#[test]
fn lass_separates_the_supervisors_data_only_where_smap_does() {
    let lifted = |registers: &mut Registers| {
        lass(registers);
        registers.alignment_check = AlignmentCheck::Set;
    };
    let without_smap = |registers: &mut Registers| registers.cr4 |= Cr4::LASS;
    let page = OnePage::at(PagingMode::FourLevel, LOWER, PageSize::Size4KiB, USER_PAGE);
    let refused = Err(Fault::AddressSpace(LOWER));
    assert!(page.attempt(lifted, READ, SUPERVISOR).is_ok());
    assert_eq!(page.attempt(lifted, READ, IMPLICIT), refused);
    assert_eq!(page.attempt(lifted, FETCH, SUPERVISOR), refused);
    assert!(page.attempt(without_smap, WRITE, SUPERVISOR).is_ok());
    assert!(page.attempt(without_smap, WRITE, IMPLICIT).is_ok());
    assert_eq!(page.attempt(without_smap, FETCH, SUPERVISOR), refused);
}

/// Rule 28. SDM vol. 3, 4.2.3: LASS refuses what is cached, too, and lets each keep its half.
#[test]
fn lass_holds_for_cached_translations() {
    let page = OnePage::at(PagingMode::FourLevel, LOWER, PageSize::Size4KiB, USER_PAGE);
    let mut mmu = page.functional(lass);
    assert!(page.access(&mut mmu, READ, USER).is_ok());
    let refused = page.access(&mut mmu, READ, SUPERVISOR);
    assert_eq!(refused, Err(Fault::AddressSpace(LOWER)));
    assert!(page.access(&mut mmu, READ, USER).is_ok());

    let page = OnePage::at(
        PagingMode::FourLevel,
        UPPER,
        PageSize::Size4KiB,
        SUPERVISOR_PAGE,
    );
    let mut mmu = page.functional(lass);
    assert!(page.access(&mut mmu, WRITE, SUPERVISOR).is_ok());
    let refused = page.access(&mut mmu, READ, USER);
    assert_eq!(refused, Err(Fault::AddressSpace(UPPER)));
}
