use cache::{CacheSystem, Request};
use units::{Cycles, MemoryType, PageSize, PhysAddr};

use crate::{
    CpuFeatures, GeneralProtection, Ledger, Mmu, ModelledTlb, NextPage, NoObserver, Observer,
    Owner, Registers,
};

mod access;
mod cost;
mod foresight;
mod notes;

pub use cost::{Ahead, CacheCost, Caches};
pub use foresight::FORESEEN;

/// An MMU with modelled TLBs, paging-structure caches and data caches, which counts cycles.
///
/// `D` are the data caches: its own, or a door to those of a machine whose processors share
/// some of them.
pub type TimedMmu<O = NoObserver, D = CacheSystem> = Mmu<ModelledTlb, CacheCost<D>, O>;

#[expect(clippy::cast_possible_truncation, reason = "64 fits anywhere")]
const LINE_BYTES: usize = cache::LINE_BYTES as usize;

/// The shape of a [`TimedMmu`].
#[derive(Clone, Debug)]
pub struct TimedConfig {
    /// Its TLBs.
    pub tlbs: tlb::HierarchyConfig,
    /// Its paging-structure caches.
    pub structures: tlb::StructureCachesConfig,
    /// Its data caches.
    pub caches: cache::HierarchyConfig,
    /// What setting an accessed or dirty bit adds to the reads and writes it makes.
    pub accessed_dirty_assist: Cycles,
    /// Its page walkers.
    pub walkers: Walkers,
    /// What the operating system's work costs.
    pub software: SoftwareCosts,
}

/// The page walkers of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walkers {
    /// How many walks go on at the same time, at least one.
    pub count: u32,
    /// What a walk does for the next page.
    pub next_page: NextPage,
}

/// What an operating system's work costs, in cycles an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoftwareCosts {
    /// A page fault, from its entry to the return, its service included: the zeroing of a
    /// 4-KiB page, and no more.
    pub page_fault: Cycles,
    /// Zeroing 4 KiB of memory, beyond what a fault includes.
    pub zero_frame: Cycles,
    /// Copying 4 KiB of memory.
    pub copy_frame: Cycles,
    /// MOV to CR3 that drops what is cached of the PCID.
    pub write_cr3: Cycles,
    /// MOV to CR3 that keeps it (bit 63).
    pub write_cr3_keeping: Cycles,
    /// INVLPG.
    pub invlpg: Cycles,
    /// INVPCID.
    pub invpcid: Cycles,
    /// Sending an interrupt to one processor, for a TLB shootdown.
    pub interrupt_send: Cycles,
    /// Taking such an interrupt, but for the invalidations it is for.
    pub interrupt_service: Cycles,
    /// Waiting for the other processors after all interrupts are sent.
    pub interrupt_wait: Cycles,
    /// A switch from one process to another, but for MOV to CR3.
    pub context_switch: Cycles,
    /// Making one large page of small ones, but for the copies and the shootdown: the
    /// allocation, the locks, the walk over the old entries.
    pub collapse: Cycles,
}

/// The MMU cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimedConfigError {
    /// Because of its TLBs or paging-structure caches.
    #[error(transparent)]
    Tlb(#[from] tlb::ConfigError),
    /// Because of its data caches.
    #[error(transparent)]
    Cache(#[from] cache::ConfigError),
    /// Because of the registers.
    #[error(transparent)]
    Registers(#[from] GeneralProtection),
}

impl<O: Observer> TimedMmu<O> {
    /// A timed MMU with nothing cached yet, and data caches of its own.
    ///
    /// # Errors
    /// [`TimedConfigError`] if one of its parts cannot be built.
    pub fn timed(
        features: CpuFeatures,
        registers: Registers,
        config: &TimedConfig,
        observer: O,
    ) -> Result<Self, TimedConfigError> {
        let caches = CacheSystem::new(&config.caches)?;
        Self::timed_with(features, registers, config, caches, observer)
    }
}

impl<O: Observer, D: Caches> TimedMmu<O, D> {
    /// A timed MMU with no translations cached yet, in front of these data caches.
    ///
    /// # Errors
    /// [`TimedConfigError`] if one of its parts cannot be built.
    pub fn timed_with(
        features: CpuFeatures,
        registers: Registers,
        config: &TimedConfig,
        caches: D,
        observer: O,
    ) -> Result<Self, TimedConfigError> {
        let cache = ModelledTlb::new(&config.tlbs, &config.structures)?;
        let cost = CacheCost::new(config, caches);
        Ok(Self::new(features, registers, cache, cost, observer)?)
    }

    /// Copies a 4-KiB frame to another through the data caches, for what an operating system
    /// does with its memory. Copies stream: what the frame costs is charged to the owner, and
    /// not the latencies of its lines.
    pub fn copy_frame(&mut self, from: PhysAddr, to: PhysAddr, owner: Owner, cost: Cycles) {
        let frame = PageSize::Size4KiB;
        for line in (0..frame.bytes()).step_by(LINE_BYTES) {
            for (frame, request) in [(from, Request::Read), (to, Request::Write)] {
                let at = frame.wrapping_add(line);
                let caches = self.state.cost.caches_mut();
                caches.access(at, request, MemoryType::WriteBack);
            }
        }
        self.spent.charge(owner, cost);
    }
}
