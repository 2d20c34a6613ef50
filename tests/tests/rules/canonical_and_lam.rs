//! Which linear addresses may be used, and which of their bits count: SDM vol. 1, 3.3.7.1, and
//! vol. 3, 4.2.2.

use mmu_core::{Cr4, Invalidation, PhysAddr, VirtAddr};

use crate::*;

/// CR3 bits 62 and 61.
const LAM_U48: u64 = 1 << 62;
const LAM_U57: u64 = 1 << 61;

fn at(mode: PagingMode, address: u64) -> OnePage {
    let address = VirtAddr::new(address);
    OnePage::at(mode, address, PageSize::Size4KiB, USER_PAGE)
}

/// Reads at another address than the page's.
fn read_at(
    page: &OnePage,
    change: impl FnOnce(&mut Registers),
    address: u64,
) -> Result<mmu_core::Translated, Fault> {
    let mut mmu = page.functional(change);
    mmu.translate(page.ram(), VirtAddr::new(address), READ, USER)
}

/// Rule 54. SDM vol. 1, 3.3.7.1: #GP(0), or #SS(0) through the stack segment, and no page fault;
/// the tables are not looked at.
#[test]
fn a_non_canonical_address_is_no_page_fault_and_is_refused_before_the_walk() {
    let page = OnePage::small(USER_PAGE);
    for address in [1 << 47, 1 << 63, u64::MAX >> 1, u64::MAX << 48] {
        let refused = Err(Fault::NonCanonical(VirtAddr::new(address)));
        assert_eq!(read_at(&page, as_is, address), refused);
        for level in page.levels() {
            assert!(!page.entry(level).contains(Entry::ACCESSED));
        }
    }
}

/// Rule 54. SDM vol. 1, 3.3.7.1: no TLB entry serves an address that differs in its upper bits
/// only.
#[test]
fn a_non_canonical_address_finds_nothing_in_the_tlbs() {
    let page = OnePage::small(USER_PAGE);
    let mut functional = page.functional(as_is);
    let mut cached = page.cached(as_is);
    page.access(&mut functional, READ, USER).unwrap();
    page.access(&mut cached, READ, USER).unwrap();
    for number in 48..64 {
        let alias = VirtAddr::new(page.address().as_u64() | 1 << number);
        let refused = Err(Fault::NonCanonical(alias));
        assert_eq!(functional.translate(page.ram(), alias, READ, USER), refused);
        assert_eq!(cached.translate(page.ram(), alias, READ, USER), refused);
    }
}

/// Rule 55. SDM vol. 3, 4.5.1: addresses have 48 bits, or 57 with CR4.LA57. (What is checked
/// when an MSR or a descriptor is loaded is not the MMU's.)
#[test]
fn the_canonical_width_follows_la57() {
    for (mode, width) in [(PagingMode::FourLevel, 48), (PagingMode::FiveLevel, 57)] {
        let last_lower = (1 << (width - 1)) - 1;
        let first_upper = u64::MAX << (width - 1);
        for address in [last_lower, first_upper] {
            assert!(at(mode, address).attempt(as_is, READ, USER).is_ok());
        }
        for address in [last_lower + 1, first_upper - 1] {
            let refused = Err(Fault::NonCanonical(VirtAddr::new(address)));
            assert_eq!(at(mode, address).attempt(as_is, READ, USER), refused);
        }
    }
}

/// Rule 56. SDM vol. 1, 3.3.7.1: every byte of an access must be at a canonical address.
#[test]
fn both_halves_of_a_split_access_must_be_canonical() {
    for (mode, width) in [(PagingMode::FourLevel, 48), (PagingMode::FiveLevel, 57)] {
        let boundary = 1_u64 << (width - 1);
        for (address, faulty) in [
            (boundary - 2, boundary),
            ((u64::MAX << (width - 1)) - 2, (u64::MAX << (width - 1)) - 2),
        ] {
            let page = at(mode, address);
            let (address, faulty) = (VirtAddr::new(address), VirtAddr::new(faulty));
            let mut mmu = page.functional(as_is);
            let split = mmu.translate_span(page.ram(), address, 4, WRITE, USER);
            assert_eq!(split, Err(Fault::NonCanonical(faulty)));
            assert!(!page.entry(Level::Pte).contains(Entry::ACCESSED));
        }
    }
}

/// Rule 56. SDM vol. 3, 3.3: outside IA-32e mode addresses wrap at 4 GiB; in it they do not.
#[test]
fn addresses_wrap_at_4_gib_in_legacy_modes_only() {
    let last = VirtAddr::new(0xffff_fffe);
    for mode in MODES {
        let page = OnePage::at(mode, last, PageSize::Size4KiB, USER_PAGE);
        let next = VirtAddr::new(if mode.is_ia32e() { 1 << 32 } else { 0 });
        for level in [Level::Pml5e, Level::Pml4e, Level::Pdpte, Level::Pde] {
            page.set_of(level, next, page.entry(level));
        }
        let there = Entry::page(PhysAddr::new(0x9000), PageSize::Size4KiB, USER_PAGE);
        page.set_of(Level::Pte, next, there);
        let mut mmu = page.functional(as_is);
        let span = mmu.translate_span(page.ram(), last, 4, READ, USER).unwrap();
        assert_eq!(span.second.unwrap().address.as_u64(), 0x9000, "{mode}");
        let mapped = mmu.regime().inspect(page.ram(), next).unwrap();
        assert_eq!(mapped.address, next);
    }
}

/// Rule 57. SDM vol. 2, INVLPG and INVPCID: a non-canonical address makes the one do nothing,
/// and is #GP(0) for the other.
#[test]
fn a_non_canonical_address_is_nothing_to_invlpg_and_a_fault_to_invpcid() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.functional(as_is);
    page.access(&mut mmu, READ, USER).unwrap();
    let address = VirtAddr::new(page.address().as_u64() | 1 << 60);
    let invlpg = mmu.invalidate(Invalidation::Invlpg(address));
    assert_eq!(invlpg, Ok(mmu_core::Flushed::default()));
    let individual = Invalidation::Invpcid {
        operation: 0,
        descriptor: u128::from(address.as_u64()) << 64,
    };
    let refused = Err(GeneralProtection::InvpcidAddress(address));
    assert_eq!(mmu.invalidate(individual), refused);
}

/// Rule 58. SDM vol. 3, 4.2.2: which bits LAM takes out of a user pointer, one with bit 63 clear:
/// with `LAM_U57` bits 62:57, with `LAM_U48` bits 62:48; U57 wins.
#[test]
fn lam_masks_the_upper_bits_of_user_pointers() {
    for mode in IA32E {
        for (lam, first, limit) in [
            (LAM_U57, 57, 57),
            (LAM_U48, 48, 48),
            (LAM_U57 | LAM_U48, 57, 57),
        ] {
            let set = |registers: &mut Registers| registers.cr3 |= lam;
            let canonical = mode.linear_address_width().min(limit);
            let plain = 0x1234_5678;
            let page = at(mode, plain);
            for number in 12..64 {
                let tagged = plain | 1 << number;
                let found = read_at(&page, set, tagged);
                if (first..63).contains(&number) {
                    assert!(found.is_ok(), "{mode} {lam:#x} bit {number}: {found:?}");
                } else if number + 1 >= canonical && number < first {
                    let refused = Err(Fault::NonCanonical(VirtAddr::new(tagged)));
                    assert_eq!(found, refused, "{mode} {lam:#x} bit {number}");
                }
            }
        }
    }
}

/// Rule 58. SDM vol. 3, 4.2.2: with 5-level paging `LAM_U48` masks bits that translate a fetch;
/// what a fetch left in the TLBs serves no data access.
#[test]
fn lam_u48_masks_what_a_fetch_of_5_level_paging_translates() {
    let page = at(PagingMode::FiveLevel, 0x00ab_0000_1234_5678);
    let plain = VirtAddr::new(0x1234_5678);
    let mut mmu = page.functional(as_is);
    page.access(&mut mmu, READ, USER).unwrap();
    let cr3 = mmu.registers().cr3 | LAM_U48;
    let _ = mmu.write_cr3(page.ram(), cr3).unwrap();
    for _ in 0..2 {
        assert!(page.access(&mut mmu, FETCH, USER).is_ok());
        let fault = fault(page.access(&mut mmu, READ, USER));
        assert_eq!((fault.level, fault.address), (Level::Pml5e, plain));
    }
}

/// Rule 58. SDM vol. 3, 4.2.2: with `CR4.LAM_SUP`, those of a supervisor pointer, one with bit 63
/// set, down to the width of the mode.
#[test]
fn lam_masks_the_upper_bits_of_supervisor_pointers() {
    let set = |registers: &mut Registers| registers.cr4 |= Cr4::LAM_SUPERVISOR;
    for mode in IA32E {
        let width = mode.linear_address_width();
        let plain = u64::MAX << (width - 1) | 0x1234_5678;
        let page = at(mode, plain);
        for number in width - 1..63 {
            let tagged = plain & !(1 << number);
            let masked = number >= width;
            assert_eq!(read_at(&page, set, tagged).is_ok(), masked, "bit {number}");
            assert!(read_at(&page, as_is, tagged).is_err());
        }
    }
}

/// Rule 58. SDM vol. 3, 4.2.2: the half of the pointer chooses what masks it, not the mode of the
/// access; fetches are not masked. Unverified: nor are the processor's own accesses, as KVM has it.
#[test]
fn lam_is_for_a_programs_data_accesses_only() {
    let both = |registers: &mut Registers| registers.cr3 |= LAM_U57;
    let page = at(PagingMode::FourLevel, 0x1234_5678);
    let tagged = VirtAddr::new(0x1234_5678 | 1 << 60);
    let mut mmu = page.functional(both);
    let mut at_tagged = |kind, mode| mmu.translate(page.ram(), tagged, kind, mode);
    for mode in [USER, SUPERVISOR] {
        assert!(at_tagged(READ, mode).is_ok());
        assert!(at_tagged(WRITE, mode).is_ok());
        assert!(at_tagged(FETCH, mode).is_err());
    }
    assert!(at_tagged(READ, IMPLICIT).is_err());
    let upper_only = |registers: &mut Registers| registers.cr4 |= Cr4::LAM_SUPERVISOR;
    assert!(read_at(&page, upper_only, tagged.as_u64()).is_err());
}

/// Rule 58. SDM vol. 3, 4.2.2: INVLPG and what is written to CR3 are not masked.
#[test]
fn lam_does_not_mask_the_operand_of_invlpg() {
    let page = at(PagingMode::FourLevel, 0x1234_5678);
    let mut mmu = page.functional(|registers| registers.cr3 |= LAM_U57);
    page.access(&mut mmu, READ, USER).unwrap();
    let tagged = VirtAddr::new(0x1234_5678 | 1 << 60);
    let flushed = mmu.invalidate(Invalidation::Invlpg(tagged)).unwrap();
    assert_eq!(flushed.scope, None);
}

/// Rule 58. SDM vol. 3, 2.5: the bits of LAM are reserved on a processor without it.
#[test]
fn lam_cannot_be_turned_on_without_the_feature() {
    let page = OnePage::small(USER_PAGE);
    let without = CpuFeatures::new(Vendor::Intel, 52, Feature::all() - Feature::LAM).unwrap();
    let mut mmu = page.functional_of(without, as_is);
    for lam in [LAM_U48, LAM_U57] {
        let cr3 = mmu.registers().cr3 | lam;
        assert!(mmu.write_cr3(page.ram(), cr3).is_err());
    }
    let cr4 = mmu.registers().cr4 | Cr4::LAM_SUPERVISOR;
    assert!(mmu.write_cr4(page.ram(), cr4.bits()).is_err());
}

/// Rule 59. SDM vol. 3, 4.2.2. CR2 has no bit that was masked. (AMD's UAI is not there.)
#[test]
fn cr2_gets_the_masked_address() {
    let page = OnePage::at(
        PagingMode::FourLevel,
        VirtAddr::new(0x1234_5678),
        PageSize::Size4KiB,
        ABSENT,
    );
    let set = |registers: &mut Registers| registers.cr3 |= LAM_U57;
    let found = read_at(&page, set, 0x1234_5678 | 0x2a << 57);
    assert_eq!(fault(found).address, page.address());
}
