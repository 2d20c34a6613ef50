//! Every cycle has one owner, and each owner's cycles follow from what happened.

use cache::{Request, ServedBy};
use memory_manager::demand::{MemoryManager, Process, Protection};
use mmu_core::{
    AccessKind, Breakdown, CpuFeatures, Cycles, Entry, Fault, Owner, PageSize, PhysAddr,
    PrivilegeMode, TimedConfig, TimedMmu, VirtAddr, WalkStatistics,
};
use proptest::prelude::*;
use tests::{
    Tables,
    processor::{self, ASSIST, L1_TLB, L1D, L1I, L2, LLC, MEMORY, STLB, STRUCTURES, watched},
};
use tlb::Stream;

const PAGE_FAULT: u64 = 7_000_000;
const HEAP: u64 = 0x7f_ffff_0000;

/// What a machine has counted, of everything that costs time.
#[derive(Clone, Debug)]
struct Counted {
    lookups: u64,
    beyond_first: u64,
    structure_lookups: u64,
    served: [[u64; 5]; 6],
    updates: u64,
}

impl Counted {
    fn of(mmu: &TimedMmu<WalkStatistics>) -> Self {
        let tlbs = mmu.cache().tlbs();
        let sum = |count: &dyn Fn(Stream) -> u64| Stream::ALL.into_iter().map(count).sum();
        let counters = mmu.cost().counters();
        Self {
            lookups: sum(&|stream| tlbs.lookups(stream).total),
            beyond_first: sum(&|stream| tlbs.lookups(stream).total - tlbs.hits(stream, 0)),
            structure_lookups: mmu.cache().structures().lookups(),
            served: Request::ALL
                .map(|request| ServedBy::ALL.map(|by| counters.served(request, by))),
            updates: mmu.observer().updates(),
        }
    }

    fn requests(&self, request: Request) -> u64 {
        self.served[request.index()].iter().sum()
    }

    /// What all that costs, by the latencies alone.
    fn cost(&self, owner: Owner, faults: u64) -> u64 {
        let served = |request: Request| self.served[request.index()];
        let time = |request, first| {
            let latencies = [first, L2, LLC, 0, MEMORY];
            let served = served(request).into_iter().zip(latencies);
            served.map(|(count, latency)| count * latency).sum::<u64>()
        };
        let [l1d, l2, llc, _, memory] = served(Request::WalkRead);
        match owner {
            Owner::L1Tlb => self.lookups * L1_TLB,
            Owner::Stlb => self.beyond_first * STLB,
            Owner::StructureCaches => self.structure_lookups * STRUCTURES,
            Owner::WalkL1d => l1d * L1D,
            Owner::WalkL2 => l2 * L2,
            Owner::WalkLlc => llc * LLC,
            Owner::WalkMemory => memory * MEMORY,
            Owner::AccessedDirty => self.updates * ASSIST + time(Request::WalkUpdate, L1D),
            Owner::Fault => faults * PAGE_FAULT,
            Owner::Fetch => time(Request::Fetch, L1I),
            Owner::Data => {
                let kinds = [Request::Read, Request::Write, Request::ReadModifyWrite];
                kinds.map(|kind| time(kind, L1D)).iter().sum()
            }
            // There is one processor, one process, and it does one thing after the other.
            Owner::WalkPeer
            | Owner::WalkQueue
            | Owner::WriteCr3
            | Owner::Invalidation
            | Owner::Shootdown
            | Owner::ContextSwitch
            | Owner::Collapse
            | Owner::Disk => 0,
        }
    }
}

struct World {
    manager: MemoryManager,
    process: Process,
    mmu: TimedMmu<WalkStatistics>,
    faults: u64,
}

impl World {
    fn new() -> Self {
        let mut manager = MemoryManager::new(8 << 30).unwrap();
        let mut process = manager.create_process().unwrap();
        for (start, length, size) in [
            (HEAP, 0x8_0000, PageSize::Size4KiB),
            (0x4000_0000, 0x100_0000, PageSize::Size2MiB),
            (0x200_0000_0000, 0x8000_0000, PageSize::Size1GiB),
        ] {
            let start = VirtAddr::new(start);
            let committed = process.commit(start, length, size, Protection::ExecuteReadWrite);
            committed.unwrap();
        }
        let registers = process.registers();
        let config = processor::small();
        let statistics = WalkStatistics::default();
        let mmu = TimedMmu::timed(CpuFeatures::default(), registers, &config, statistics);
        Self {
            manager,
            process,
            mmu: mmu.unwrap(),
            faults: 0,
        }
    }

    fn access(&mut self, address: VirtAddr, length: u32, kind: AccessKind) {
        let Self {
            manager,
            process,
            mmu,
            faults,
        } = self;
        let done = manager.access(process, |ram| {
            let made = mmu.access(ram, address, length, kind, PrivilegeMode::User);
            if let Err(Fault::Page(_)) = made {
                *faults += 1;
                mmu.charge(Owner::Fault, Cycles::new(PAGE_FAULT));
            }
            made
        });
        done.unwrap();
    }
}

fn addresses() -> impl Strategy<Value = VirtAddr> {
    let offsets = prop_oneof![
        0..0x1000_u64,
        Just(0xfc0 - 1),
        Just(0xfff),
        0xff0..0x1000_u64,
    ];
    let pages = prop_oneof![
        4 => (0..0x7e_u64).prop_map(|page| HEAP + page * 0x1000),
        2 => (0..0xff0_u64).prop_map(|page| 0x4000_0000 + page * 0x1000),
        1 => (0..0x7_fff0_u64).prop_map(|page| 0x200_0000_0000 + page * 0x1000),
    ];
    (pages, offsets).prop_map(|(page, offset)| VirtAddr::new(page + offset))
}

fn accesses() -> impl Strategy<Value = Vec<(VirtAddr, u32, AccessKind)>> {
    let length = prop_oneof![8 => 1..=64_u32, 1 => 65..=4096_u32];
    let kind = prop::sample::select(&AccessKind::ORDINARY[..]);
    prop::collection::vec((addresses(), length, kind), 1..200)
}

fn line_count(address: VirtAddr, length: u32) -> u64 {
    (address.as_u64() % 64 + u64::from(length)).div_ceil(64)
}

fn page_count(address: VirtAddr, length: u32) -> u64 {
    (address.as_u64() % 4096 + u64::from(length)).div_ceil(4096)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn the_cost_of_each_access_is_that_of_its_parts(accesses in accesses()) {
        let mut world = World::new();
        let mut sum = 0;
        for (address, length, kind) in accesses {
            let (before, earlier) = (*world.mmu.spent(), Counted::of(&world.mmu));
            let faults_before = world.faults;
            world.access(address, length, kind);
            let cost = *world.mmu.spent() - before;
            let now = Counted::of(&world.mmu);
            for owner in Owner::ALL {
                let expected =
                    now.cost(owner, world.faults) - earlier.cost(owner, faults_before);
                prop_assert_eq!(cost.of(owner).as_u64(), expected, "{:?}", owner);
            }
            let parts: u64 = Owner::ALL.into_iter().map(|owner| cost.of(owner).as_u64()).sum();
            let totals = world.mmu.spent().total().as_u64() - before.total().as_u64();
            prop_assert_eq!(parts, totals);
            prop_assert_eq!(cost.total().as_u64(), totals);
            sum += parts;

            let lines = Request::ALL[..4].iter().map(|&request| {
                now.requests(request) - earlier.requests(request)
            });
            prop_assert_eq!(lines.sum::<u64>(), line_count(address, length));
            if world.faults == faults_before {
                let lookups = now.lookups - earlier.lookups;
                prop_assert_eq!(lookups, page_count(address, length));
            }
        }
        prop_assert_eq!(world.mmu.spent().total().as_u64(), sum);
    }
}

/// A cold processor on tables with one page, whose frame is as far away as can be from the
/// tables in every cache, and the cost of accesses to it.
struct OnePage {
    tables: Tables,
    mmu: TimedMmu<WalkStatistics>,
}

const PAGE: u64 = 0x12_3456_6000;

impl OnePage {
    fn new(flags: Entry, config: &TimedConfig) -> Self {
        let mut tables = Tables::new();
        let frame = PhysAddr::new(0x8000_0000);
        for (page, frame) in [(PAGE, frame), (PAGE + 0x1000, PhysAddr::new(0x9000_0000))] {
            tables.map(VirtAddr::new(page), frame, PageSize::Size4KiB, flags);
        }
        let mmu = watched(config, &tables, WalkStatistics::default());
        Self { tables, mmu }
    }

    fn cost(&mut self, address: u64, length: u32, kind: AccessKind) -> Breakdown {
        let before = *self.mmu.spent();
        let address = VirtAddr::new(address);
        let made = self.mmu.access(
            self.tables.ram(),
            address,
            length,
            kind,
            PrivilegeMode::User,
        );
        made.unwrap();
        *self.mmu.spent() - before
    }

    fn total(&mut self, address: u64, length: u32, kind: AccessKind) -> u64 {
        self.cost(address, length, kind).total().as_u64()
    }
}

const READ: AccessKind = AccessKind::Read;
const WRITE: AccessKind = AccessKind::Write;
const FETCH: AccessKind = AccessKind::Fetch;

#[test]
fn a_cold_walk_adds_four_times_the_memory_latency_and_the_look_ups() {
    let mut world = OnePage::new(Tables::SETTLED, &processor::small());
    let cost = world.cost(PAGE, 8, READ);
    let of = |owner| cost.of(owner).as_u64();
    assert_eq!(of(Owner::WalkMemory), 4 * MEMORY);
    assert_eq!(of(Owner::Data), MEMORY);
    let expected = L1_TLB + STLB + STRUCTURES + 4 * MEMORY + MEMORY;
    assert_eq!(cost.total().as_u64(), expected);
    assert_eq!(cost.translation().as_u64(), expected - MEMORY);
}

#[test]
fn an_access_that_hits_everywhere_costs_the_first_tlb_and_the_first_cache() {
    for kind in AccessKind::ORDINARY {
        let mut world = OnePage::new(Tables::SETTLED, &processor::small());
        world.total(PAGE, 8, kind);
        let first_cache = if kind == FETCH { L1I } else { L1D };
        assert_eq!(
            world.total(PAGE + 8, 8, kind),
            L1_TLB + first_cache,
            "{kind:?}"
        );
    }
}

/// Three pages of one set push the first out of a first-level set of two ways; the second
/// level still has it.
#[test]
fn a_hit_in_the_second_tlb_adds_its_penalty() {
    let mut world = OnePage::new(Tables::SETTLED, &processor::small());
    for distance in [0x2000, 0x4000] {
        let address = VirtAddr::new(PAGE + distance);
        let frame = PhysAddr::new(0xa000_0000 + distance);
        let size = PageSize::Size4KiB;
        world.tables.map(address, frame, size, Tables::SETTLED);
    }
    for distance in [0, 0x2040, 0x4080] {
        world.total(PAGE + distance, 8, READ);
    }
    assert_eq!(world.total(PAGE, 8, READ), L1_TLB + STLB + L1D);
    assert_eq!(world.total(PAGE, 8, READ), L1_TLB + L1D);
}

#[test]
fn a_walk_with_warm_structures_and_warm_entries_costs_one_first_level_read() {
    let mut world = OnePage::new(Tables::SETTLED, &processor::small());
    world.total(PAGE, 8, READ);
    // The neighbour's page-table entry is in the line that the first walk read last.
    let cost = world.cost(PAGE + 0x1000, 8, READ);
    assert_eq!(cost.of(Owner::WalkL1d).as_u64(), L1D);
    let expected = L1_TLB + STLB + STRUCTURES + L1D + MEMORY;
    assert_eq!(cost.total().as_u64(), expected);
}

#[test]
fn setting_a_bit_costs_the_assist_and_an_access_of_the_entry() {
    let clean = Tables::SETTLED - Entry::DIRTY;
    let mut world = OnePage::new(clean - Entry::ACCESSED, &processor::small());
    let accessed = world.cost(PAGE, 8, READ).of(Owner::AccessedDirty);
    assert_eq!(accessed.as_u64(), ASSIST + L1D);
    // The page is cached and clean: the write looks up one level, then walks for its bit.
    let cost = world.cost(PAGE, 8, WRITE);
    assert_eq!(cost.of(Owner::AccessedDirty).as_u64(), ASSIST + L1D);
    let expected = L1_TLB + STRUCTURES + L1D + ASSIST + L1D + L1D;
    assert_eq!(cost.total().as_u64(), expected);
    assert_eq!(world.total(PAGE, 8, WRITE), L1_TLB + L1D);
}

#[test]
fn an_access_that_crosses_a_line_costs_both_lines_and_one_look_up() {
    let mut world = OnePage::new(Tables::SETTLED, &processor::small());
    world.total(PAGE, 8, READ);
    assert_eq!(world.total(PAGE + 0x3c, 8, READ), L1_TLB + L1D + MEMORY);
    assert_eq!(world.total(PAGE + 0x3c, 8, READ), L1_TLB + 2 * L1D);
    assert_eq!(world.total(PAGE + 0x38, 8, READ), L1_TLB + L1D);
    assert_eq!(
        world.total(PAGE + 0x3f, 66, READ),
        L1_TLB + 2 * L1D + MEMORY
    );
}

#[test]
fn an_access_that_crosses_a_page_costs_two_look_ups_and_both_lines() {
    let mut world = OnePage::new(Tables::SETTLED, &processor::small());
    let walk = L1_TLB + STLB + STRUCTURES;
    let cold = 2 * walk + 4 * MEMORY + L1D + 2 * MEMORY;
    assert_eq!(world.total(PAGE + 0xffc, 8, READ), cold);
    assert_eq!(world.total(PAGE + 0xffc, 8, READ), 2 * (L1_TLB + L1D));
    assert_eq!(world.total(PAGE + 0xff8, 8, READ), L1_TLB + L1D);
    assert_eq!(world.total(PAGE + 0x1000, 8, READ), L1_TLB + L1D);
}

#[test]
fn instruction_bytes_are_fetch_and_not_data() {
    let mut world = OnePage::new(Tables::SETTLED, &processor::small());
    world.total(PAGE, 4, FETCH);
    let cost = world.cost(PAGE + 0x3e, 4, FETCH);
    assert_eq!(cost.of(Owner::Fetch).as_u64(), L1I + MEMORY);
    assert_eq!(cost.of(Owner::Data), Cycles::ZERO);
}

#[test]
fn a_fault_spends_its_walk_and_touches_no_data() {
    let mut world = OnePage::new(Tables::SETTLED, &processor::small());
    let before = *world.mmu.spent();
    let address = VirtAddr::new(PAGE + 0x1ffc);
    let ram = world.tables.ram();
    let made = world.mmu.access(ram, address, 8, READ, PrivilegeMode::User);
    assert!(matches!(made, Err(Fault::Page(_))));
    let cost = *world.mmu.spent() - before;
    let walk = L1_TLB + STLB + STRUCTURES;
    // The entry of the page that is missing is the first of the next line.
    assert_eq!(cost.total().as_u64(), 2 * walk + 4 * MEMORY + MEMORY);
    assert_eq!(cost.of(Owner::Data), Cycles::ZERO);
}
