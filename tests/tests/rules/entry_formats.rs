//! Which bits of an entry mean what: SDM vol. 3, 4.3 to 4.5.

use mmu_core::{Cr4, Efer, MemoryType, Msr, PhysAddr};

use crate::*;

fn intel(width: u32, features: Feature) -> CpuFeatures {
    CpuFeatures::new(Vendor::Intel, width, features).unwrap()
}

/// Reads with a processor that has nothing cached and these features.
fn read(page: &OnePage, features: CpuFeatures) -> Result<mmu_core::Translated, Fault> {
    page.access(&mut page.functional_of(features, as_is), READ, SUPERVISOR)
}

/// Rule 37. SDM vol. 3, 4.4.2 and 4.5.4: with M physical-address bits, bits 51:M are reserved
/// in every entry.
#[test]
fn address_bits_beyond_the_width_are_reserved_in_every_entry() {
    for mode in WIDE {
        for &size in sizes(mode) {
            for width in [36, 40, 51] {
                let page = OnePage::new(mode, size, USER_PAGE);
                for (level, number) in page.levels().flat_map(|l| (width..52).map(move |n| (l, n)))
                {
                    page.add(level, bit(number));
                    let fault = fault(read(&page, intel(width, Feature::all())));
                    assert_eq!((fault.error_code.bits(), fault.level), (0x9, level));
                    page.remove(level, bit(number));
                }
                page.add(page.leaf(), bit(width - 1));
                let found = read(&page, intel(width, Feature::all())).unwrap();
                assert!(found.address.as_u64() >= 1 << (width - 1));
            }
        }
    }
}

/// Rule 38. SDM vol. 3, tables 4-14, 4-15 and 4-17: PS is reserved in PML5Es and PML4Es, and in
/// the PDPTEs of a processor without 1-GiB pages.
#[test]
fn ps_is_reserved_where_no_page_can_be_mapped() {
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
        for level in page.levels().filter(|&level| level >= Level::Pml4e) {
            page.add(level, Entry::LARGE);
            let fault = fault(read(&page, CpuFeatures::default()));
            assert_eq!((fault.error_code.bits(), fault.level), (0x9, level));
            page.remove(level, Entry::LARGE);
        }
        let page = OnePage::new(mode, PageSize::Size1GiB, USER_PAGE);
        assert!(read(&page, CpuFeatures::default()).is_ok());
        let without = intel(52, Feature::all() - Feature::PAGES_1_GIB);
        assert_eq!(code(read(&page, without)).bits(), 0x9);
    }
}

/// Rule 39. SDM vol. 3, tables 4-9, 4-16 and 4-18: the address of a large page has zeros below
/// its size, but for PAT, bit 12.
#[test]
fn below_the_size_of_a_large_page_only_pat_may_be_set() {
    let cases = [
        (&WIDE[..], PageSize::Size2MiB, 13..=20),
        (&IA32E[..], PageSize::Size1GiB, 13..=29),
    ];
    for (modes, size, reserved) in cases {
        for &mode in modes {
            for number in reserved.clone() {
                let page = OnePage::new(mode, size, USER_PAGE | bit(number));
                assert_eq!(code(page.attempt(as_is, READ, USER)).bits(), 0xd);
            }
            let page = OnePage::new(mode, size, USER_PAGE | bit(12));
            let found = page.attempt(as_is, READ, USER).unwrap();
            assert_eq!(
                found.translation.page(),
                page.frame(),
                "PAT is no address bit"
            );
        }
    }
}

/// Rules 38 and 40. SDM vol. 3, 4.9.2: the index into the PAT is 4·PAT + 2·PCD + PWT; PAT is
/// bit 7 of an entry that maps 4 KiB, bit 12 of one that maps more.
#[test]
fn the_pat_index_is_4_pat_2_pcd_pwt() {
    for mode in MODES {
        for &size in sizes(mode) {
            let pat = match size {
                PageSize::Size4KiB => bit(7),
                _ => bit(12),
            };
            for index in 0..8_u64 {
                let mut flags = USER_PAGE;
                flags.set(Entry::WRITE_THROUGH, index & 1 != 0);
                flags.set(Entry::CACHE_DISABLE, index & 2 != 0);
                flags.set(pat, index & 4 != 0);
                let page = OnePage::new(mode, size, flags);
                let mut mmu = page.functional(as_is);
                let wp_at_index = 0x0606_0606_0606_0606 ^ 3 << (8 * index);
                let _ = mmu.write_msr(Msr::Pat, wp_at_index).unwrap();
                let found = page.access(&mut mmu, READ, USER).unwrap();
                let memory_type = found.translation.memory_type();
                assert_eq!(
                    memory_type,
                    MemoryType::WriteProtected,
                    "{mode} {size} {index}"
                );
            }
        }
    }
}

/// Rule 41. SDM vol. 3, tables 4-5 and 4-6: no bit of an entry of 32-bit paging is reserved,
/// but in one that maps 4 MiB; there is no XD.
#[test]
fn entries_of_32_bit_paging_have_no_reserved_bits() {
    for number in 7..32 {
        let page = OnePage::new(PagingMode::ThirtyTwoBit, PageSize::Size4KiB, USER_PAGE);
        page.add(Level::Pte, bit(number));
        assert!(page.attempt(as_is, FETCH, USER).is_ok(), "bit {number}");
        if (8..12).contains(&number) {
            page.add(Level::Pde, bit(number));
            assert!(page.attempt(as_is, FETCH, USER).is_ok(), "bit {number}");
        }
    }
}

/// Rule 41. SDM vol. 3, 4.3: with CR4.PSE = 0, PS of a PDE is ignored.
#[test]
fn without_pse_ps_is_ignored() {
    let page = OnePage::new(PagingMode::ThirtyTwoBit, PageSize::Size4KiB, USER_PAGE);
    page.add(Level::Pde, Entry::LARGE);
    let without = |registers: &mut Registers| registers.cr4 -= Cr4::PAGE_SIZE_EXTENSIONS;
    let found = page.attempt(without, READ, USER).unwrap();
    assert_eq!(found.translation.size(), PageSize::Size4KiB);
    assert_eq!(found.translation.page(), page.frame());
}

/// Rule 42. SDM vol. 3, 4.4 and 4.5: CR4.PSE says nothing about modes of 64-bit entries.
#[test]
fn pse_has_no_effect_on_modes_of_wide_entries() {
    for mode in WIDE {
        for &size in sizes(mode) {
            let page = OnePage::new(mode, size, USER_PAGE);
            for pse in [false, true] {
                let set = |r: &mut Registers| r.cr4.set(Cr4::PAGE_SIZE_EXTENSIONS, pse);
                let found = page.attempt(set, READ, USER).unwrap();
                assert_eq!(found.translation.size(), size);
            }
        }
    }
}

/// Rule 43. SDM vol. 3, table 4-4: with PSE-36, bits 20:13 of a PDE that maps 4 MiB are address
/// bits 39:32, as far as the processor has them.
#[test]
fn with_pse_36_bits_20_to_13_are_address_bits_39_to_32() {
    for number in 13..=20 {
        let flags = USER_PAGE | bit(number);
        let page = OnePage::new(PagingMode::ThirtyTwoBit, PageSize::Size4MiB, flags);
        let found = read(&page, CpuFeatures::default()).unwrap();
        let upper = 1 << (number + 19);
        assert_eq!(found.translation.page(), page.frame().wrapping_add(upper));

        let width = number + 19;
        let narrower = intel(width, Feature::all());
        assert_eq!(code(read(&page, narrower)).bits(), 0x9, "{width} bits");
        assert!(read(&page, intel(width + 1, Feature::all())).is_ok());
    }
}

/// Rule 43. SDM vol. 3, table 4-4: bit 21 is reserved, and without PSE-36 bits 20:13 as well.
#[test]
fn bit_21_of_a_4_mib_page_is_reserved_and_without_pse_36_so_are_20_to_13() {
    let without = intel(52, Feature::all() - Feature::PSE_36);
    for number in 13..=21 {
        let flags = USER_PAGE | bit(number);
        let page = OnePage::new(PagingMode::ThirtyTwoBit, PageSize::Size4MiB, flags);
        assert_eq!(code(read(&page, without)).bits(), 0x9);
        assert_eq!(read(&page, CpuFeatures::default()).is_err(), number == 21);
    }
}

/// Rule 44. SDM vol. 3, 4.4.2 and 4.5.4: XD is reserved while EFER.NXE = 0.
#[test]
fn xd_is_reserved_without_nxe() {
    for mode in WIDE {
        for &size in sizes(mode) {
            let page = OnePage::new(mode, size, USER_PAGE);
            let without = |r: &mut Registers| r.efer -= Efer::NO_EXECUTE_ENABLE;
            for level in page.levels() {
                page.add(level, Entry::NO_EXECUTE);
                let fault = fault(page.attempt(without, READ, USER));
                assert_eq!((fault.error_code.bits(), fault.level), (0xd, level));
                assert!(page.attempt(as_is, READ, USER).is_ok());
                page.remove(level, Entry::NO_EXECUTE);
            }
        }
    }
}

/// Rule 45. SDM vol. 3, 4.10.2.4 and tables 4-15, 4-17 and 4-19: G counts in the entry that
/// maps the page, while CR4.PGE = 1; elsewhere it is ignored.
#[test]
fn g_is_ignored_in_tables_and_without_pge() {
    use tlb::Cacheable;

    for page in pages(USER_PAGE) {
        let is_global = |change: fn(&mut Registers)| {
            let found = page.attempt(change, READ, USER).unwrap();
            found.translation.is_global()
        };
        for level in page.levels().filter(|&level| level != page.leaf()) {
            page.add(level, Entry::GLOBAL);
        }
        assert!(!is_global(as_is));
        page.add(page.leaf(), Entry::GLOBAL);
        assert!(is_global(as_is));
        assert!(!is_global(|r| r.cr4 -= Cr4::PAGE_GLOBAL_ENABLE));
    }
}

/// Rule 45. APM vol. 2, 5.3.3 (figure 5-18): bit 8 of a PML4E must be zero; of a PDPTE it is
/// not reserved, as KVM found out. Unverified: for a PML5E the same is assumed.
#[test]
fn amd_reserves_bit_8_near_the_root() {
    let all = Feature::all() - Feature::PKS - Feature::LAM - Feature::LASS;
    let amd = CpuFeatures::new(Vendor::Amd, 52, all).unwrap();
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
        for level in page.levels() {
            page.add(level, Entry::GLOBAL);
            assert_eq!(read(&page, amd).is_err(), level >= Level::Pml4e, "{level}");
            page.remove(level, Entry::GLOBAL);
        }
    }
}

/// Rule 48. SDM vol. 3, tables 4-15 to 4-20: bits 11:9 and, in IA-32e mode, 62:52 are
/// software's; accessed and dirty bits are set beside them.
#[test]
fn ignored_bits_never_fault_and_are_kept() {
    for page in pages(USER_PAGE) {
        let software = Entry::SOFTWARE_9 | Entry::SOFTWARE_10 | Entry::SOFTWARE_11;
        let is_ia32e = page.registers().paging_mode().is_ia32e();
        let upper = if is_ia32e { 0x7ff << 52 } else { 0 };
        let ignored = software | Entry::from_bits_retain(upper);
        page.levels().for_each(|level| page.add(level, ignored));
        assert!(page.attempt(as_is, WRITE, USER).is_ok());
        for level in page.levels() {
            let entry = page.entry(level);
            assert!(entry.contains(ignored | Entry::ACCESSED), "{level}");
        }
        assert_eq!(page.entry(page.leaf()).bits() & 0x60, 0x60);
    }
}

/// SDM vol. 3, 4.3 to 4.5: the offset in the page is the same in the linear address and in the
/// physical one, in every mode and for every size.
#[test]
fn every_size_of_page_keeps_its_offset() {
    for mode in MODES {
        for &size in sizes(mode) {
            let page = OnePage::new(mode, size, USER_PAGE);
            let found = page.attempt(as_is, READ, USER).unwrap();
            let offset = page.address().offset_in(size);
            let expected = PhysAddr::new(page.frame().as_u64() + offset);
            assert_eq!((found.address, found.translation.size()), (expected, size));
        }
    }
}
