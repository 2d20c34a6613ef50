//! What a write to a register drops.

use mmu_core::{Cr0, KeyRights, Msr, Observer, Pcid, Scope};
use tests::processor::small;
use tlb::PcidCapacity;

use super::*;

/// Rule 62. SDM vol. 3, 4.10.4.1: with CR4.PCIDE = 0 MOV to CR3 drops what is not global of
/// PCID 0.
#[test]
fn mov_to_cr3_without_pcids_drops_all_that_is_not_global() {
    for (flags, kept) in [(USER_PAGE, false), (GLOBAL_PAGE, true)] {
        let page = OnePage::small(flags);
        let mut mmu = page.cached(as_is);
        page.access(&mut mmu, READ, USER).unwrap();
        page.map(ELSEWHERE, flags);
        let flushed = mmu.write_cr3(page.ram(), ROOT).unwrap();
        assert_eq!(flushed.scope, Some(Scope::Pcid(Pcid::ZERO)));
        assert_eq!(flushed.structures, 3);
        let found = page.access(&mut mmu, READ, USER).unwrap();
        assert_eq!(found.translation.page() == page.frame(), kept);
    }
}

/// Rule 62. SDM vol. 3, 4.10.4.1: with CR4.PCIDE = 1 it drops what is not global of the new
/// PCID, unless bit 63 of the operand is set, which is not stored.
#[test]
fn mov_to_cr3_with_pcids_drops_the_new_one_unless_bit_63_is_set() {
    let write = |value| {
        left(USER_PAGE, move |mmu, page| {
            let flushed = mmu.write_cr3(page.ram(), value).unwrap();
            let scope = Scope::Pcid(Pcid::from_cr3(value));
            assert_eq!(flushed.scope, (value & KEEP == 0).then_some(scope));
            assert_eq!(mmu.registers().cr3, value & !KEEP);
        })
    };
    assert_eq!(write(ROOT | 1), NOTHING_LEFT);
    assert_eq!(write(ROOT | 2), ALL_LEFT);
    assert_eq!(write(ROOT | 1 | KEEP), ALL_LEFT);
}

/// Rule 62. SDM vol. 3, 4.10.2.3: a processor may drop translations of other PCIDs; who follows
/// what is dropped is told of them too, once, and without a scope if nothing had to go.
#[test]
fn what_the_tlbs_cannot_keep_of_other_pcids_is_said() {
    #[derive(Default)]
    struct Told(Vec<Flushed>);

    impl Observer for Told {
        fn flushed(&mut self, flushed: Flushed) {
            self.0.push(flushed);
        }
    }

    let page = OnePage::small(USER_PAGE);
    let mut config = small();
    config.tlbs.levels[1].tlbs[0].pcids = PcidCapacity::Last {
        plain: 1,
        keeping: 2,
    };
    let mut registers = page.registers();
    registers.cr4 |= Cr4::PCID_ENABLE;
    let features = CpuFeatures::default();
    let mut mmu = TimedMmu::timed(features, registers, &config, Told::default()).unwrap();
    for pcid in [1, 2] {
        let flushed = mmu.write_cr3(page.ram(), ROOT | pcid | KEEP).unwrap();
        assert_eq!(flushed, Flushed::default());
        page.access(&mut mmu, READ, USER).unwrap();
    }
    let keeping = mmu.write_cr3(page.ram(), ROOT | 3 | KEEP).unwrap();
    let of_pcid_1 = Flushed {
        scope: None,
        translations: 1,
        structures: 0,
    };
    assert_eq!(keeping, of_pcid_1);
    page.access(&mut mmu, READ, USER).unwrap();
    let plain = mmu.write_cr3(page.ram(), ROOT | 3).unwrap();
    let of_pcids_3_and_2 = Flushed {
        scope: Some(Scope::Pcid(Pcid::from_cr3(3))),
        translations: 2 + 1,
        structures: 3,
    };
    assert_eq!(plain, of_pcids_3_and_2);
    assert_eq!(mmu.observer().0, [of_pcid_1, of_pcids_3_and_2]);
}

/// Rule 63. SDM vol. 3, 4.10.2.4 and 4.10.3.1: the paging-structure caches know no global pages;
/// MOV to CR3 drops even what led to one.
#[test]
fn mov_to_cr3_keeps_global_translations_and_no_structures() {
    let write = |mmu: &mut TimedMmu, page: &OnePage| {
        let _ = mmu.write_cr3(page.ram(), ROOT | 1).unwrap();
    };
    assert_eq!(left(GLOBAL_PAGE, write), TRANSLATION_LEFT);
}

fn toggle_cr4(mmu: &mut TimedMmu, page: &OnePage, flags: Cr4) -> Flushed {
    let cr4 = mmu.registers().cr4 ^ flags;
    mmu.write_cr4(page.ram(), cr4.bits()).unwrap()
}

/// Rule 64. SDM vol. 3, 4.10.4.1: a change of CR4.PGE drops everything, of all PCIDs and global.
#[test]
fn a_change_of_pge_drops_everything() {
    for flags in [USER_PAGE, GLOBAL_PAGE] {
        let found = left(flags, |mmu, page| {
            under_pcid_2(mmu, page);
            let flushed = toggle_cr4(mmu, page, Cr4::PAGE_GLOBAL_ENABLE);
            assert_eq!(flushed.scope, Some(Scope::All));
            assert_eq!(flushed.structures, 3);
        });
        assert_eq!(found, NOTHING_LEFT);
    }
}

/// Rule 64. SDM vol. 3, 4.10.4.1: so does clearing CR4.PCIDE; setting it drops nothing.
#[test]
fn clearing_pcide_drops_everything() {
    let page = OnePage::small(GLOBAL_PAGE);
    let mut mmu = page.cached(as_is);
    page.access(&mut mmu, READ, USER).unwrap();
    let flushed = toggle_cr4(&mut mmu, &page, Cr4::PCID_ENABLE);
    assert_eq!(flushed, Flushed::default());
    let flushed = toggle_cr4(&mut mmu, &page, Cr4::PCID_ENABLE);
    assert_eq!((flushed.scope, flushed.structures), (Some(Scope::All), 3));
    assert!(flushed.translations > 0);
}

/// Rule 64. SDM vol. 3, 4.10.4.1: setting CR4.SMEP drops all of the current PCID; clearing it
/// nothing.
#[test]
fn setting_smep_drops_the_current_pcid() {
    let toggle = |mmu: &mut TimedMmu, page: &OnePage| {
        let _ = toggle_cr4(mmu, page, Cr4::SMEP);
    };
    for flags in [USER_PAGE, GLOBAL_PAGE] {
        assert_eq!(left(flags, toggle), NOTHING_LEFT);
    }
    let elsewhere = left(USER_PAGE, |mmu, page| {
        under_pcid_2(mmu, page);
        toggle(mmu, page);
    });
    assert_eq!(elsewhere, ALL_LEFT);
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.cached(|registers| registers.cr4 |= Cr4::SMEP);
    page.access(&mut mmu, READ, USER).unwrap();
    assert_eq!(toggle_cr4(&mut mmu, &page, Cr4::SMEP), Flushed::default());
}

/// Rule 64. SDM vol. 3, 4.10.4.1: a change of CR4.PAE drops all of the current PCID, and so the
/// mode's translations do not outlive it.
#[test]
fn a_change_of_pae_drops_the_translations_of_the_other_mode() {
    let page = OnePage::new(PagingMode::Pae, PageSize::Size4KiB, GLOBAL_PAGE);
    let mut mmu = page.cached(as_is);
    page.access(&mut mmu, READ, USER).unwrap();
    let flushed = toggle_cr4(&mut mmu, &page, Cr4::PHYSICAL_ADDRESS_EXTENSION);
    assert!(flushed.translations > 0 && flushed.structures > 0);
    assert_eq!(mmu.regime().mode(), PagingMode::ThirtyTwoBit);
    assert!(
        page.access(&mut mmu, READ, USER).is_err(),
        "the PDPT is no page directory"
    );
}

/// Rule 64. SDM vol. 3, 4.10.4.1 lets a processor drop more: what is folded into translations
/// is never used under another value of its bit of CR4.
#[test]
fn what_cr4_changes_counts_at_once_for_cached_pages() {
    const SS_READ: AccessKind = AccessKind::ShadowStackRead;
    let shadow_stack = READ_ONLY | Entry::DIRTY | bit(59);
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, shadow_stack);
        let mut mmu = page.cached(|registers| registers.pkru = KeyRights::from_bits(0b0100));
        page.access(&mut mmu, READ, USER).unwrap();
        let _ = toggle_cr4(&mut mmu, &page, Cr4::CET);
        assert!(page.access(&mut mmu, SS_READ, USER).is_ok());
        let _ = toggle_cr4(&mut mmu, &page, Cr4::PROTECTION_KEYS);
        assert_eq!(code(page.access(&mut mmu, READ, USER)).bits(), 0x25);
        let _ = toggle_cr4(&mut mmu, &page, Cr4::PROTECTION_KEYS | Cr4::SMAP);
        assert!(page.access(&mut mmu, READ, USER).is_ok());
        assert_eq!(code(page.access(&mut mmu, READ, SUPERVISOR)).bits(), 0x1);
    }
}

/// Rule 65. SDM vol. 3, 4.10.4.1: clearing CR0.PG drops everything, of all PCIDs and global.
#[test]
fn turning_paging_off_drops_everything() {
    for flags in [USER_PAGE, GLOBAL_PAGE] {
        let page = OnePage::small(flags);
        let mut mmu = page.cached(as_is);
        page.access(&mut mmu, READ, USER).unwrap();
        let off = mmu.registers().cr0 - Cr0::PAGING;
        let flushed = mmu.write_cr0(page.ram(), off.bits()).unwrap();
        assert_eq!((flushed.scope, flushed.structures), (Some(Scope::All), 3));
        let found = page.access(&mut mmu, WRITE, USER).unwrap();
        assert_eq!(
            found.address.as_u64(),
            page.address().as_u64() & 0xffff_ffff
        );
    }
}

/// Rule 65. SDM vol. 3, 4.10.4.1: a change of CR0.WP need drop nothing; it counts at once.
#[test]
fn wp_counts_at_once_and_drops_nothing() {
    let page = OnePage::small(READ_ONLY);
    let mut mmu = page.cached(as_is);
    page.access(&mut mmu, READ, SUPERVISOR).unwrap();
    for permitted in [true, false, true] {
        let toggled = mmu.registers().cr0 ^ Cr0::WRITE_PROTECT;
        let flushed = mmu.write_cr0(page.ram(), toggled.bits()).unwrap();
        assert_eq!(flushed, Flushed::default());
        let written = page.access(&mut mmu, WRITE, SUPERVISOR);
        assert_eq!(written.is_ok(), permitted);
    }
}

/// SDM vol. 3, 4.10.4.1 and 12.12.4: registers that are folded into translations drop them when
/// they change.
#[test]
fn a_change_of_pat_or_nxe_drops_everything() {
    let page = OnePage::small(GLOBAL_PAGE);
    let mut mmu = page.cached(as_is);
    for (register, value) in [(Msr::Pat, 0), (Msr::Efer, 1 << 8)] {
        page.access(&mut mmu, READ, USER).unwrap();
        let flushed = mmu.write_msr(register, value).unwrap();
        assert_eq!(flushed.scope, Some(Scope::All));
        assert!(flushed.translations > 0);
        let value = mmu.read_msr(register);
        assert_eq!(mmu.write_msr(register, value).unwrap(), Flushed::default());
    }
}
