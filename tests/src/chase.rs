//! Dependent loads in random order over a range of memory, as latency curves are measured.

use lookaside::preset::Preset;
use memory_manager::demand::{MemoryManager, Process, Protection};
use mmu_core::{
    AccessKind, Breakdown, PageSize, PrivilegeMode, TimedMmu, VirtAddr, WalkStatistics,
};

use crate::Random;

const BASE: VirtAddr = VirtAddr::new(0x10_0000_0000);
const LAPS_BEFORE: usize = 4;

/// A processor of a preset, and a program that does nothing but load.
#[derive(Debug)]
pub struct Chaser {
    manager: MemoryManager,
    process: Process,
    mmu: TimedMmu<WalkStatistics>,
}

impl Chaser {
    /// With pages of this size.
    ///
    /// # Panics
    /// If the preset is not known or cannot be built.
    pub fn new(preset: &str, pages: PageSize) -> Self {
        let preset = Preset::load(preset).expect("a preset");
        let mut manager = MemoryManager::new(4 << 30).expect("memory");
        let mut process = manager.create_process().expect("a table");
        let committed = process.commit(BASE, 2 << 30, pages, Protection::ReadWrite);
        committed.expect("an empty address space");
        let registers = process.registers();
        let statistics = WalkStatistics::default();
        let mmu = TimedMmu::timed(preset.features, registers, &preset.timed, statistics);
        Self {
            manager,
            process,
            mmu: mmu.expect("a preset"),
        }
    }

    /// What a lap costs, once the caches have settled, of loads in a random cycle over a
    /// range: one every `stride` bytes. And how many loads a lap is.
    pub fn lap(&mut self, bytes: u64, stride: u64, seed: u64) -> (Breakdown, u64) {
        let order = cycle(bytes / stride, seed);
        for _ in 0..LAPS_BEFORE {
            self.walk_through(&order, stride);
        }
        let before = *self.mmu.spent();
        self.walk_through(&order, stride);
        (*self.mmu.spent() - before, order.len() as u64)
    }

    /// The processor.
    pub fn mmu(&self) -> &TimedMmu<WalkStatistics> {
        &self.mmu
    }

    fn walk_through(&mut self, order: &[u64], stride: u64) {
        let mmu = &mut self.mmu;
        for place in order {
            let address = BASE.wrapping_add(place * stride);
            let loaded = self.manager.access(&self.process, |ram| {
                mmu.access(ram, address, 8, AccessKind::Read, PrivilegeMode::User)
            });
            loaded.expect("committed memory");
        }
    }
}

/// The numbers below `count` in the order of one random cycle.
fn cycle(count: u64, seed: u64) -> Vec<u64> {
    let mut random = Random::new(seed);
    let mut order: Vec<_> = (0..count).collect();
    for last in (1..order.len()).rev() {
        let other = random.below(last as u64 + 1);
        order.swap(last, usize::try_from(other).expect("an index"));
    }
    order
}
