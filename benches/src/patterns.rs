use lookaside::{
    pattern::{BASE, Pattern, PatternReader, Seed},
    trace::{Record, TraceReader},
};
use mmu_core::{
    AccessKind, CpuFeatures, PageSize, PhysAddr, PrivilegeMode, TimedMmu, WalkStatistics,
};

use crate::{PageTables, golden_cove};

const PAGE: PageSize = PageSize::Size4KiB;
const MEMORY: u64 = 1 << 30;
const FRAMES: PhysAddr = PhysAddr::new(1 << 32);

/// User-mode loads of a pattern over 1 GiB, through the MMU and the caches of a Golden Cove
/// core. Every page is mapped before the first load.
#[derive(Debug)]
pub struct PatternWorld {
    tables: PageTables,
    mmu: TimedMmu<WalkStatistics>,
    pattern: PatternReader,
    loads: Vec<Record>,
}

impl PatternWorld {
    /// How many loads a round makes.
    pub const LOADS: u64 = 1 << 16;

    /// Eight bytes after eight bytes.
    pub fn sequential() -> Self {
        Self::new("seq:1GiB")
    }

    /// Anywhere, equally likely.
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
        for page in (0..MEMORY).step_by(1 << PAGE.shift()) {
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
        for _ in 0..16 {
            world.prepare();
            world.round();
        }
        world.prepare();
        world
    }

    /// Takes the next loads of the pattern.
    ///
    /// # Panics
    /// If the pattern ends.
    pub fn prepare(&mut self) {
        let mut batch = Vec::new();
        self.loads.clear();
        while (self.loads.len() as u64) < Self::LOADS {
            let read = self.pattern.next_batch(&mut batch);
            assert_ne!(read.expect("nothing is read"), 0);
            self.loads.append(&mut batch);
        }
    }

    /// Makes the loads, and gives the cycles that they took.
    ///
    /// # Panics
    /// If one faults, they do not lead where they must, or a cycle has no owner.
    #[inline(never)]
    pub fn round(&mut self) {
        let before = self.mmu.spent().total();
        let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
        let (mut expected, mut found) = (0, 0);
        for load in &self.loads {
            let span = self.mmu.access(self.tables.memory(), load.address, load.size, kind, mode);
            let span = span.unwrap_or_else(|fault| panic!("{fault}"));
            found += span.first.address.as_u64();
            expected += load.address.as_u64() - BASE.as_u64();
        }
        assert_eq!(found, expected + FRAMES.as_u64() * self.loads.len() as u64);
        let cycles = self.mmu.spent().total() - before;
        assert!(cycles.as_u64() >= self.loads.len() as u64);
    }
}
