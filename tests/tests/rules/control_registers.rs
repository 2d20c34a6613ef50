//! What may be written to the registers that decide on paging: SDM vol. 3, 2.5, 4.1 and
//! 4.10.1.

use mmu_core::{Cr0, Cr4, Efer, Msr};

use crate::*;

/// Rule 66. SDM vol. 3, 4.10.1: CR4.PCIDE can be set in IA-32e mode only, and while bits 11:0
/// of CR3 are zero.
#[test]
fn pcids_can_be_turned_on_in_ia32e_mode_with_pcid_0_only() {
    for page in small_pages(USER_PAGE) {
        let mut mmu = page.functional(as_is);
        let cr4 = mmu.registers().cr4 | Cr4::PCID_ENABLE;
        let turned_on = mmu.write_cr4(page.ram(), cr4.bits());
        if !mmu.regime().mode().is_ia32e() {
            assert_eq!(turned_on, Err(GeneralProtection::PcidsOutsideLongMode));
            continue;
        }
        assert!(turned_on.is_ok());
        let mut mmu = page.functional(|registers| registers.cr3 |= 0x18);
        let refused = mmu.write_cr4(page.ram(), cr4.bits());
        assert_eq!(refused, Err(GeneralProtection::PcidsWithCr3(0x18)));
        assert!(!mmu.registers().cr4.contains(Cr4::PCID_ENABLE));
    }
}

/// Rule 66. SDM vol. 3, 4.10.1: CR0.PG cannot be cleared while CR4.PCIDE = 1.
#[test]
fn paging_cannot_be_turned_off_while_there_are_pcids() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.functional(|registers| registers.cr4 |= Cr4::PCID_ENABLE);
    let off = mmu.registers().cr0 - Cr0::PAGING;
    let refused = mmu.write_cr0(page.ram(), off.bits());
    assert_eq!(refused, Err(GeneralProtection::PagingOffWithPcids));
    let cr4 = mmu.registers().cr4 - Cr4::PCID_ENABLE;
    let _ = mmu.write_cr4(page.ram(), cr4.bits()).unwrap();
    assert!(mmu.write_cr0(page.ram(), off.bits()).is_ok());
}

/// Rule 67. SDM vol. 3, 4.1.2: in IA-32e mode CR4.PAE cannot be cleared, nor CR4.LA57 changed,
/// nor EFER.LME.
#[test]
fn ia32e_mode_cannot_be_left_or_changed_while_paging() {
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
        let mut mmu = page.functional(as_is);
        let (cr4, efer) = (mmu.registers().cr4, mmu.registers().efer);
        for (flag, refused) in [
            (
                Cr4::PHYSICAL_ADDRESS_EXTENSION,
                GeneralProtection::PaeOffInLongMode,
            ),
            (Cr4::LINEAR_ADDRESS_57, GeneralProtection::La57InLongMode),
        ] {
            let changed = (cr4 ^ flag).bits();
            assert_eq!(mmu.write_cr4(page.ram(), changed), Err(refused));
        }
        let without = (efer - Efer::LONG_MODE_ENABLE).bits();
        let refused = Err(GeneralProtection::LongModeWhilePaging);
        assert_eq!(mmu.write_msr(Msr::Efer, without), refused);
        assert_eq!(mmu.regime().mode(), mode);
    }
}

/// Rule 67. SDM vol. 3, 4.1.2: EFER.LME cannot be set while another kind of paging is on.
#[test]
fn ia32e_mode_cannot_be_entered_while_paging() {
    for mode in [PagingMode::ThirtyTwoBit, PagingMode::Pae] {
        let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
        let mut mmu = page.functional(as_is);
        let with = (mmu.registers().efer | Efer::LONG_MODE_ENABLE).bits();
        let refused = Err(GeneralProtection::LongModeWhilePaging);
        assert_eq!(mmu.write_msr(Msr::Efer, with), refused);
    }
}

/// Rule 67. SDM vol. 3, 4.1.2: with EFER.LME = 1, paging can be turned on with CR4.PAE only.
#[test]
fn long_mode_needs_pae() {
    let page = OnePage::new(PagingMode::Off, PageSize::Size4KiB, USER_PAGE);
    let mut mmu = page.functional(|registers| registers.efer |= Efer::LONG_MODE_ENABLE);
    let on = (mmu.registers().cr0 | Cr0::PAGING).bits();
    let refused = mmu.write_cr0(page.ram(), on);
    assert_eq!(refused, Err(GeneralProtection::LongModeWithoutPae));
    let cr4 = mmu.registers().cr4 | Cr4::PHYSICAL_ADDRESS_EXTENSION;
    let _ = mmu.write_cr4(page.ram(), cr4.bits()).unwrap();
    let _ = mmu.write_cr0(page.ram(), on).unwrap();
    assert_eq!(mmu.regime().mode(), PagingMode::FourLevel);
}

/// SDM vol. 3, 2.2.1 and 4.1.2: EFER.LMA follows LME and CR0.PG, and cannot be written.
#[test]
fn lma_is_lme_while_paging() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.functional(as_is);
    let lma = |mmu: &mmu_core::FunctionalMmu| {
        let efer = Efer::from_bits_retain(mmu.read_msr(Msr::Efer));
        efer.contains(Efer::LONG_MODE_ACTIVE)
    };
    assert!(lma(&mmu));
    let efer = mmu.registers().efer - Efer::LONG_MODE_ACTIVE;
    let _ = mmu.write_msr(Msr::Efer, efer.bits()).unwrap();
    assert!(lma(&mmu));
    let cr0 = mmu.registers().cr0 - Cr0::PAGING;
    let _ = mmu.write_cr0(page.ram(), cr0.bits()).unwrap();
    assert!(!lma(&mmu));
}

/// SDM vol. 3, 2.5, and vol. 2, MOV to CR: PG needs PE, NW needs CD, bits 63:32 are zero.
#[test]
fn cr0_refuses_what_makes_no_sense() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.functional(as_is);
    let cr0 = mmu.registers().cr0;
    for (value, refused) in [
        (
            (cr0 - Cr0::PROTECTION_ENABLE).bits(),
            GeneralProtection::PagingWithoutProtection,
        ),
        (
            (cr0 | Cr0::NOT_WRITE_THROUGH).bits(),
            GeneralProtection::NotWriteThroughWithoutCacheDisable,
        ),
        (
            cr0.bits() | 1 << 32,
            GeneralProtection::Cr0Reserved(cr0.bits() | 1 << 32),
        ),
    ] {
        assert_eq!(mmu.write_cr0(page.ram(), value), Err(refused));
        assert_eq!(mmu.registers().cr0, cr0);
    }
}

/// SDM vol. 3, 2.5 and 4.1.4: a bit of CR4 or EFER is reserved on a processor without the
/// feature.
#[test]
fn bits_of_missing_features_are_reserved() {
    let page = OnePage::new(PagingMode::Off, PageSize::Size4KiB, USER_PAGE);
    for (feature, flag) in [
        (Feature::PGE, Cr4::PAGE_GLOBAL_ENABLE),
        (Feature::LA57, Cr4::LINEAR_ADDRESS_57),
        (Feature::PCID, Cr4::PCID_ENABLE),
        (Feature::SMEP, Cr4::SMEP),
        (Feature::SMAP, Cr4::SMAP),
        (Feature::PKU, Cr4::PROTECTION_KEYS),
        (Feature::PKS, Cr4::SUPERVISOR_PROTECTION_KEYS),
        (Feature::CET, Cr4::CET),
        (Feature::LASS, Cr4::LASS),
        (Feature::LAM, Cr4::LAM_SUPERVISOR),
    ] {
        // No processor has long mode and not PGE.
        let others = match feature {
            Feature::PGE => Feature::PAE,
            _ => Feature::all() - feature,
        };
        let features = CpuFeatures::new(Vendor::Intel, 52, others).unwrap();
        let mut mmu = page.functional_of(features, |registers| registers.cr4 = Cr4::empty());
        let refused = mmu.write_cr4(page.ram(), flag.bits()).unwrap_err();
        let reserved = flag.bits();
        let value = reserved;
        assert_eq!(refused, GeneralProtection::Cr4Reserved { value, reserved });
    }
    let features = Feature::all() - Feature::NO_EXECUTE;
    let features = CpuFeatures::new(Vendor::Intel, 52, features).unwrap();
    let mut mmu = page.functional_of(features, as_is);
    let nxe = Efer::NO_EXECUTE_ENABLE.bits();
    assert!(mmu.write_msr(Msr::Efer, nxe).is_err());
}

/// SDM vol. 3, table 4-12, and vol. 2, MOV to CR: bits 60:M of CR3 are reserved, and bit 63
/// while CR4.PCIDE = 0.
#[test]
fn reserved_bits_of_cr3_are_refused() {
    let features = CpuFeatures::new(Vendor::Intel, 40, Feature::all()).unwrap();
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
        let mut mmu = page.functional_of(features, as_is);
        for number in 32..64 {
            let written = mmu.write_cr3(page.ram(), 0x1000 | 1 << number);
            let reserved = matches!(number, 40..=60 | 63);
            assert_eq!(written.is_err(), reserved, "bit {number}");
        }
    }
}
