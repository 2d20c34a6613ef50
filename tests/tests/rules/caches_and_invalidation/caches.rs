//! What the caches hold, and whom it serves.

use mmu_core::{AlignmentCheck, Pcid, Scope};
use tests::Random;

use super::*;

/// Rule 70. SDM vol. 3, 4.10.2.4: a global translation may be used under any PCID, and only
/// that.
#[test]
fn a_global_translation_is_used_under_other_pcids() {
    for flags in [USER_PAGE, GLOBAL_PAGE] {
        let page = OnePage::small(flags);
        let mut mmu = page.cached(|registers| registers.cr4 |= Cr4::PCID_ENABLE);
        page.access(&mut mmu, READ, USER).unwrap();
        page.map(ELSEWHERE, flags);
        under_pcid_2(&mut mmu, &page);
        let found = page.access(&mut mmu, READ, USER).unwrap();
        let is_cached = found.translation.page() == page.frame();
        assert_eq!(is_cached, flags == GLOBAL_PAGE);
    }
}

/// Rule 70. SDM vol. 3, 4.10.1: with CR4.PCIDE = 0 the PCID is 0, whatever bits 11:0 of CR3.
#[test]
fn without_pcids_the_pcid_is_0() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.functional(as_is);
    let _ = mmu.write_cr3(page.ram(), ROOT | 0xfff).unwrap();
    assert_eq!(mmu.regime().pcid(), Pcid::ZERO);
    assert!(page.access(&mut mmu, READ, USER).is_ok());
}

/// Makes a change after a first access, without an invalidation, and says whether another
/// access is permitted then, by a processor of each kind.
fn after_change(
    page: &OnePage,
    first: (AccessKind, PrivilegeMode),
    change: impl Fn(),
    second: (AccessKind, PrivilegeMode),
) -> [bool; 2] {
    let mut functional = page.functional(as_is);
    let mut cached = page.cached(as_is);
    let _ = page.access(&mut functional, first.0, first.1);
    let _ = page.access(&mut cached, first.0, first.1);
    change();
    [
        page.access(&mut functional, second.0, second.1).is_ok(),
        page.access(&mut cached, second.0, second.1).is_ok(),
    ]
}

/// Rule 71. SDM vol. 3, 4.10.4.3: an entry that becomes present needs no invalidation: nothing
/// is cached of one that is not, or that has a reserved bit set (4.10.2.3).
#[test]
fn nothing_is_remembered_of_an_entry_that_leads_nowhere() {
    for bad in [ABSENT, USER_PAGE | bit(7) | bit(51)] {
        for level in Level::FOUR_LEVEL {
            let page = OnePage::small(USER_PAGE);
            let entry = page.entry(level);
            let is_pte = level == Level::Pte;
            let bad = if is_pte && bad != ABSENT {
                USER_PAGE - Entry::PRESENT
            } else {
                bad
            };
            page.set(level, bad);
            let mended = after_change(&page, (READ, USER), || page.set(level, entry), (READ, USER));
            assert_eq!(mended, [true; 2], "{level}");
        }
    }
}

/// Rule 72. SDM vol. 3, 4.10.4.3: after more rights were given without an invalidation, one
/// page fault for each address is allowed. Here there is none: only the tables may refuse.
#[test]
fn rights_that_were_added_count_without_an_invalidation() {
    for (flag, kind) in [
        (Entry::WRITABLE, WRITE),
        (Entry::USER, READ),
        (Entry::NO_EXECUTE, FETCH),
    ] {
        for level in Level::FOUR_LEVEL {
            let page = OnePage::small(USER_PAGE);
            let entry = page.entry(level);
            page.set(level, entry ^ flag);
            let (first, second) = ((READ, SUPERVISOR), (kind, USER));
            let granted = after_change(&page, first, || page.set(level, entry), second);
            assert_eq!(granted, [true; 2], "{flag:?} in the {level}");
        }
    }
}

/// Rule 72. SDM vol. 3, 4.10.4.3: EFLAGS.AC and the like are no part of what is cached.
#[test]
fn ac_counts_at_once_for_cached_pages() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.cached(|registers| registers.cr4 |= Cr4::SMAP);
    page.access(&mut mmu, WRITE, USER).unwrap();
    for (check, permitted) in [(AlignmentCheck::Set, true), (AlignmentCheck::Clear, false)] {
        mmu.set_alignment_check(check);
        assert_eq!(page.access(&mut mmu, READ, SUPERVISOR).is_ok(), permitted);
    }
}

/// Rule 73. SDM vol. 3, 4.10.2.3: after a table was replaced by a large page without an
/// invalidation, both translations may be cached, and a reference may use either.
#[test]
fn a_small_and_a_large_translation_may_be_cached_side_by_side() {
    let page = OnePage::small(USER_PAGE);
    let mut functional = page.functional(as_is);
    let mut cached = page.cached(as_is);
    page.access(&mut functional, READ, USER).unwrap();
    page.access(&mut cached, READ, USER).unwrap();
    let size = PageSize::Size2MiB;
    page.set(Level::Pde, Entry::page(ELSEWHERE, size, USER_PAGE));
    let large = ELSEWHERE.as_u64() + page.address().offset_in(size);
    let small = page.frame().as_u64() + 0xabc;

    let far = page.address().align_down(size);
    let _ = cached.translate(page.ram(), far, READ, USER);
    let _ = cached.translate(page.ram(), far, READ, USER);
    let _ = functional.translate(page.ram(), far, READ, USER);
    for _ in 0..3 {
        let found = page.access(&mut functional, READ, USER).unwrap();
        assert!([small, large].contains(&found.address.as_u64()));
        let found = page.access(&mut cached, READ, USER).unwrap();
        assert!([small, large].contains(&found.address.as_u64()));
    }
    let _ = invlpg(&mut cached, page.address());
    let _ = functional
        .invalidate(Invalidation::Invlpg(page.address()))
        .unwrap();
    let found = page.access(&mut functional, READ, USER).unwrap();
    assert_eq!(found.address.as_u64(), large);
    let found = page.access(&mut cached, READ, USER).unwrap();
    assert_eq!(found.address.as_u64(), large);
}

/// Rule 74. SDM vol. 3, 4.10.2.3: a processor may drop anything at any time; who invalidates as
/// recommended sees no difference.
#[test]
fn dropping_entries_at_random_changes_no_result() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let page = OnePage::small(USER_PAGE);
        let other = OnePage::small(USER_PAGE);
        let mut keeps = page.cached(as_is);
        let mut drops = other.cached(as_is);
        for step in 0..500 {
            let address = page.address().wrapping_add(random.below(8) << 12);
            let pcid = Pcid::ZERO;
            match random.below(8) {
                0 => {
                    let to = PhysAddr::new(random.below(1 << 16) << 12);
                    let flags = Entry::from_bits_retain(random.below(8));
                    let entry = Entry::page(to, PageSize::Size4KiB, flags);
                    page.set_of(Level::Pte, address, entry);
                    other.set_of(Level::Pte, address, entry);
                    let _ = invlpg(&mut keeps, address);
                    let _ = invlpg(&mut drops, address);
                }
                1 => {
                    let scopes = [
                        Scope::Page { address, pcid },
                        Scope::NonGlobal,
                        Scope::Pcid(pcid),
                        Scope::All,
                    ];
                    let scope = scopes[usize::try_from(random.below(4)).unwrap()];
                    let _ = drops.drop_cached(scope);
                }
                access => {
                    let kind = [READ, WRITE, FETCH][usize::try_from(access % 3).unwrap()];
                    let one = keeps.translate(page.ram(), address, kind, USER);
                    let two = drops.translate(other.ram(), address, kind, USER);
                    let places = [one, two].map(|found| {
                        found
                            .map(|found| found.address)
                            .map_err(|fault| match fault {
                                Fault::Page(fault) => fault.error_code,
                                other => panic!("{other}"),
                            })
                    });
                    assert_eq!(places[0], places[1], "seed {seed}, step {step}");
                }
            }
        }
    }
}

/// Rule 75. SDM vol. 3, 4.10.3.2: a walk goes on from the deepest structure that is cached, so
/// that a change nearer the root is not seen until an invalidation.
#[test]
fn a_cached_pde_hides_what_changed_above_it() {
    for invalidate in [
        (|mmu: &mut TimedMmu, page: &OnePage| invlpg(mmu, page.address()))
            as fn(&mut TimedMmu, &OnePage) -> Flushed,
        |mmu, page| mmu.write_cr3(page.ram(), ROOT).unwrap(),
    ] {
        let page = OnePage::small(USER_PAGE);
        let there = Entry::page(ELSEWHERE, PageSize::Size4KiB, USER_PAGE);
        page.set_of(Level::Pte, neighbour(&page), there);
        let mut mmu = page.cached(as_is);
        page.access(&mut mmu, READ, USER).unwrap();
        page.set(Level::Pml4e, ABSENT);
        let near = mmu.translate(page.ram(), neighbour(&page), READ, USER);
        assert!(near.is_ok());
        let _ = invalidate(&mut mmu, &page);
        let next = neighbour(&page).wrapping_add(0x1000);
        let next = mmu.translate(page.ram(), next, READ, USER);
        assert_eq!(fault(next).level, Level::Pml4e);
    }
}

/// Rule 75. SDM vol. 3, 4.10.3.1: a cached structure has the rights of its whole path.
#[test]
fn a_cached_structure_has_the_rights_of_its_path() {
    for (flag, kind, expected) in [
        (Entry::WRITABLE, WRITE, 0x7),
        (Entry::USER, READ, 0x5),
        (Entry::NO_EXECUTE, FETCH, 0x15),
    ] {
        for level in [Level::Pml4e, Level::Pdpte, Level::Pde] {
            let page = OnePage::small(USER_PAGE);
            page.set(level, page.entry(level) ^ flag);
            let there = Entry::page(ELSEWHERE, PageSize::Size4KiB, USER_PAGE);
            page.set_of(Level::Pte, neighbour(&page), there);
            let mut mmu = page.cached(as_is);
            page.access(&mut mmu, READ, SUPERVISOR).unwrap();
            let hits = structure_hits(&mmu);
            let near = mmu.translate(page.ram(), neighbour(&page), kind, USER);
            assert_eq!(code(near).bits(), expected, "{flag:?} in the {level}");
            assert!(structure_hits(&mmu) > hits);
        }
    }
}

/// Rule 75. SDM vol. 3, 4.10.3.1: cached structures belong to a PCID.
#[test]
fn cached_structures_serve_their_pcid_only() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.cached(|registers| registers.cr4 |= Cr4::PCID_ENABLE);
    page.access(&mut mmu, READ, USER).unwrap();
    page.set(Level::Pml4e, ABSENT);
    under_pcid_2(&mut mmu, &page);
    let found = page.access(&mut mmu, READ, USER);
    assert_eq!(fault(found).level, Level::Pml4e);
}

/// Rule 76. SDM vol. 3, 4.10.3.3: an entry that points to its own table is used at every level,
/// and may be in every cache at once; INVLPG drops it from all.
#[test]
fn a_self_referencing_entry_is_cached_at_every_level() {
    let root = OnePage::table(Level::Pml4e);
    let address = VirtAddr::new(0xffff_f6fb_7dbe_d000);
    let page = OnePage::small(USER_PAGE);
    let at = mmu_core::entry_address(root, Level::Pml4e, address);
    let write = |entry: Entry| page.ram().write(at, &entry.bits().to_le_bytes()).unwrap();
    write(Entry::table(root));
    let mut mmu = page.cached(as_is);
    let found = mmu
        .translate(page.ram(), address, WRITE, SUPERVISOR)
        .unwrap();
    assert_eq!(found.address, root);

    write(ABSENT);
    assert!(
        mmu.translate(page.ram(), address, READ, SUPERVISOR).is_ok(),
        "stale"
    );
    let flushed = invlpg(&mut mmu, address);
    assert_eq!(flushed.structures, 3);
    assert!(flushed.translations > 0);
    assert!(
        mmu.translate(page.ram(), address, READ, SUPERVISOR)
            .is_err()
    );
}
