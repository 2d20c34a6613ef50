//! Nothing allocates after construction, as an allocator that counts can tell.

use std::{alloc::System, cell::Cell, hint::black_box, iter};

use mmu_core::{
    AccessKind, BusError, CpuFeatures, Entry, FunctionalMmu, Invalidation, PageSize, PhysAddr,
    PhysMem, PrivilegeMode, Ram, VirtAddr, WalkStatistics,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use tests::{
    Random, Tables,
    processor::{small, watched},
};
use tlb::Stream;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const OPERATIONS: u32 = 1_000_000;

/// More pages than any TLB here holds, on both sides of a gap where nothing is mapped.
const PAGES: u64 = 6000;
const SMALL: u64 = 0x40_0000_0000;
const LARGE: u64 = 0x80_0000_0000;

fn tables() -> Tables {
    let mut tables = Tables::new();
    let fresh = Tables::SETTLED - Entry::ACCESSED - Entry::DIRTY;
    for page in (0..PAGES).filter(|page| page % 16 != 15) {
        let address = VirtAddr::new(SMALL + page * 0x1000);
        let frame = PhysAddr::new(0x8000_0000 + page * 0x1000);
        let flags = if page % 3 == 0 {
            fresh | Entry::GLOBAL
        } else {
            fresh
        };
        tables.map(address, frame, PageSize::Size4KiB, flags);
    }
    for page in 0..64 {
        let address = VirtAddr::new(LARGE + page * 0x20_0000);
        let frame = PhysAddr::new(0xc000_0000);
        tables.map(address, frame, PageSize::Size2MiB, fresh);
    }
    tables
}

/// One of the things that a processor does all the time.
enum Operation {
    Access(VirtAddr, u32, AccessKind),
    Invalidate(VirtAddr),
    WriteCr3,
}

fn operation(random: &mut Random) -> Operation {
    let page = match random.below(4) {
        // Few pages, so that some accesses hit.
        0 => SMALL + random.below(8) * 0x1000,
        1 => LARGE + random.below(64 * 512) * 0x1000,
        _ => SMALL + random.below(PAGES) * 0x1000,
    };
    let address = VirtAddr::new(page + random.below(0x1000));
    match random.below(1000) {
        0 => Operation::WriteCr3,
        1..20 => Operation::Invalidate(address),
        _ => {
            let kind = AccessKind::ALL[usize::try_from(random.below(4)).unwrap_or(0)];
            let length = u32::try_from(random.below(80) + 1).unwrap_or(1);
            Operation::Access(address, length, kind)
        }
    }
}

/// How the accesses of a run ended.
#[derive(Debug, Default)]
struct Outcomes {
    done: u32,
    faulted: u32,
}

impl Outcomes {
    fn count<T, E>(&mut self, outcome: Result<T, E>) {
        match black_box(outcome) {
            Ok(_) => self.done += 1,
            Err(_) => self.faulted += 1,
        }
    }

    fn assert_mixed(&self) {
        assert!(self.done > OPERATIONS / 2, "{self:?}");
        assert!(self.faulted > OPERATIONS / 50, "{self:?}");
    }
}

/// A memory that counts the entries read from it, and so the walks of an MMU that nobody
/// watches.
struct CountingRam<'a> {
    ram: &'a Ram,
    reads: Cell<u64>,
    exchanges: Cell<u64>,
}

impl PhysMem for CountingRam<'_> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.reads.set(self.reads.get() + 1);
        self.ram.read_u64(at)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        self.exchanges.set(self.exchanges.get() + 1);
        self.ram.compare_exchange_u64(at, current, new)
    }
}

fn nothing_allocated(change: Stats) {
    assert_eq!(
        (
            change.allocations,
            change.reallocations,
            change.deallocations
        ),
        (0, 0, 0),
        "{change:?}"
    );
}

fn functional_mmu_allocates_nothing() {
    let tables = tables();
    let memory = CountingRam {
        ram: tables.ram(),
        reads: Cell::new(0),
        exchanges: Cell::new(0),
    };
    let registers = tables.registers();
    let mut mmu = FunctionalMmu::functional(CpuFeatures::default(), registers).unwrap();
    let mut random = Random::new(0xa110_c000);
    let mut outcomes = Outcomes::default();

    let region = Region::new(ALLOCATOR);
    for _ in 0..OPERATIONS {
        match operation(&mut random) {
            Operation::Access(address, length, kind) => {
                let mode = PrivilegeMode::User;
                outcomes.count(mmu.translate_span(&memory, address, length, kind, mode));
            }
            Operation::Invalidate(address) => {
                let _ = black_box(mmu.invalidate(Invalidation::Invlpg(address)));
            }
            Operation::WriteCr3 => {
                let _ = black_box(mmu.write_cr3(&memory, registers.cr3));
            }
        }
    }
    nothing_allocated(region.change());

    outcomes.assert_mixed();
    assert!(memory.reads.get() > u64::from(OPERATIONS));
    // Every page was read or written for the first time.
    assert!(memory.exchanges.get() > PAGES);
}

fn timed_mmu_allocates_nothing() {
    let tables = tables();
    let mut mmu = watched(&small(), &tables, WalkStatistics::default());
    let cr3 = tables.registers().cr3;
    let mut random = Random::new(0xa110_c001);
    let mut outcomes = Outcomes::default();

    let region = Region::new(ALLOCATOR);
    for _ in 0..OPERATIONS {
        match operation(&mut random) {
            Operation::Access(address, length, kind) => {
                let mode = PrivilegeMode::User;
                mmu.foresee(tables.ram(), iter::once(address));
                outcomes.count(mmu.access(tables.ram(), address, length, kind, mode));
            }
            Operation::Invalidate(address) => {
                let _ = black_box(mmu.invalidate(Invalidation::Invlpg(address)));
            }
            Operation::WriteCr3 => {
                let _ = black_box(mmu.write_cr3(tables.ram(), cr3));
            }
        }
    }
    nothing_allocated(region.change());

    outcomes.assert_mixed();
    for stream in Stream::ALL {
        let tlbs = mmu.cache().tlbs();
        for level in 0..2 {
            assert!(tlbs.hits(stream, level) > 1000, "{stream}, level {level}");
        }
        assert!(tlbs.lookups(stream).missed > 10_000);
        for size in [PageSize::Size4KiB, PageSize::Size2MiB] {
            assert!(mmu.observer().completed(stream, size) > 10_000);
        }
        assert!(mmu.observer().faulted(stream) > 1000);
    }
    assert!(mmu.observer().updates() > PAGES);
    assert!(mmu.cost().counters().memory_write_backs() > 1000);
}

fn an_allocation_is_noticed() {
    let region = Region::new(ALLOCATOR);
    drop(black_box(Box::new(1)));
    let change = region.change();
    assert_eq!((change.allocations, change.deallocations), (1, 1));
}

/// Without the usual harness, since the allocator counts what every thread of the program
/// does.
fn main() {
    let tests: [(&str, fn()); 3] = [
        ("an allocation is noticed", an_allocation_is_noticed),
        (
            "FunctionalMmu allocates nothing",
            functional_mmu_allocates_nothing,
        ),
        ("TimedMmu allocates nothing", timed_mmu_allocates_nothing),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    println!("test result: ok. {} passed; 0 failed", tests.len());
}
