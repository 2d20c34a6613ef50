//! INVLPG and INVPCID.

use mmu_core::FunctionalMmu;

use super::*;

fn descriptor(address: VirtAddr, pcid: u64) -> u128 {
    u128::from(address.as_u64()) << 64 | u128::from(pcid)
}

fn invpcid(mmu: &mut TimedMmu, operation: u64, descriptor: u128) -> Flushed {
    let invalidation = Invalidation::Invpcid {
        operation,
        descriptor,
    };
    mmu.invalidate(invalidation).unwrap()
}

/// Rule 60. SDM vol. 3, 4.10.4.1: INVLPG drops the page, and all paging-structure caches of the
/// current PCID whatever the address.
#[test]
fn invlpg_drops_the_page_and_all_structures_of_the_pcid() {
    assert_eq!(left(USER_PAGE, |_, _| {}), ALL_LEFT);
    let of_the_page = left(USER_PAGE, |mmu, page| {
        let _ = invlpg(mmu, page.address());
    });
    assert_eq!(of_the_page, NOTHING_LEFT);
    let of_another = left(USER_PAGE, |mmu, _| {
        let _ = invlpg(mmu, VirtAddr::new(0x7000_0000_0000));
    });
    assert_eq!(of_another, TRANSLATION_LEFT);
}

/// Rule 60. SDM vol. 3, 4.10.4.1: what other PCIDs have stays, but for global translations of
/// the page.
#[test]
fn invlpg_drops_global_translations_of_the_page_under_any_pcid() {
    let elsewhere = |mmu: &mut TimedMmu, page: &OnePage| {
        under_pcid_2(mmu, page);
        let _ = invlpg(mmu, page.address());
    };
    assert_eq!(left(USER_PAGE, elsewhere), ALL_LEFT);
    assert_eq!(left(GLOBAL_PAGE, elsewhere), STRUCTURES_LEFT);
}

/// Rule 61. SDM vol. 3, 4.10.2.3 and 4.10.4.1: a large page may be held in pieces; INVLPG of any
/// of its addresses drops them all.
#[test]
fn invlpg_anywhere_in_a_large_page_drops_all_of_it() {
    for mode in MODES {
        for &size in &sizes(mode)[1..] {
            let page = OnePage::new(mode, size, USER_PAGE);
            let mut mmu = page.functional(as_is);
            let first = page.address().align_down(size);
            let ends = [first, first.wrapping_add(size.bytes() - 1)];
            let read = |mmu: &mut FunctionalMmu| {
                ends.map(|at| mmu.translate(page.ram(), at, READ, USER).is_ok())
            };
            assert_eq!(read(&mut mmu), [true; 2]);
            page.set(page.leaf(), ABSENT);
            assert_eq!(read(&mut mmu), [true; 2], "stale, and allowed");
            let flushed = mmu
                .invalidate(Invalidation::Invlpg(page.address()))
                .unwrap();
            assert_eq!(flushed.translations, 2);
            assert_eq!(read(&mut mmu), [false; 2]);
        }
    }
}

/// Rule 68. SDM vol. 2, INVPCID: which operands are #GP(0).
#[test]
fn invpcid_refuses_operands_that_mean_nothing() {
    let page = OnePage::small(USER_PAGE);
    let refused = |pcids: bool, operation, descriptor: u128| {
        let mut mmu = page.functional(|r| r.cr4.set(Cr4::PCID_ENABLE, pcids));
        mmu.invalidate(Invalidation::Invpcid {
            operation,
            descriptor,
        })
    };
    for operation in [4, 5, u64::MAX] {
        let expected = Err(GeneralProtection::InvpcidType(operation));
        assert_eq!(refused(true, operation, 0), expected);
    }
    for operation in 0..4 {
        let expected = Err(GeneralProtection::InvpcidReserved(1 << 12));
        assert_eq!(refused(true, operation, 1 << 12), expected);
        let expected = Err(GeneralProtection::InvpcidReserved(1 << 63));
        assert_eq!(refused(true, operation, 1 << 63), expected);
        assert!(refused(true, operation, 0xfff).is_ok());
        let names_a_pcid = operation < 2;
        assert_eq!(refused(false, operation, 1).is_err(), names_a_pcid);
        let non_canonical = 1 << (64 + 47);
        let refused = refused(true, operation, non_canonical);
        assert_eq!(refused.is_err(), operation == 0);
    }
}

/// Rule 68. SDM vol. 2, INVPCID: types 0, 1 and 3 keep global translations, type 2 drops all;
/// the PCID need not be the current one.
#[test]
fn invpcid_drops_what_its_type_says() {
    let run = |flags, operation, pcid| {
        left(flags, |mmu, page| {
            under_pcid_2(mmu, page);
            let _ = invpcid(mmu, operation, descriptor(page.address(), pcid));
        })
    };
    for operation in [0, 1] {
        assert_eq!(run(USER_PAGE, operation, 1), NOTHING_LEFT);
        assert_eq!(run(USER_PAGE, operation, 2), ALL_LEFT);
        assert_eq!(run(GLOBAL_PAGE, operation, 1), TRANSLATION_LEFT);
    }
    assert_eq!(run(USER_PAGE, 2, 0), NOTHING_LEFT);
    assert_eq!(run(GLOBAL_PAGE, 2, 0), NOTHING_LEFT);
    assert_eq!(run(USER_PAGE, 3, 0), NOTHING_LEFT);
    assert_eq!(run(GLOBAL_PAGE, 3, 0), TRANSLATION_LEFT);
}

/// Rule 69. SDM vol. 2, INVPCID: type 0 uses 64 bits of the address in every mode.
#[test]
fn invpcid_of_one_address_uses_all_64_bits_in_every_mode() {
    for page in small_pages(USER_PAGE) {
        let mut mmu = page.cached(as_is);
        page.access(&mut mmu, READ, USER).unwrap();
        let beyond = page.address().wrapping_add(1 << 32);
        assert_eq!(invpcid(&mut mmu, 0, descriptor(beyond, 0)).translations, 0);
        let non_canonical = Invalidation::Invpcid {
            operation: 0,
            descriptor: descriptor(VirtAddr::new(1 << 63), 0),
        };
        assert!(mmu.invalidate(non_canonical).is_err());
        let here = descriptor(page.address(), 0);
        assert_ne!(invpcid(&mut mmu, 0, here).translations, 0);
    }
}
