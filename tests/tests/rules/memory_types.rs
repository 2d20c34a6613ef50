//! How the caches treat an access: SDM vol. 3, 4.9 and chapter 12.

use mmu_core::{
    Cr0, Cr4, EntryRead, FunctionalMmu, Invalidation,
    MemoryType::{
        self, Uncacheable as Uc, WriteBack as Wb, WriteCombining as Wc, WriteProtected as Wp,
        WriteThrough as Wt,
    },
    Mmu, Msr, Mtrrs, NoObserver, PhysAddr, SoftTlb, WalkCost,
};

use crate::*;

/// Keeps how each entry of a walk was read.
#[derive(Default)]
struct Reads(Vec<(Level, MemoryType)>);

impl WalkCost for Reads {
    const ASKS_MEMORY_TYPE: bool = true;
    const IS_FREE: bool = false;
    type Ledger = ();

    fn read_entry(&mut self, _: AccessKind, read: EntryRead, (): &mut ()) {
        self.0.push((read.level, read.memory_type));
    }

    fn update_entry(&mut self, entry: EntryRead, (): &mut ()) {
        assert_eq!(self.0.last(), Some(&(entry.level, entry.memory_type)));
    }
}

/// How a walk reads its entries, from the root on.
fn types_of_reads(page: &OnePage, change: impl Fn(&mut Registers)) -> Vec<MemoryType> {
    let registers = *page.functional(change).registers();
    let features = CpuFeatures::default();
    let (cache, cost) = (SoftTlb::new(), Reads::default());
    let mut mmu = Mmu::new(features, registers, cache, cost, NoObserver).unwrap();
    page.access(&mut mmu, READ, USER).unwrap();
    let levels = mmu.cost().0.iter().map(|&(level, _)| level);
    assert!(levels.eq(page.levels()));
    mmu.cost().0.iter().map(|&(_, read)| read).collect()
}

/// PCD and PWT, and what the PAT makes of them after reset over write-back memory.
const CACHED_HOW: [(Entry, MemoryType); 4] = [
    (Entry::empty(), Wb),
    (Entry::WRITE_THROUGH, Wt),
    (Entry::CACHE_DISABLE, Uc),
    (Entry::WRITE_THROUGH.union(Entry::CACHE_DISABLE), Uc),
];

/// Rule 77. SDM vol. 3, 4.9.2: the type of the read of an entry comes of PCD and PWT in what
/// points to its table: CR3, the entry above, or for a PDE of PAE paging its PDPTE register.
#[test]
fn a_table_is_read_as_what_points_to_it_says() {
    for page in small_pages(USER_PAGE) {
        for (flags, expected) in CACHED_HOW {
            let is_pae = page.registers().paging_mode() == PagingMode::Pae;
            for (place, level) in page.levels().enumerate() {
                let pointer = Level::ALL[(level.index() + 1).min(4)];
                let is_root = place == 0;
                if !is_root || is_pae {
                    page.add(pointer, flags);
                }
                let types = types_of_reads(&page, |registers| {
                    if is_root && !is_pae {
                        registers.cr3 |= flags.bits();
                    }
                });
                let mut all = vec![Wb; types.len()];
                all[place] = expected;
                assert_eq!(types, all, "{flags:?} above the {level}");
                if !is_root || is_pae {
                    page.remove(pointer, flags);
                }
            }
        }
    }
}

/// Rule 77. SDM vol. 3, 4.9.2: in an entry that maps a page they say nothing of its own read.
#[test]
fn the_pages_own_bits_say_nothing_of_the_read_of_its_entry() {
    for page in pages(USER_PAGE | Entry::CACHE_DISABLE | bit(12)) {
        let types = types_of_reads(&page, as_is);
        assert!(types.iter().all(|&read| read == Wb));
    }
}

/// Rule 77. SDM vol. 3, 4.9.2: with CR4.PCIDE = 1, bits 4:3 of CR3 belong to the PCID, and the
/// first table is read by PAT entry 0. Unverified: the sentence was not seen.
#[test]
fn with_pcids_the_first_table_is_read_by_pat_entry_0() {
    for mode in IA32E {
        let page = OnePage::new(mode, PageSize::Size4KiB, USER_PAGE);
        let types = types_of_reads(&page, |registers| {
            registers.cr4 |= Cr4::PCID_ENABLE;
            registers.cr3 |= 0x18;
        });
        assert_eq!(types[0], Wb);
    }
}

/// Rule 77. SDM vol. 3, 4.9.2: the type for a table, too, is that of the PAT over the range
/// registers.
#[test]
fn a_table_is_read_through_the_pat_and_the_range_registers() {
    let page = OnePage::small(USER_PAGE);
    page.add(Level::Pml4e, Entry::WRITE_THROUGH);
    let types = types_of_reads(&page, |registers| {
        registers.pat = mmu_core::Pat::from_bits(0x0000_0000_0000_0106).unwrap();
        registers.mtrrs = Mtrrs::uniform(Wt);
    });
    assert_eq!(types, [Wt, Wc, Wt, Wt]);
    let types = types_of_reads(&page, |registers| registers.cr0 |= Cr0::CACHE_DISABLE);
    assert_eq!(types, [Uc; 4]);
}

/// Rule 77. SDM vol. 3, 4.9.2: bit 7 is no part of the index where an entry points to a table,
/// not even where it is ignored, as in a PDE with CR4.PSE = 0.
#[test]
fn a_table_is_read_by_one_of_the_first_four_pat_entries() {
    let page = OnePage::new(PagingMode::ThirtyTwoBit, PageSize::Size4KiB, USER_PAGE);
    page.add(Level::Pde, bit(7));
    let types = types_of_reads(&page, |registers| {
        registers.cr4 -= Cr4::PAGE_SIZE_EXTENSIONS;
        registers.pat = mmu_core::Pat::from_bits(0x0000_0000_0606_0606).unwrap();
    });
    assert_eq!(types, [Wb, Wb]);
}

/// The page, read by a processor whose PAT has these types, over memory of this type.
fn effective(mtrr: MemoryType, pat: u64) -> MemoryType {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.functional(|registers| registers.mtrrs = Mtrrs::uniform(mtrr));
    let _ = mmu.write_msr(Msr::Pat, pat).unwrap();
    let found = page.access(&mut mmu, READ, USER).unwrap();
    found.translation.memory_type()
}

/// Rule 78. SDM vol. 3, table 12-7: every cell.
#[test]
fn pat_and_mtrr_give_the_type_of_the_table() {
    // By the PAT's encodings of UC, WC, WT, WP, WB and UC-.
    const PATS: [u64; 6] = [0, 1, 4, 5, 6, 7];
    let table = [
        (Uc, [Uc, Wc, Uc, Uc, Uc, Uc]),
        (Wc, [Uc, Wc, Uc, Uc, Wc, Wc]),
        (Wt, [Uc, Wc, Wt, Wp, Wt, Uc]),
        (Wb, [Uc, Wc, Wt, Wp, Wb, Uc]),
        (Wp, [Uc, Wc, Wt, Wp, Wp, Wc]),
    ];
    for (mtrr, row) in table {
        let found = PATS.map(|pat| effective(mtrr, pat));
        assert_eq!(found, row, "over {mtrr}");
    }
}

/// Rule 78. SDM vol. 3, table 12-5: with CR0.CD = 1 everything is uncacheable; a change counts
/// at once.
#[test]
fn with_cd_everything_is_uncacheable() {
    for page in pages(USER_PAGE) {
        let mut mmu = page.functional(as_is);
        for expected in [Wb, Uc, Wb] {
            let found = page.access(&mut mmu, READ, USER).unwrap();
            assert_eq!(found.translation.memory_type(), expected);
            let cr0 = mmu.registers().cr0 ^ Cr0::CACHE_DISABLE;
            let _ = mmu.write_cr0(page.ram(), cr0.bits()).unwrap();
        }
    }
}

/// Rule 79. SDM vol. 3, 12.12.2: a type that the PAT does not know is #GP(0).
#[test]
fn a_reserved_type_in_the_pat_is_refused() {
    let mut mmu = OnePage::small(USER_PAGE).functional(as_is);
    let before = mmu.read_msr(Msr::Pat);
    for place in 0..8 {
        for bits in 0..=255_u64 {
            let value = bits << (8 * place);
            let allowed = matches!(bits, 0 | 1 | 4..=7);
            assert_eq!(
                mmu.write_msr(Msr::Pat, value).is_ok(),
                allowed,
                "{value:#x}"
            );
            let _ = mmu.write_msr(Msr::Pat, before).unwrap();
        }
    }
}

/// Rule 79. SDM vol. 3, 12.11.2: the range registers know UC, WC, WT, WP and WB; other types and
/// reserved bits are #GP(0).
#[test]
fn a_reserved_type_in_a_range_register_is_refused() {
    let features = CpuFeatures::new(Vendor::Intel, 40, Feature::all()).unwrap();
    let mut mmu = OnePage::small(USER_PAGE).functional_of(features, as_is);
    for bits in 0..=255 {
        let allowed = matches!(bits, 0 | 1 | 4..=6);
        for register in [Msr::MtrrDefType, Msr::MtrrPhysBase(9), Msr::MtrrFix4k(7)] {
            assert_eq!(mmu.write_msr(register, bits).is_ok(), allowed, "{bits}");
        }
        let last_byte = mmu.write_msr(Msr::MtrrFix64k, bits << 56);
        assert_eq!(last_byte.is_ok(), allowed);
    }
    for (register, reserved) in [
        (Msr::MtrrDefType, 1 << 8 | 1 << 12),
        (Msr::MtrrPhysBase(0), 1 << 8 | 1 << 40),
        (Msr::MtrrPhysMask(0), 1 << 10 | 1 << 40),
    ] {
        let refused = mmu.write_msr(register, reserved).unwrap_err();
        let value = reserved;
        assert_eq!(
            refused,
            GeneralProtection::MsrReserved {
                register,
                value,
                reserved
            }
        );
    }
    let beyond = Msr::MtrrPhysBase(10);
    let refused = Err(GeneralProtection::NoSuchMsr(beyond));
    assert_eq!(mmu.write_msr(beyond, 6), refused);
}

/// Rule 79. SDM vol. 3, 4.9.3: the TLBs may hold the type of a page until it is invalidated.
#[test]
fn a_changed_type_of_a_page_counts_after_an_invalidation() {
    let page = OnePage::small(USER_PAGE);
    let mut mmu = page.functional(as_is);
    page.access(&mut mmu, READ, USER).unwrap();
    page.add(Level::Pte, Entry::CACHE_DISABLE | Entry::WRITE_THROUGH);
    let found = page.access(&mut mmu, READ, USER).unwrap();
    assert_eq!(found.translation.memory_type(), Wb, "still cached");
    let _ = mmu
        .invalidate(Invalidation::Invlpg(page.address()))
        .unwrap();
    let found = page.access(&mut mmu, READ, USER).unwrap();
    assert_eq!(found.translation.memory_type(), Uc);
}

const ENABLE: u64 = 1 << 11;
const FIXED: u64 = 1 << 10;
const VALID: u64 = 1 << 11;

/// A processor with paging off, and these range registers.
fn with_ranges(registers: &[(Msr, u64)]) -> (OnePage, FunctionalMmu) {
    let page = OnePage::new(PagingMode::Off, PageSize::Size4KiB, USER_PAGE);
    let mut mmu = page.functional(|registers| registers.mtrrs = Mtrrs::RESET);
    for &(register, value) in registers {
        let _ = mmu.write_msr(register, value).unwrap();
    }
    (page, mmu)
}

/// How it treats an address.
fn type_at((page, mmu): &mut (OnePage, FunctionalMmu), address: u64) -> MemoryType {
    let address = mmu_core::VirtAddr::new(address);
    let found = mmu.translate(page.ram(), address, READ, SUPERVISOR);
    let found = found.unwrap().translation.memory_type();
    let direct = mmu
        .registers()
        .mtrrs
        .type_of(PhysAddr::new(address.as_u64()));
    assert_eq!(found, direct, "without paging the range registers decide");
    found
}

/// Rule 80. SDM vol. 3, 12.11.2.1: as after reset, range registers that are off make all memory
/// uncacheable.
#[test]
fn range_registers_that_are_off_make_everything_uncacheable() {
    let all_set = [
        (Msr::MtrrDefType, FIXED | 6),
        (Msr::MtrrFix64k, 0x0606_0606_0606_0606),
        (Msr::MtrrPhysBase(0), 6),
        (Msr::MtrrPhysMask(0), VALID),
    ];
    for registers in [&[][..], &all_set] {
        let mut machine = with_ranges(registers);
        for address in [0, 0xf_ffff, 0x10_0000, 0xffff_f000] {
            assert_eq!(type_at(&mut machine, address), Uc);
        }
    }
}

/// Rule 80. SDM vol. 3, 12.11.2.2 and table 12-9: the fixed ranges, eight of a register, win
/// below 1 MiB while they are on.
#[test]
fn fixed_ranges_win_below_1_mib_while_they_are_on() {
    let registers = [
        (Msr::MtrrFix64k, 0x0600_0000_0000_0001),
        (Msr::MtrrFix16k(0), 0x0000_0000_0000_0004),
        (Msr::MtrrFix16k(1), 0x0500_0000_0000_0000),
        (Msr::MtrrFix4k(0), 0x0000_0000_0000_0600),
        (Msr::MtrrFix4k(7), 0x0100_0000_0000_0000),
        (Msr::MtrrPhysBase(0), 4),
        (
            Msr::MtrrPhysMask(0),
            VALID | !((1 << 21) - 1) & ((1 << 52) - 1),
        ),
        (Msr::MtrrDefType, ENABLE | FIXED | 6),
    ];
    let mut machine = with_ranges(&registers);
    for (address, expected) in [
        (0x0, Wc),
        (0xffff, Wc),
        (0x1_0000, Uc),
        (0x7_0000, Wb),
        (0x8_0000, Wt),
        (0x8_4000, Uc),
        (0xb_c000, Wp),
        (0xc_0000, Uc),
        (0xc_1000, Wb),
        (0xf_f000, Wc),
        (0x10_0000, Wt),
        (0x20_0000, Wb),
    ] {
        assert_eq!(type_at(&mut machine, address), expected, "{address:#x}");
    }
    let _ = machine.1.write_msr(Msr::MtrrDefType, ENABLE | 6).unwrap();
    assert_eq!(type_at(&mut machine, 0x0), Wt, "the fixed ranges are off");
}

/// Rule 80. SDM vol. 3, 12.11.2.3 and 12.11.3: a variable range is what equals its base under
/// its mask; elsewhere the default type holds.
#[test]
fn a_variable_range_is_what_equals_its_base_under_its_mask() {
    let registers = [
        (Msr::MtrrPhysBase(3), 0x8000_0000 | 4),
        (Msr::MtrrPhysMask(3), VALID | 0x000f_ffff_e000_0000),
        (Msr::MtrrPhysBase(4), 0x4000_0000 | 1),
        (Msr::MtrrPhysMask(4), 0x000f_ffff_e000_0000),
        (Msr::MtrrDefType, ENABLE | 6),
    ];
    let mut machine = with_ranges(&registers);
    for (address, expected) in [
        (0x7fff_f000, Wb),
        (0x8000_0000, Wt),
        (0x9fff_ffff, Wt),
        (0xa000_0000, Wb),
        (0x4000_0000, Wb),
    ] {
        assert_eq!(type_at(&mut machine, address), expected, "{address:#x}");
    }
}

/// Rule 80. SDM vol. 3, 12.11.4.1: where variable ranges overlap, UC wins over all, WT over WB;
/// the rest is left open, and is UC here.
#[test]
fn overlapping_ranges_are_uc_or_wt() {
    for (one, other, expected) in [
        (Wb, Wb, Wb),
        (Wb, Uc, Uc),
        (Wc, Uc, Uc),
        (Wt, Wb, Wt),
        (Wb, Wt, Wt),
        (Wc, Wb, Uc),
        (Wp, Wt, Uc),
    ] {
        let mask = VALID | 0x000f_ffff_c000_0000;
        let registers = [
            (Msr::MtrrPhysBase(0), 0x4000_0000 | u64::from(one.bits())),
            (Msr::MtrrPhysMask(0), mask),
            (Msr::MtrrPhysBase(9), 0x4000_0000 | u64::from(other.bits())),
            (Msr::MtrrPhysMask(9), mask),
            (Msr::MtrrDefType, ENABLE | 6),
        ];
        let mut machine = with_ranges(&registers);
        assert_eq!(type_at(&mut machine, 0x5000_0000), expected);
    }
}

/// Rule 80. SDM vol. 3, 12.11.9: where ranges split a large page, each of its parts has its own
/// type here.
#[test]
fn ranges_that_split_a_large_page_decide_part_by_part() {
    let page = OnePage::new(PagingMode::FourLevel, PageSize::Size2MiB, USER_PAGE);
    let middle = page.frame().as_u64() + 0x10_0000;
    let mut mmu = page.functional(as_is);
    let _ = mmu.write_msr(Msr::MtrrPhysBase(0), middle).unwrap();
    let mask = VALID | 0x000f_ffff_fff0_0000;
    let _ = mmu.write_msr(Msr::MtrrPhysMask(0), mask).unwrap();
    let first = page.address().align_down(PageSize::Size2MiB);
    for (offset, expected) in [(0, Wb), (0xf_f000, Wb), (0x10_0000, Uc), (0x1f_f000, Uc)] {
        let address = first.wrapping_add(offset);
        let found = mmu.translate(page.ram(), address, READ, USER).unwrap();
        assert_eq!(found.translation.memory_type(), expected, "{offset:#x}");
    }
}
