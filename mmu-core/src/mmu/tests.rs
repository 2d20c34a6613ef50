use std::{cell::Cell, vec::Vec};

use units::{PageSize, Pcid};

use super::*;
use crate::{
    BusError, Cause, Cr0, Efer, ErrorCode, Feature, FunctionalMmu, PageFault, PagingMode, Ram,
    WalkStatistics,
};

const READ: AccessKind = AccessKind::Read;
const WRITE: AccessKind = AccessKind::Write;
const FETCH: AccessKind = AccessKind::Fetch;
const USER: PrivilegeMode = PrivilegeMode::User;
const SUPERVISOR: PrivilegeMode = PrivilegeMode::Supervisor;

const ADDRESS: VirtAddr = VirtAddr::new(0x0000_1234_5678_9abc);
const ALL: Entry = Entry::PRESENT.union(Entry::WRITABLE).union(Entry::USER);

/// A memory with a path of tables at 0x1000, 0x2000, 0x3000, 0x4000 for one address.
struct World {
    ram: Ram,
    address: VirtAddr,
}

impl World {
    fn new(address: VirtAddr) -> Self {
        let ram = Ram::new(1 << 30).unwrap();
        let world = Self { ram, address };
        for level in [Level::Pml4e, Level::Pdpte, Level::Pde] {
            let below = Self::table(level.below().unwrap());
            world.set(level, Entry::table(below));
        }
        world
    }

    /// The address mapped by a page of this size with these flags.
    fn mapped(size: PageSize, flags: Entry) -> Self {
        let world = Self::new(ADDRESS);
        let level = Level::ALL[size.index()];
        let at = PhysAddr::new(0x4000_0000 | 5 << size.shift());
        world.set(level, Entry::page(at, size, flags));
        world
    }

    fn table(level: Level) -> PhysAddr {
        PhysAddr::new(0x1000 * (4 - level.index() as u64))
    }

    fn place(&self, level: Level) -> PhysAddr {
        entry_address_of(self.address, level)
    }

    fn set(&self, level: Level, entry: Entry) {
        let bytes = entry.bits().to_le_bytes();
        self.ram.write(self.place(level), &bytes).unwrap();
    }

    fn add(&self, level: Level, flags: Entry) {
        self.set(level, self.entry(level) | flags);
    }

    fn clear(&self, level: Level, flags: Entry) {
        self.set(level, self.entry(level) - flags);
    }

    fn entry(&self, level: Level) -> Entry {
        Entry::from_bits_retain(self.ram.read_u64(self.place(level)).unwrap())
    }
}

fn entry_address_of(address: VirtAddr, level: Level) -> PhysAddr {
    crate::entry_address(World::table(level), level, address)
}

fn registers() -> Registers {
    let mut registers = Registers::four_level(World::table(Level::Pml4e));
    registers.cr4 -= Cr4::SMEP | Cr4::SMAP;
    registers
}

fn functional(registers: Registers) -> FunctionalMmu {
    FunctionalMmu::functional(CpuFeatures::default(), registers).unwrap()
}

fn page_fault(result: Result<Translated, Fault>) -> PageFault {
    match result {
        Err(Fault::Page(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// SDM vol. 3, 4.5.4 and tables 4-16, 4-18, 4-20: the physical address is the page's with the
/// low bits of the linear address.
#[test]
fn each_size_of_page_keeps_its_low_bits() {
    for size in PageSize::ALL {
        let world = World::mapped(size, ALL);
        let mut mmu = functional(registers());
        let page = 0x4000_0000 | 5 << size.shift();
        for _ in ["walk", "hit"] {
            let found = mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
            assert_eq!(found.address.as_u64(), page | ADDRESS.offset_in(size));
            assert_eq!(found.translation.size(), size);
        }
    }
}

/// SDM vol. 3, 4.6: rights are those of every entry on the way.
#[test]
fn rights_are_folded_over_the_levels() {
    for level in Level::ALL {
        for (bit, kind, mode, code) in [
            (Entry::WRITABLE, WRITE, USER, 0x7),
            (Entry::WRITABLE, WRITE, SUPERVISOR, 0x3),
            (Entry::USER, READ, USER, 0x5),
            (Entry::USER, FETCH, USER, 0x15),
        ] {
            let world = World::mapped(PageSize::Size4KiB, ALL);
            world.clear(level, bit);
            let mut mmu = functional(registers());
            let fault = page_fault(mmu.translate(&world.ram, ADDRESS, kind, mode));
            assert_eq!(fault.error_code.bits(), code);
            assert_eq!(fault.cause, Cause::Protection);
        }
        let world = World::mapped(PageSize::Size4KiB, ALL);
        world.add(level, Entry::NO_EXECUTE);
        let mut mmu = functional(registers());
        let fault = page_fault(mmu.translate(&world.ram, ADDRESS, FETCH, SUPERVISOR));
        assert_eq!(fault.error_code.bits(), 0x11);
        assert!(mmu.translate(&world.ram, ADDRESS, READ, USER).is_ok());
    }
}

/// SDM vol. 3, 4.7: P is 0 if an entry is not present; W/R and U/S describe the access.
#[test]
fn a_missing_entry_faults_at_its_level_with_the_access_in_the_code() {
    for level in Level::ALL {
        let world = World::mapped(PageSize::Size4KiB, ALL);
        world.set(level, Entry::from_bits_retain(0xfff0_0000_0000_0ffe));
        let mut mmu = functional(registers());
        for (kind, mode, code) in [
            (READ, SUPERVISOR, 0x0),
            (WRITE, SUPERVISOR, 0x2),
            (READ, USER, 0x4),
            (WRITE, USER, 0x6),
            (AccessKind::ReadModifyWrite, USER, 0x6),
            (FETCH, USER, 0x14),
            (READ, PrivilegeMode::SupervisorImplicit, 0x0),
        ] {
            let fault = page_fault(mmu.translate(&world.ram, ADDRESS, kind, mode));
            assert_eq!(fault.error_code.bits(), code);
            assert_eq!(fault.cause, Cause::NotPresent);
            assert_eq!((fault.address, fault.level), (ADDRESS, level));
            assert_eq!(fault.entry_address, world.place(level));
            assert_eq!(fault.extent(), level.covers());
        }
    }
}

/// SDM vol. 3, 4.7: I/D is reported only if SMEP is on, or NXE with PAE.
#[test]
fn a_fetch_is_reported_only_where_fetches_can_be_forbidden() {
    let world = World::new(ADDRESS);
    for (nxe, smep, code) in [(0, 0, 0x0), (1, 0, 0x10), (0, 1, 0x10), (1, 1, 0x10)] {
        let mut registers = registers();
        registers.efer.set(Efer::NO_EXECUTE_ENABLE, nxe == 1);
        registers.cr4.set(Cr4::SMEP, smep == 1);
        let mut mmu = functional(registers);
        let fault = page_fault(mmu.translate(&world.ram, ADDRESS, FETCH, SUPERVISOR));
        assert_eq!(fault.error_code.bits(), code, "NXE {nxe} SMEP {smep}");
    }
}

/// SDM vol. 3, 4.7: RSVD is set only together with P.
#[test]
fn a_reserved_bit_faults_with_present_set() {
    let cases: [(PageSize, Level, u64); 8] = [
        (PageSize::Size4KiB, Level::Pml4e, 1 << 7),
        (PageSize::Size4KiB, Level::Pml4e, 1 << 40),
        (PageSize::Size4KiB, Level::Pde, 1 << 51),
        (PageSize::Size4KiB, Level::Pte, 1 << 40),
        (PageSize::Size2MiB, Level::Pde, 1 << 13),
        (PageSize::Size2MiB, Level::Pde, 1 << 20),
        (PageSize::Size1GiB, Level::Pdpte, 1 << 13),
        (PageSize::Size1GiB, Level::Pdpte, 1 << 29),
    ];
    let features = CpuFeatures::new(40, Feature::all()).unwrap();
    for (size, level, bit) in cases {
        let world = World::mapped(size, ALL);
        let mut mmu = FunctionalMmu::functional(features, registers()).unwrap();
        assert!(mmu.translate(&world.ram, ADDRESS, READ, USER).is_ok());
        world.add(level, Entry::from_bits_retain(bit));
        let _ = mmu.invalidate(Invalidation::Invlpg(ADDRESS));
        let fault = page_fault(mmu.translate(&world.ram, ADDRESS, WRITE, USER));
        assert_eq!(fault.error_code.bits(), 0xf, "{level} bit {bit:#x}");
        assert_eq!((fault.cause, fault.level), (Cause::ReservedBit, level));
    }
}

/// SDM vol. 3, 4.5.4: XD is reserved while EFER.NXE is 0.
#[test]
fn no_execute_is_reserved_without_nxe() {
    let world = World::mapped(PageSize::Size4KiB, ALL | Entry::NO_EXECUTE);
    let mut registers = registers();
    registers.efer -= Efer::NO_EXECUTE_ENABLE;
    let mut mmu = functional(registers);
    let fault = page_fault(mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR));
    assert_eq!(fault.error_code.bits(), 0x9);
}

/// SDM vol. 3, table 4-17: PS is reserved in a PDPTE of a processor without 1-GiB pages.
#[test]
fn a_large_pdpte_is_reserved_without_1_gib_pages() {
    let world = World::mapped(PageSize::Size1GiB, ALL);
    let features = CpuFeatures::new(52, Feature::empty()).unwrap();
    let mut mmu = FunctionalMmu::functional(features, registers()).unwrap();
    let fault = page_fault(mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR));
    assert_eq!(fault.error_code.bits(), 0x9);
    assert_eq!(fault.level, Level::Pdpte);
}

/// SDM vol. 3, tables 4-15 to 4-20: bits 11:9 and 62:52 are ignored, as are PAT and G.
#[test]
fn ignored_bits_never_fault_and_are_kept() {
    let ignored = Entry::from_bits_retain(0x7ff0_0000_0000_0e00 | 0x198);
    let world = World::mapped(PageSize::Size4KiB, ALL | ignored | Entry::LARGE);
    for level in [Level::Pml4e, Level::Pdpte, Level::Pde] {
        world.add(level, (ignored | Entry::DIRTY) - Entry::LARGE);
    }
    let before = Level::ALL.map(|level| world.entry(level));
    let mut mmu = functional(registers());
    assert!(mmu.translate(&world.ram, ADDRESS, WRITE, USER).is_ok());
    for (level, before) in Level::ALL.into_iter().zip(before) {
        let mut after = before | Entry::ACCESSED;
        if level == Level::Pte {
            after |= Entry::DIRTY;
        }
        assert_eq!(world.entry(level), after, "{level}");
    }
}

/// SDM vol. 3, 4.5 and 4.7: the walk goes from the top and the first bad entry decides; within
/// an entry, present comes before reserved bits; both come before any right.
#[test]
fn the_first_bad_entry_from_the_top_decides() {
    let reserved = Entry::LARGE;
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT);
    world.add(Level::Pml4e, reserved);
    world.clear(Level::Pte, Entry::PRESENT);
    let mut mmu = functional(registers());
    let translate = |mmu: &mut FunctionalMmu| mmu.translate(&world.ram, ADDRESS, WRITE, USER);
    assert_eq!(page_fault(translate(&mut mmu)).error_code.bits(), 0xf);
    world.clear(Level::Pml4e, Entry::PRESENT);
    assert_eq!(page_fault(translate(&mut mmu)).error_code.bits(), 0x6);
    world.set(Level::Pml4e, Entry::table(World::table(Level::Pdpte)));
    assert_eq!(page_fault(translate(&mut mmu)).error_code.bits(), 0x6);
    world.add(Level::Pte, Entry::PRESENT);
    assert_eq!(page_fault(translate(&mut mmu)).error_code.bits(), 0x7);
}

/// SDM vol. 3, 4.8: A is set in every entry used, D only in the page's, only by a write.
#[test]
fn accessed_is_set_everywhere_and_dirty_where_it_was_written() {
    for size in PageSize::ALL {
        let world = World::mapped(size, ALL);
        let page_level = Level::ALL[size.index()];
        let mut mmu = functional(registers());
        mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
        for level in Level::ALL.into_iter().filter(|&level| level >= page_level) {
            let entry = world.entry(level);
            assert!(entry.contains(Entry::ACCESSED) && !entry.contains(Entry::DIRTY));
        }
        mmu.translate(&world.ram, ADDRESS, WRITE, USER).unwrap();
        for level in Level::ALL.into_iter().filter(|&level| level >= page_level) {
            let dirty = world.entry(level).contains(Entry::DIRTY);
            assert_eq!(dirty, level == page_level);
        }
    }
}

/// SDM vol. 3, 4.8: a read-modify-write is a write, and sets D before it reads.
#[test]
fn a_read_modify_write_sets_dirty() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let kind = AccessKind::ReadModifyWrite;
    functional(registers())
        .translate(&world.ram, ADDRESS, kind, USER)
        .unwrap();
    assert!(world.entry(Level::Pte).contains(Entry::DIRTY));
}

/// SDM vol. 3, 4.8 with 4.6.1: a supervisor's write to a read-only page with CR0.WP = 0 sets D.
#[test]
fn a_write_past_read_only_sets_dirty() {
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT);
    let mut registers = registers();
    registers.cr0 -= Cr0::WRITE_PROTECT;
    let mut mmu = functional(registers);
    for _ in ["walk", "hit"] {
        assert!(
            mmu.translate(&world.ram, ADDRESS, WRITE, SUPERVISOR)
                .is_ok()
        );
    }
    assert!(world.entry(Level::Pte).contains(Entry::DIRTY));
}

/// SDM vol. 3, 4.8: a fault leaves D, and A of the page's entry, as they were.
#[test]
fn a_refused_write_leaves_the_page_clean() {
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT | Entry::USER);
    let mut mmu = functional(registers());
    page_fault(mmu.translate(&world.ram, ADDRESS, WRITE, USER));
    assert!(
        !world
            .entry(Level::Pte)
            .intersects(Entry::DIRTY | Entry::ACCESSED)
    );
}

/// SDM vol. 1, 3.3.7.1: not a page fault but #GP(0), before the tables are looked at.
#[test]
fn a_non_canonical_address_is_refused_before_the_walk() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut mmu = functional(registers());
    for address in [1 << 47, u64::MAX << 48, 1 << 63, ADDRESS.as_u64() | 1 << 60] {
        let address = VirtAddr::new(address);
        let result = mmu.translate(&world.ram, address, READ, SUPERVISOR);
        assert_eq!(result, Err(Fault::NonCanonical(address)));
        let probed = mmu.probe(&world.ram, address, READ, SUPERVISOR);
        assert_eq!(probed, Err(Fault::NonCanonical(address)));
    }
}

/// Tables may point anywhere; where no memory answers is told, and nothing panics.
#[test]
fn tables_outside_memory_are_a_typed_error() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    world.set(
        Level::Pdpte,
        Entry::table(PhysAddr::new(0x000f_ffff_ffff_f000)),
    );
    let mut mmu = functional(registers());
    let at = crate::entry_address(PhysAddr::new(0x000f_ffff_ffff_f000), Level::Pde, ADDRESS);
    assert_eq!(
        mmu.translate(&world.ram, ADDRESS, READ, USER),
        Err(Fault::NoMemory {
            address: ADDRESS,
            level: Level::Pde,
            error: BusError(at)
        })
    );
}

/// An entry that maps the table it stands in is used at every level.
#[test]
fn a_self_referencing_entry_is_walked_like_any_other() {
    let ram = Ram::new(1 << 20).unwrap();
    let root = World::table(Level::Pml4e);
    let address = VirtAddr::new(0xffff_f6fb_7dbe_d000);
    let at = crate::entry_address(root, Level::Pml4e, address);
    let entry = Entry::page(root, PageSize::Size4KiB, ALL);
    ram.write(at, &entry.bits().to_le_bytes()).unwrap();
    let found = functional(registers()).translate(&ram, address, READ, SUPERVISOR);
    assert_eq!(found.unwrap().address, root);
}

/// SDM vol. 3, 4.10.4.1: a page fault drops what is cached for its address, so that the access
/// works once the tables are mended, without an invalidation.
#[test]
fn a_mended_page_needs_no_invalidation() {
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT | Entry::USER);
    let mut mmu = functional(registers());
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    page_fault(mmu.translate(&world.ram, ADDRESS, WRITE, USER));
    world.add(Level::Pte, Entry::WRITABLE);
    mmu.translate(&world.ram, ADDRESS, WRITE, USER).unwrap();
}

/// SDM vol. 3, 4.10.4.3: more rights may be used without an invalidation; here they are at
/// once, since only the tables may refuse.
#[test]
fn a_cached_refusal_is_checked_against_the_tables() {
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT);
    let mut mmu = functional(registers());
    mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR)
        .unwrap();
    for level in Level::ALL {
        world.add(level, ALL);
    }
    mmu.translate(&world.ram, ADDRESS, WRITE, USER).unwrap();
}

/// SDM vol. 3, 4.10.4.1: INVLPG drops a page's translation, and that of a large page wherever
/// in it the address lies.
#[test]
fn invlpg_drops_all_of_a_large_page() {
    for size in PageSize::ALL {
        let world = World::mapped(size, ALL);
        let mut mmu = functional(registers());
        let first = ADDRESS.align_down(size);
        let last = first.wrapping_add(size.bytes() - 1);
        mmu.translate(&world.ram, first, READ, USER).unwrap();
        mmu.translate(&world.ram, last, READ, USER).unwrap();
        world.set(Level::ALL[size.index()], Entry::empty());
        assert!(
            mmu.translate(&world.ram, first, READ, USER).is_ok(),
            "stale, and allowed"
        );
        assert_ne!(
            mmu.invalidate(Invalidation::Invlpg(ADDRESS)).translations,
            0
        );
        page_fault(mmu.translate(&world.ram, first, READ, USER));
        page_fault(mmu.translate(&world.ram, last, READ, USER));
    }
}

/// SDM vol. 2, INVLPG: with a non-canonical address it does nothing.
#[test]
fn invlpg_of_a_non_canonical_address_does_nothing() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut mmu = functional(registers());
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    let address = VirtAddr::new(ADDRESS.as_u64() | 1 << 60);
    assert_eq!(
        mmu.invalidate(Invalidation::Invlpg(address)),
        Flushed::default()
    );
}

/// SDM vol. 3, 4.10.4.1: MOV to CR3 drops what is not global.
#[test]
fn a_new_cr3_keeps_only_global_translations() {
    let root = registers().cr3;
    for (flags, kept) in [(ALL, 0), (ALL | Entry::GLOBAL, 1)] {
        let world = World::mapped(PageSize::Size4KiB, flags);
        let mut mmu = functional(registers());
        mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
        let flushed = mmu.write_cr3(root).unwrap();
        assert_eq!(flushed.translations, 1 - kept);
    }
}

/// SDM vol. 3, 4.10.2.4: G is ignored while CR4.PGE is 0.
#[test]
fn global_is_ignored_without_pge() {
    let world = World::mapped(PageSize::Size4KiB, ALL | Entry::GLOBAL);
    let mut registers = registers();
    registers.cr4 -= Cr4::PAGE_GLOBAL_ENABLE;
    let mut mmu = functional(registers);
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    assert_eq!(mmu.write_cr3(registers.cr3).unwrap().translations, 1);
}

/// SDM vol. 3, 4.10.4.1: with CR4.PCIDE, bit 63 keeps the new PCID's translations, and each
/// PCID finds only its own.
#[test]
fn pcids_keep_address_spaces_apart() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut registers = registers();
    registers.cr4 |= Cr4::PCID_ENABLE;
    let root = registers.cr3;
    registers.cr3 |= 1;
    let mut mmu = functional(registers);
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    world.set(Level::Pte, Entry::empty());
    assert_eq!(
        mmu.write_cr3(root | 2 | 1 << 63).unwrap(),
        Flushed::default()
    );
    assert_eq!(mmu.regime().pcid(), Pcid::from_cr3(2));
    page_fault(mmu.translate(&world.ram, ADDRESS, READ, USER));
    assert_eq!(
        mmu.write_cr3(root | 1 | 1 << 63).unwrap(),
        Flushed::default()
    );
    assert!(
        mmu.translate(&world.ram, ADDRESS, READ, USER).is_ok(),
        "kept under PCID 1"
    );
    assert_eq!(mmu.write_cr3(root | 1).unwrap().translations, 1);
    page_fault(mmu.translate(&world.ram, ADDRESS, READ, USER));
    assert_eq!(mmu.registers().cr3, root | 1, "bit 63 is not stored");
}

/// SDM vol. 3, 4.5 (table 4-12) and vol. 2, MOV to CR3: bits 62:M are reserved, and bit 63
/// without CR4.PCIDE.
#[test]
fn reserved_bits_of_cr3_are_general_protection() {
    let features = CpuFeatures::new(40, Feature::all()).unwrap();
    let mut mmu = FunctionalMmu::functional(features, registers()).unwrap();
    let before = *mmu.registers();
    for bit in [40, 51, 52, 62, 63] {
        let value = 1 << bit | 0x1000;
        assert_eq!(
            mmu.write_cr3(value),
            Err(GeneralProtection::Cr3Reserved {
                value,
                reserved: 1 << bit
            })
        );
    }
    assert_eq!(*mmu.registers(), before);
    assert!(mmu.write_cr3(1 << 39 | 0x18).is_ok());
}

/// SDM vol. 3, 4.6.1: EFLAGS.AC lifts SMAP at once, without an invalidation.
#[test]
fn alignment_check_lifts_smap_on_a_hit() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut registers = registers();
    registers.cr4 |= Cr4::SMAP;
    let mut mmu = functional(registers);
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    page_fault(mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR));
    mmu.set_alignment_check(AlignmentCheck::Set);
    mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR)
        .unwrap();
    mmu.set_alignment_check(AlignmentCheck::Clear);
    let fault = page_fault(mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR));
    assert_eq!(fault.error_code, ErrorCode::PRESENT);
}

/// An access that crosses into another page is translated on both, and CR2 gets the start of
/// the second if that one faults.
#[test]
fn an_access_across_pages_is_checked_on_both() {
    let address = VirtAddr::new(ADDRESS.as_u64() | 0xffc);
    let world = World::new(address);
    let page = |at| Entry::page(PhysAddr::new(at), PageSize::Size4KiB, ALL);
    world.set(Level::Pte, page(0x8000));
    let mut mmu = functional(registers());
    let within = mmu
        .translate_span(&world.ram, address, 4, READ, USER)
        .unwrap();
    assert_eq!(within.second, None);

    let next = VirtAddr::new((address.as_u64() & !0xfff) + 0x1000);
    let crossing = mmu.translate_span(&world.ram, address, 5, WRITE, USER);
    let Err(Fault::Page(fault)) = crossing else {
        panic!("{crossing:?}");
    };
    assert_eq!((fault.address, fault.error_code.bits()), (next, 0x6));

    let place = entry_address_of(next, Level::Pte);
    world
        .ram
        .write(place, &page(0x3_0000).bits().to_le_bytes())
        .unwrap();
    let span = mmu
        .translate_span(&world.ram, address, 8, WRITE, USER)
        .unwrap();
    assert_eq!(span.first.address, PhysAddr::new(0x8ffc));
    assert_eq!(span.second.unwrap().address, PhysAddr::new(0x3_0000));
}

/// The end of the lower half is followed by addresses that are not canonical.
#[test]
fn an_access_across_the_canonical_boundary_is_refused() {
    let address = VirtAddr::new(0x0000_7fff_ffff_fffe);
    let world = World::new(address);
    world.set(
        Level::Pte,
        Entry::page(PhysAddr::new(0x8000), PageSize::Size4KiB, ALL),
    );
    let mut mmu = functional(registers());
    let result = mmu.translate_span(&world.ram, address, 4, READ, USER);
    assert_eq!(result, Err(Fault::NonCanonical(VirtAddr::new(1 << 47))));
}

/// A probe changes neither the tables nor what is cached.
#[test]
fn a_probe_leaves_no_trace() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let before = Level::ALL.map(|level| world.entry(level));
    let mmu = functional(registers());
    let leaf = mmu.probe(&world.ram, ADDRESS, WRITE, USER).unwrap();
    assert_eq!(leaf.translation.physical(ADDRESS).as_u64(), 0x4000_5abc);
    assert_eq!(leaf.entry_address, world.place(Level::Pte));
    assert_eq!(Level::ALL.map(|level| world.entry(level)), before);
}

/// A memory in which another processor changes an entry just before each compare-exchange.
struct Contended<'a> {
    ram: &'a Ram,
    interferences: Cell<u32>,
}

impl PhysMem for Contended<'_> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.ram.read_u64(at)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        if self.interferences.get() > 0 {
            self.interferences.set(self.interferences.get() - 1);
            let other = current ^ Entry::SOFTWARE_10.bits();
            self.ram.compare_exchange_u64(at, current, other)?.unwrap();
        }
        self.ram.compare_exchange_u64(at, current, new)
    }
}

/// SDM vol. 3, 4.8 and 8.1.2.1: accessed and dirty bits are set with locked cycles; what
/// another processor wrote in between is not lost.
#[test]
fn an_entry_that_changes_under_the_walk_is_read_again() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let memory = Contended {
        ram: &world.ram,
        interferences: Cell::new(3),
    };
    let mut mmu = functional(registers());
    mmu.translate(&memory, ADDRESS, WRITE, USER).unwrap();
    let top = world.entry(Level::Pml4e);
    assert!(top.contains(Entry::SOFTWARE_10 | Entry::ACCESSED));

    let world = World::mapped(PageSize::Size4KiB, ALL);
    let memory = Contended {
        ram: &world.ram,
        interferences: Cell::new(u32::MAX),
    };
    let result = mmu_without_cache().translate(&memory, ADDRESS, READ, USER);
    assert_eq!(
        result,
        Err(Fault::Contended {
            address: ADDRESS,
            level: Level::Pml4e,
            entry_address: world.place(Level::Pml4e)
        })
    );
}

fn mmu_without_cache() -> FunctionalMmu {
    functional(registers())
}

/// Other modes than 4-level paging are refused when they are chosen.
#[test]
fn other_modes_are_refused() {
    let refused = |change: fn(&mut Registers)| {
        let mut registers = registers();
        change(&mut registers);
        FunctionalMmu::functional(CpuFeatures::default(), registers).unwrap_err()
    };
    let modes = [
        refused(|registers| registers.cr0 -= Cr0::PAGING),
        refused(|registers| registers.cr4 -= Cr4::PHYSICAL_ADDRESS_EXTENSION),
        refused(|registers| registers.efer -= Efer::LONG_MODE_ENABLE),
        refused(|registers| registers.cr4 |= Cr4::LINEAR_ADDRESS_57),
    ];
    assert_eq!(
        modes.map(|UnsupportedMode(mode)| mode),
        [
            PagingMode::Off,
            PagingMode::ThirtyTwoBit,
            PagingMode::Pae,
            PagingMode::FiveLevel
        ]
    );
}

/// A cold walk reads one entry a level: 4, 3 and 2 for the three sizes.
#[test]
fn a_cold_walk_reads_one_entry_a_level() {
    for (size, references) in PageSize::ALL.into_iter().zip([4, 3, 2]) {
        let world = World::mapped(size, ALL);
        let mut mmu = Mmu::new(
            CpuFeatures::default(),
            registers(),
            crate::SoftTlb::new(),
            crate::NoCost,
            WalkStatistics::default(),
        )
        .unwrap();
        mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
        mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
        let mut expected = [0; WalkStatistics::MOST_REFERENCES + 1];
        expected[references] = 1;
        assert_eq!(mmu.observer().by_references(), expected);
        assert_eq!(mmu.observer().completed(tlb::Stream::Load, size), 1);
    }
}

/// Every page is found, by address, whatever lies between.
#[test]
fn mappings_are_listed_by_address_with_their_sizes() {
    let upper = VirtAddr::new(0xffff_8000_0000_1000);
    let ram = Ram::new(1 << 20).unwrap();
    let put = |table: u64, level, address, entry: Entry| {
        let at = crate::entry_address(PhysAddr::new(table), level, address);
        ram.write(at, &entry.bits().to_le_bytes()).unwrap();
    };
    let page = |at, size| Entry::page(PhysAddr::new(at), size, ALL);
    let zero = VirtAddr::new(0);
    for (half, base) in [(zero, 0x2000), (upper, 0x5000)] {
        put(
            0x1000,
            Level::Pml4e,
            half,
            Entry::table(PhysAddr::new(base)),
        );
        put(
            base,
            Level::Pdpte,
            half,
            Entry::table(PhysAddr::new(base + 0x1000)),
        );
        put(
            base + 0x1000,
            Level::Pde,
            half,
            Entry::table(PhysAddr::new(base + 0x2000)),
        );
        put(
            base + 0x2000,
            Level::Pte,
            half,
            page(0x9000, PageSize::Size4KiB),
        );
    }
    put(
        0x3000,
        Level::Pde,
        VirtAddr::new(0x20_0000),
        page(0x40_0000, PageSize::Size2MiB),
    );
    put(
        0x2000,
        Level::Pdpte,
        VirtAddr::new(0x4000_0000),
        page(0x4000_0000, PageSize::Size1GiB),
    );
    let regime = Regime::new(&registers(), CpuFeatures::default()).unwrap();
    let mappings = crate::Mappings::new(&regime, &ram);
    let found: Vec<_> = mappings
        .map(|leaf| leaf.map(|leaf| (leaf.address.as_u64(), leaf.translation.size())))
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        found,
        [
            (0, PageSize::Size4KiB),
            (0x20_0000, PageSize::Size2MiB),
            (0x4000_0000, PageSize::Size1GiB),
            (upper.as_u64(), PageSize::Size4KiB),
        ]
    );
}
