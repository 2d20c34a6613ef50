//! The four PDPTE registers of PAE paging: SDM vol. 3, 4.4.1.

use mmu_core::{Cr0, Cr4, EntryRead, Invalidation, Mmu, NoObserver, PhysAddr, SoftTlb, WalkCost};

use crate::*;

fn pae(flags: Entry) -> OnePage {
    OnePage::new(PagingMode::Pae, PageSize::Size4KiB, flags)
}

/// Rule 46. SDM vol. 3, table 4-8: bits 2:1, 8:5 and 63:M of a present PDPTE are reserved, bit
/// 63 too while EFER.NXE = 1; there is no R/W, U/S, A or XD. Of one not present, none is.
#[test]
fn a_pdpte_of_pae_paging_has_no_rights_and_reserves_their_bits() {
    let features = CpuFeatures::new(Vendor::Intel, 40, Feature::all()).unwrap();
    for number in 1..64 {
        let page = pae(USER_PAGE);
        let mut mmu = page.functional_of(features, as_is);
        let root = mmu.registers().cr3;
        page.add(Level::Pdpte, bit(number));
        let reserved = matches!(number, 1..=2 | 5..=8 | 40..);
        let loaded = mmu.write_cr3(page.ram(), root);
        assert_eq!(loaded.is_err(), reserved, "bit {number}");
        page.remove(Level::Pdpte, Entry::PRESENT);
        assert!(mmu.write_cr3(page.ram(), root).is_ok());
    }
}

/// Rule 46. SDM vol. 3, 4.8: a PDPTE has no accessed bit to be set.
#[test]
fn a_walk_leaves_the_pdpte_as_it_is() {
    let page = pae(USER_PAGE);
    let before = page.entry(Level::Pdpte);
    page.attempt(as_is, WRITE, USER).unwrap();
    assert_eq!(page.entry(Level::Pdpte), before);
}

/// Rule 47. SDM vol. 3, table 4-7: the table lies at bits 31:5 of CR3, aligned to its 32 bytes;
/// bits 4:0 are ignored.
#[test]
fn cr3_of_pae_paging_is_its_bits_31_to_5() {
    let page = pae(USER_PAGE);
    let moved = PhysAddr::new(0x9fe0);
    let entry = page.entry(Level::Pdpte).bits().to_le_bytes();
    page.ram().write(moved.wrapping_add(8), &entry).unwrap();
    for ignored in [0, 0x1f] {
        let mut mmu = page.functional(as_is);
        let _ = mmu.write_cr3(page.ram(), moved.as_u64() | ignored).unwrap();
        assert!(page.access(&mut mmu, READ, USER).is_ok());
        assert_eq!(mmu.regime().root(), moved);
    }
}

/// Whether a write to a register loads the PDPTEs: it does not see the page if it does.
fn loads(write: impl FnOnce(&mut mmu_core::FunctionalMmu, &OnePage)) -> bool {
    let page = pae(USER_PAGE);
    let mut mmu = page.functional(as_is);
    page.set(Level::Pdpte, ABSENT);
    write(&mut mmu, &page);
    mmu.registers().pdptes[1] == ABSENT
}

/// Rule 49. SDM vol. 3, 4.4.1: MOV to CR3 loads them, also if CR3 does not change.
#[test]
fn mov_to_cr3_loads_the_pdptes() {
    assert!(loads(|mmu, page| {
        let cr3 = mmu.registers().cr3;
        let _ = mmu.write_cr3(page.ram(), cr3).unwrap();
    }));
}

/// Rule 49. SDM vol. 3, 4.4.1: MOV to CR0 loads them if it changes CD, NW or PG, and PAE paging
/// is in use afterwards.
#[test]
fn mov_to_cr0_loads_the_pdptes_if_cd_nw_or_pg_changes() {
    let toggled = |flags: Cr0| {
        loads(|mmu, page| {
            let cr0 = mmu.registers().cr0 ^ flags;
            let _ = mmu.write_cr0(page.ram(), cr0.bits()).unwrap();
        })
    };
    assert!(toggled(Cr0::CACHE_DISABLE));
    assert!(toggled(Cr0::CACHE_DISABLE | Cr0::NOT_WRITE_THROUGH));
    assert!(!toggled(Cr0::empty()));
    assert!(!toggled(Cr0::WRITE_PROTECT));
    assert!(!toggled(Cr0::PAGING), "off");
    assert!(loads(|mmu, page| {
        let on = mmu.registers().cr0;
        let off = on - Cr0::PAGING;
        let _ = mmu.write_cr0(page.ram(), off.bits()).unwrap();
        let _ = mmu.write_cr0(page.ram(), on.bits()).unwrap();
    }));
}

/// Rule 49. SDM vol. 3, 4.4.1: MOV to CR4 loads them if it changes PAE, PGE, PSE or SMEP, and
/// PAE paging is in use afterwards.
#[test]
fn mov_to_cr4_loads_the_pdptes_if_pae_pge_pse_or_smep_changes() {
    let toggled = |flags: Cr4| {
        loads(|mmu, page| {
            let cr4 = mmu.registers().cr4 ^ flags;
            let _ = mmu.write_cr4(page.ram(), cr4.bits()).unwrap();
        })
    };
    assert!(toggled(Cr4::PAGE_GLOBAL_ENABLE));
    assert!(toggled(Cr4::PAGE_SIZE_EXTENSIONS));
    assert!(toggled(Cr4::SMEP));
    for other in [Cr4::empty(), Cr4::SMAP, Cr4::CET, Cr4::PROTECTION_KEYS] {
        assert!(!toggled(other), "{other:?}");
    }
    assert!(
        !toggled(Cr4::PHYSICAL_ADDRESS_EXTENSION),
        "to 32-bit paging"
    );
    assert!(loads(|mmu, page| {
        let pae = mmu.registers().cr4;
        let narrow = pae - Cr4::PHYSICAL_ADDRESS_EXTENSION;
        let _ = mmu.write_cr4(page.ram(), narrow.bits()).unwrap();
        let _ = mmu.write_cr4(page.ram(), pae.bits()).unwrap();
    }));
}

/// Rule 50. SDM vol. 3, 4.4.1: a present PDPTE with a reserved bit is #GP(0), and none of the
/// four is loaded, nor the register written.
#[test]
fn one_bad_pdpte_keeps_all_four_and_the_register_as_they_were() {
    for bad in 0..4 {
        let page = pae(USER_PAGE);
        let mut mmu = page.functional(as_is);
        let before = *mmu.registers();
        let table = PhysAddr::new(0x9000);
        for index in 0..4 {
            let flags = if index == bad { 0x3 } else { 0x1 };
            let at = table.wrapping_add(index * 8);
            let entry: u64 = 0xa000 | flags;
            page.ram().write(at, &entry.to_le_bytes()).unwrap();
        }
        let refused = mmu.write_cr3(page.ram(), table.as_u64()).unwrap_err();
        assert!(matches!(
            refused,
            GeneralProtection::PdpteReserved { index, reserved: 2, .. } if index as u64 == bad
        ));
        assert_eq!(*mmu.registers(), before);
        assert!(page.access(&mut mmu, READ, USER).is_ok());
    }
}

/// Rule 50. SDM vol. 3, 4.4.1: MOV to CR0 and to CR4 are refused for the same reason.
#[test]
fn mov_to_cr0_and_cr4_are_refused_with_a_bad_pdpte() {
    let page = pae(USER_PAGE);
    let mut mmu = page.functional(as_is);
    page.add(Level::Pdpte, Entry::USER);
    let before = *mmu.registers();
    let cr0 = before.cr0 | Cr0::CACHE_DISABLE;
    assert!(mmu.write_cr0(page.ram(), cr0.bits()).is_err());
    let cr4 = before.cr4 | Cr4::SMEP;
    assert!(mmu.write_cr4(page.ram(), cr4.bits()).is_err());
    assert_eq!(*mmu.registers(), before);
}

/// Rule 51. SDM vol. 3, 4.4.1 and 4.4.2: walks use the registers; a store to the table counts
/// once they are loaded again, and INVLPG does not load them.
#[test]
fn a_store_to_the_pdpt_counts_only_after_a_load() {
    let page = pae(USER_PAGE);
    let mut mmu = page.functional(as_is);
    page.set(Level::Pdpte, ABSENT);
    assert!(page.access(&mut mmu, READ, USER).is_ok());
    let _ = mmu
        .invalidate(Invalidation::Invlpg(page.address()))
        .unwrap();
    assert!(page.access(&mut mmu, READ, USER).is_ok());

    let root = mmu.registers().cr3;
    let _ = mmu.write_cr3(page.ram(), root).unwrap();
    let fault = fault(page.access(&mut mmu, READ, USER));
    assert_eq!((fault.error_code.bits(), fault.level), (0x4, Level::Pdpte));
    assert_eq!(fault.entry_address, page.place(Level::Pdpte));
}

/// Counts the entries that walks read.
#[derive(Default)]
struct Reads(Vec<Level>);

impl WalkCost for Reads {
    const ASKS_MEMORY_TYPE: bool = true;
    const IS_FREE: bool = false;
    type Ledger = ();
    fn read_entry(&mut self, _: AccessKind, read: EntryRead, (): &mut ()) {
        self.0.push(read.level);
    }
    fn update_entry(&mut self, _: EntryRead, (): &mut ()) {}
}

/// Rule 53. SDM vol. 3, 4.4.1: PDPTEs are loaded as write-back (by older processors as
/// uncacheable), and not by a walk: here a load costs nothing and has no type, and a walk does
/// not read them.
#[test]
fn loading_pdptes_is_no_part_of_a_walk() {
    let page = pae(USER_PAGE);
    let registers = *page.functional(as_is).registers();
    let features = CpuFeatures::default();
    let (cache, cost) = (SoftTlb::new(), Reads::default());
    let mut mmu = Mmu::new(features, registers, cache, cost, NoObserver).unwrap();
    let _ = mmu.write_cr3(page.ram(), registers.cr3).unwrap();
    assert_eq!(mmu.cost().0, []);
    page.access(&mut mmu, READ, USER).unwrap();
    assert_eq!(mmu.cost().0, [Level::Pde, Level::Pte]);
}
