use lookaside::{
    pattern::{BASE, Pattern, PatternReader, Seed},
    trace::{Record, TraceReader},
};
use mmu_core::{CpuFeatures, FORESEEN, PhysAddr, TimedMmu, WalkStatistics};
use tlb::{Lookups, Stream};

use crate::{OPERATIONS, PageTables, golden_cove, timed::read};

const PAGE_BYTES: usize = 4096;
const FRAMES: PhysAddr = PhysAddr::new(1 << 32);

/// User-mode loads of a pattern over 1 GiB, through the MMU and the caches of a Golden Cove
/// core. Every page is mapped before the first load, and TLBs and caches are full.
#[derive(Debug)]
pub struct PatternWorld {
    tables: PageTables,
    mmu: TimedMmu<WalkStatistics>,
    pattern: PatternReader,
    loads: Vec<Record>,
}

/// How many loads come before those that are measured: twice the lines of the largest cache.
const WARM_UP: u64 = 1 << 20;

impl PatternWorld {
    /// Eight bytes after eight bytes.
    pub fn sequential() -> Self {
        Self::new("seq:1GiB")
    }

    /// Anywhere, all places equally likely.
    pub fn random() -> Self {
        Self::new("random:1GiB")
    }

    /// Some lines much more often than others.
    pub fn zipf() -> Self {
        Self::new("zipf:1GiB")
    }

    fn new(pattern: &str) -> Self {
        let pattern: Pattern = pattern.parse().expect("there is such a pattern");
        let mut tables = PageTables::new();
        for page in (0..pattern.size().0).step_by(PAGE_BYTES) {
            tables.map(BASE.wrapping_add(page), FRAMES.wrapping_add(page));
        }
        let (features, config) = (CpuFeatures::default(), golden_cove().timed);
        let observer = WalkStatistics::default();
        let mmu = TimedMmu::timed(features, tables.registers(), &config, observer);
        let mut world = Self {
            tables,
            mmu: mmu.expect("the preset can be built"),
            pattern: PatternReader::new(&pattern, u64::MAX, Seed::default()),
            loads: Vec::new(),
        };
        for _ in 0..WARM_UP / OPERATIONS {
            world.next_loads();
            world.round();
        }
        world.next_loads();
        world
    }

    /// Goes on in the pattern.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn next_loads(&mut self) {
        let mut batch = Vec::new();
        self.loads.clear();
        while (self.loads.len() as u64) < OPERATIONS {
            let made = self.pattern.next_batch(&mut batch);
            assert_ne!(made.expect("nothing is read"), 0);
            self.loads.append(&mut batch);
        }
        self.loads
            .truncate(usize::try_from(OPERATIONS).expect("they are few"));
    }

    /// Makes the loads.
    ///
    /// # Panics
    /// If one faults, or they do not lead where they must.
    #[inline]
    pub fn round(&mut self) {
        let (mut found, mut expected) = (0, 0);
        for loads in self.loads.chunks(FORESEEN) {
            let addresses = loads.iter().map(|load| load.address);
            self.mmu.foresee(self.tables.memory(), addresses);
            for load in loads {
                found += read(&mut self.mmu, self.tables.memory(), load.address).as_u64();
                expected += FRAMES.as_u64() + (load.address.as_u64() - BASE.as_u64());
            }
        }
        assert_eq!(found, expected);
    }

    /// A round in which every load is looked at.
    ///
    /// # Panics
    /// If one cost less than a hit in the L1D, or did not look into the TLBs exactly once, or
    /// a walk was not for one that they missed.
    pub fn audit(&mut self) {
        self.next_loads();
        let hit = golden_cove().timed.caches.l1d.latency;
        for place in 0..self.loads.len() {
            let address = self.loads[place].address;
            let (cycles, lookups) = (self.mmu.spent().total(), self.lookups());
            let walks = self.walks();
            read(&mut self.mmu, self.tables.memory(), address);
            let now = self.lookups();
            assert_eq!(now.total, lookups.total + 1, "{address}");
            assert_eq!(self.walks() - walks, now.missed - lookups.missed);
            assert!(self.mmu.spent().total() >= cycles + hit, "{address}");
        }
    }

    fn walks(&self) -> u64 {
        self.mmu.observer().by_references().iter().sum()
    }

    fn lookups(&self) -> Lookups {
        self.mmu.cache().tlbs().lookups(Stream::Load)
    }
}
