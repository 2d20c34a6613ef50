//! What each instruction drops of each TLB and of each paging-structure cache, against the table
//! of SDM vol. 3, 4.10.4.1.

use mmu_core::{Cr0, Pcid};
use tests::processor::{shape, small, structure_cache, tlb_level};

use super::*;

const TLB_LEVELS: usize = 3;
const STRUCTURE_LEVELS: [Level; 4] = [Level::Pde, Level::Pdpte, Level::Pml4e, Level::Pml5e];

/// What changes the entry of each level above the last.
const FAR: u64 = 1 << 48 | 1 << 39 | 1 << 30 | 1 << 21;

bitflags::bitflags! {
    /// What is cached when an instruction is executed under PCID 1, or 0 if there are none:
    /// capitals are translations, at every level of TLBs; the rest are the structures that lead
    /// to them, at every level.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Cached: u16 {
        /// A page of the current PCID.
        const HERE = 1;
        /// Another that is reached through other entries of each table.
        const FAR = 1 << 1;
        /// The first page, of PCID 2.
        const OTHER = 1 << 2;
        /// A global page, met with under the current PCID.
        const GLOBAL = 1 << 3;
        /// A global page, met with under PCID 2.
        const OTHER_GLOBAL = 1 << 4;
        /// What leads to the first page and to the global ones.
        const TO_HERE = 1 << 5;
        const TO_FAR = 1 << 6;
        /// What leads to them under PCID 2.
        const TO_OTHER = 1 << 7;
    }
}

const NOTHING: Cached = Cached::empty();
const HERE: Cached = Cached::HERE.union(Cached::TO_HERE);
/// All structures of the current PCID.
const STRUCTURES: Cached = Cached::TO_HERE.union(Cached::TO_FAR);
const OTHER: Cached = Cached::OTHER.union(Cached::TO_OTHER);
/// Whatever is not global of the current PCID.
const CURRENT: Cached = Cached::HERE.union(Cached::FAR).union(STRUCTURES);
const GLOBALS: Cached = Cached::GLOBAL.union(Cached::OTHER_GLOBAL);

/// A row of the table: an instruction, what must go, and what goes besides, as it may.
type Row = (&'static str, Instruction, Cached, Cached);

#[derive(Clone, Copy, Debug)]
enum Instruction {
    /// INVLPG of the page of what is cached.
    Invlpg(Cached),
    /// INVPCID of this type, PCID, and page.
    Invpcid(u64, u64, Cached),
    /// MOV to CR3 of the root with these bits.
    WriteCr3(u64),
    /// MOV to CR4 that changes these bits.
    ToggleCr4(Cr4),
    /// MOV to CR0 that changes these bits.
    ToggleCr0(Cr0),
}

use Instruction::{Invlpg, Invpcid, ToggleCr0, ToggleCr4, WriteCr3};

const WITH_PCIDS: [Row; 20] = [
    (
        "INVLPG",
        Invlpg(Cached::HERE),
        Cached::HERE.union(STRUCTURES),
        NOTHING,
    ),
    (
        "INVLPG",
        Invlpg(Cached::GLOBAL),
        Cached::GLOBAL.union(STRUCTURES),
        NOTHING,
    ),
    (
        "INVLPG, regardless of PCID",
        Invlpg(Cached::OTHER_GLOBAL),
        Cached::OTHER_GLOBAL.union(STRUCTURES),
        NOTHING,
    ),
    (
        "INVLPG of nothing cached",
        Invlpg(NOTHING),
        STRUCTURES,
        NOTHING,
    ),
    (
        "an address",
        Invpcid(0, 1, Cached::HERE),
        HERE,
        Cached::TO_FAR,
    ),
    (
        "an address",
        Invpcid(0, 1, Cached::FAR),
        Cached::FAR.union(Cached::TO_FAR),
        Cached::TO_HERE,
    ),
    (
        "an address",
        Invpcid(0, 1, Cached::GLOBAL),
        Cached::TO_HERE,
        Cached::TO_FAR,
    ),
    ("an address", Invpcid(0, 2, Cached::HERE), OTHER, NOTHING),
    (
        "an address",
        Invpcid(0, 2, Cached::OTHER_GLOBAL),
        Cached::TO_OTHER,
        NOTHING,
    ),
    (
        "an address of no PCID in use",
        Invpcid(0, 3, Cached::HERE),
        NOTHING,
        NOTHING,
    ),
    ("a context", Invpcid(1, 1, NOTHING), CURRENT, NOTHING),
    ("a context", Invpcid(1, 2, NOTHING), OTHER, NOTHING),
    (
        "all, with globals",
        Invpcid(2, 0, NOTHING),
        Cached::all(),
        NOTHING,
    ),
    (
        "all, without",
        Invpcid(3, 0, NOTHING),
        CURRENT.union(OTHER),
        NOTHING,
    ),
    ("the current PCID", WriteCr3(1), CURRENT, NOTHING),
    ("another", WriteCr3(2), OTHER, NOTHING),
    (
        "the current PCID, kept",
        WriteCr3(1 | KEEP),
        NOTHING,
        NOTHING,
    ),
    (
        "PGE",
        ToggleCr4(Cr4::PAGE_GLOBAL_ENABLE),
        Cached::all(),
        NOTHING,
    ),
    (
        "PCIDE to 0",
        ToggleCr4(Cr4::PCID_ENABLE),
        Cached::all(),
        NOTHING,
    ),
    // All of the current PCID; whether that is global ones too is not said.
    ("SMEP to 1", ToggleCr4(Cr4::SMEP), CURRENT, GLOBALS),
];

const WITHOUT_PCIDS: [Row; 12] = [
    (
        "INVLPG",
        Invlpg(Cached::HERE),
        Cached::HERE.union(STRUCTURES),
        NOTHING,
    ),
    (
        "INVLPG",
        Invlpg(Cached::GLOBAL),
        Cached::GLOBAL.union(STRUCTURES),
        NOTHING,
    ),
    (
        "an address",
        Invpcid(0, 0, Cached::HERE),
        HERE,
        Cached::TO_FAR,
    ),
    (
        "an address",
        Invpcid(0, 0, Cached::GLOBAL),
        Cached::TO_HERE,
        Cached::TO_FAR,
    ),
    ("a context", Invpcid(1, 0, NOTHING), CURRENT, NOTHING),
    (
        "all, with globals",
        Invpcid(2, 0, NOTHING),
        Cached::all(),
        NOTHING,
    ),
    ("all, without", Invpcid(3, 0, NOTHING), CURRENT, NOTHING),
    ("CR3", WriteCr3(0), CURRENT, NOTHING),
    ("bits 11:0 are no PCID", WriteCr3(0x18), CURRENT, NOTHING),
    (
        "PGE",
        ToggleCr4(Cr4::PAGE_GLOBAL_ENABLE),
        Cached::all(),
        NOTHING,
    ),
    ("PG to 0", ToggleCr0(Cr0::PAGING), Cached::all(), NOTHING),
    ("WP", ToggleCr0(Cr0::WRITE_PROTECT), NOTHING, NOTHING),
];

/// Nothing is global then.
const WITHOUT_GLOBAL_PAGES: [Row; 3] = [
    (
        "the current PCID",
        WriteCr3(1),
        CURRENT.union(Cached::GLOBAL),
        NOTHING,
    ),
    ("all", Invpcid(3, 0, NOTHING), Cached::all(), NOTHING),
    (
        "PGE",
        ToggleCr4(Cr4::PAGE_GLOBAL_ENABLE),
        Cached::all(),
        NOTHING,
    ),
];

fn root() -> u64 {
    OnePage::table(Level::Pml5e).as_u64()
}

struct World {
    page: OnePage,
    mmu: TimedMmu,
    /// The current PCID, and another if there is one.
    pcids: (Pcid, Option<Pcid>),
}

impl World {
    /// Everything is cached, and PCID 1 is current if there are PCIDs.
    fn new(cr4: Cr4) -> Self {
        let page = OnePage::new(PagingMode::FiveLevel, PageSize::Size4KiB, USER_PAGE);
        let mut config = small();
        let level = || tlb_level(1, shape(1, 8), assoc::IndexFunction::Linear);
        config.tlbs.levels = (0..TLB_LEVELS).map(|_| level()).collect();
        let structures = &mut config.structures;
        structures.pml5e = structure_cache(8);
        structures.pml4e = structure_cache(8);
        structures.pdpte = structure_cache(8);
        structures.pde = structure_cache(8);
        let mut registers = page.registers();
        registers.cr4 -= Cr4::PAGE_GLOBAL_ENABLE;
        registers.cr4 |= cr4;
        let has_pcids = cr4.contains(Cr4::PCID_ENABLE);
        let pcids = if has_pcids {
            (Pcid::from_cr3(1), Some(Pcid::from_cr3(2)))
        } else {
            (Pcid::ZERO, None)
        };
        registers.cr3 |= pcids.0.as_u64();
        let features = CpuFeatures::default();
        let mmu = TimedMmu::timed(features, registers, &config, mmu_core::NoObserver).unwrap();
        let mut world = Self { page, mmu, pcids };
        world.map();
        world.access(Cached::HERE | Cached::FAR | Cached::GLOBAL);
        if has_pcids {
            let _ = world.write_cr3(2 | KEEP);
            world.access(Cached::OTHER | Cached::OTHER_GLOBAL);
            let _ = world.write_cr3(1 | KEEP);
        }
        world
    }

    fn map(&self) {
        for thing in [Cached::FAR, Cached::GLOBAL, Cached::OTHER_GLOBAL] {
            let address = self.address(thing);
            for level in STRUCTURE_LEVELS {
                self.page.set_of(level, address, self.page.entry(level));
            }
            let flags = if thing == Cached::FAR {
                USER_PAGE
            } else {
                GLOBAL_PAGE
            };
            let entry = Entry::page(ELSEWHERE, PageSize::Size4KiB, flags);
            self.page.set_of(Level::Pte, address, entry);
        }
    }

    fn access(&mut self, things: Cached) {
        for thing in things.iter() {
            let address = self.address(thing);
            let found = self.mmu.translate(self.page.ram(), address, READ, USER);
            assert!(found.is_ok(), "{thing:?}");
        }
    }

    fn address(&self, thing: Cached) -> VirtAddr {
        let offset = match thing {
            Cached::FAR | Cached::TO_FAR => FAR,
            Cached::GLOBAL => 0x1000,
            Cached::OTHER_GLOBAL => 0x2000,
            NOTHING => 0x3000,
            _ => 0,
        };
        VirtAddr::new(self.page.address().as_u64() ^ offset)
    }

    fn write_cr3(&mut self, bits: u64) -> Flushed {
        self.mmu.write_cr3(self.page.ram(), root() | bits).unwrap()
    }

    fn execute(&mut self, instruction: Instruction) -> Flushed {
        let ram = self.page.ram();
        let registers = self.mmu.registers();
        let (cr0, cr4) = (registers.cr0, registers.cr4);
        match instruction {
            Invlpg(thing) => {
                let address = self.address(thing);
                invlpg(&mut self.mmu, address)
            }
            Invpcid(operation, pcid, thing) => {
                let address = u128::from(self.address(thing).as_u64());
                let invalidation = Invalidation::Invpcid {
                    operation,
                    descriptor: address << 64 | u128::from(pcid),
                };
                self.mmu.invalidate(invalidation).unwrap()
            }
            WriteCr3(bits) => self.write_cr3(bits),
            ToggleCr4(bits) => self.mmu.write_cr4(ram, (cr4 ^ bits).bits()).unwrap(),
            ToggleCr0(bits) => self.mmu.write_cr0(ram, (cr0 ^ bits).bits()).unwrap(),
        }
    }

    /// What there can be.
    fn all(&self) -> Cached {
        match self.pcids.1 {
            Some(_) => Cached::all(),
            None => CURRENT | Cached::GLOBAL,
        }
    }

    /// Whether each TLB, or each paging-structure cache, holds something.
    fn holds(&self, thing: Cached) -> Vec<bool> {
        let other = Cached::OTHER | Cached::OTHER_GLOBAL | Cached::TO_OTHER;
        let (current, second) = self.pcids;
        let pcid = second.filter(|_| other.contains(thing)).unwrap_or(current);
        let address = self.address(thing);
        let cache = self.mmu.cache();
        if (STRUCTURES | Cached::TO_OTHER).contains(thing) {
            let holds = |level| cache.structures().holds(level, address, pcid);
            STRUCTURE_LEVELS.into_iter().map(holds).collect()
        } else {
            let tlbs = cache.tlbs().levels().flatten();
            tlbs.map(|tlb| tlb.holds(address, pcid)).collect()
        }
    }
}

fn drops_what_the_table_says(cr4: Cr4, rows: &[Row]) {
    for &(what, instruction, must_go, goes_besides) in rows {
        let mut world = World::new(cr4);
        for thing in world.all().iter() {
            assert!(world.holds(thing).iter().all(|&held| held), "{thing:?}");
        }
        let flushed = world.execute(instruction);
        let (mut translations, mut structures) = (0, 0);
        for thing in world.all().iter() {
            let held = world.holds(thing);
            let goes = must_go.union(goes_besides).contains(thing);
            assert!(
                held.iter().all(|&held| held != goes),
                "{what}: {instruction:?} must {}drop {thing:?}; each level holds it: {held:?}",
                if goes { "" } else { "not " }
            );
            match held.len() {
                TLB_LEVELS => translations += TLB_LEVELS * usize::from(goes),
                levels => structures += levels * usize::from(goes),
            }
        }
        assert_eq!(
            flushed.translations, translations,
            "{what}: {instruction:?}"
        );
        assert_eq!(flushed.structures, structures, "{what}: {instruction:?}");
    }
}

/// Rules 60, 62, 63, 64 and 68. SDM vol. 3, 4.10.4.1: what goes of every TLB and every paging-structure
/// cache; what need not go stays, but for what the table says.
#[test]
fn each_instruction_drops_its_scope_of_every_cache_with_pcids() {
    let cr4 = Cr4::PCID_ENABLE | Cr4::PAGE_GLOBAL_ENABLE;
    drops_what_the_table_says(cr4, &WITH_PCIDS);
}

/// Rules 60, 62, 63, 64, 65 and 68. The same with CR4.PCIDE = 0.
#[test]
fn each_instruction_drops_its_scope_of_every_cache_without_pcids() {
    drops_what_the_table_says(Cr4::PAGE_GLOBAL_ENABLE, &WITHOUT_PCIDS);
    let mut world = World::new(Cr4::PAGE_GLOBAL_ENABLE);
    let kept = root() | KEEP;
    assert!(
        world.mmu.write_cr3(world.page.ram(), kept).is_err(),
        "bit 63 is reserved"
    );
    for thing in world.all().iter() {
        assert!(world.holds(thing).iter().all(|&held| held), "{thing:?}");
    }
}

/// Rules 62, 64 and 68. The same with CR4.PGE = 0: nothing is global (4.10.2.4).
#[test]
fn each_instruction_drops_its_scope_of_every_cache_without_global_pages() {
    drops_what_the_table_says(Cr4::PCID_ENABLE, &WITHOUT_GLOBAL_PAGES);
}
