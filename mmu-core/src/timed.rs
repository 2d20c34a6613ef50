use cache::{CacheSystem, Request};
use units::{AccessKind, Cycles, MemoryType, PageSize, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{
    CpuFeatures, Fault, GeneralProtection, Ledger, Mmu, ModelledTlb, NextPage, NoObserver,
    Observer, Owner, PhysMem, Registers, Span, Translated,
};

mod cost;
mod foresight;

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

    /// Makes an access of `length` bytes, at most 4096: translates it as
    /// [`Mmu::translate_span`] does, and passes every cache line of it through the data
    /// caches, as the memory type of its page demands.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be translated; no line of it was touched then, but what the
    /// attempt cost is spent.
    #[inline]
    pub fn access<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        length: u32,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Span, Fault> {
        let span = self.translate_span(memory, address, length, kind, mode)?;
        let length = u64::from(length);
        match span.second {
            None => self.touch_lines(span.first, length, kind),
            Some(second) => {
                let page = PageSize::Size4KiB;
                let first = page.bytes() - address.offset_in(page);
                self.touch_lines(span.first, first, kind);
                self.touch_lines(second, length - first, kind);
            }
        }
        Ok(span)
    }

    /// Copies a 4-KiB frame to another through the data caches, for what an operating system
    /// does with its memory. Copies stream: what the frame costs is charged to the owner, and
    /// not the latencies of its lines.
    pub fn copy_frame(&mut self, from: PhysAddr, to: PhysAddr, owner: Owner, cost: Cycles) {
        let frame = PageSize::Size4KiB;
        for line in (0..frame.bytes()).step_by(LINE_BYTES) {
            for (frame, request) in [(from, Request::Read), (to, Request::Write)] {
                let at = frame.wrapping_add(line);
                let caches = self.cost.caches_mut();
                caches.access(at, request, MemoryType::WriteBack);
            }
        }
        self.spent.charge(owner, cost);
    }

    /// Mostly it is one line.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the kind of an access is mostly known where it is made"
    )]
    fn touch_lines(&mut self, start: Translated, length: u64, kind: AccessKind) {
        let lines = start.address.as_u64() % cache::LINE_BYTES + length;
        if lines > cache::LINE_BYTES {
            return self.touch_several_lines(start, length, kind);
        }
        self.touch_line(start.address, start.translation.memory_type(), kind);
    }

    #[inline(never)]
    fn touch_several_lines(&mut self, start: Translated, length: u64, kind: AccessKind) {
        let memory_type = start.translation.memory_type();
        let first = start.address.as_u64() / cache::LINE_BYTES;
        let last = (start.address.as_u64() + length.max(1) - 1) / cache::LINE_BYTES;
        for line in first..=last {
            self.touch_line(PhysAddr::new(line * cache::LINE_BYTES), memory_type, kind);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for all of them")]
    fn touch_line(&mut self, at: PhysAddr, memory_type: MemoryType, kind: AccessKind) {
        let (request, owner) = match kind {
            AccessKind::Fetch => (Request::Fetch, Owner::Fetch),
            AccessKind::Read | AccessKind::ShadowStackRead => (Request::Read, Owner::Data),
            AccessKind::Write | AccessKind::ShadowStackWrite => (Request::Write, Owner::Data),
            AccessKind::ReadModifyWrite => (Request::ReadModifyWrite, Owner::Data),
        };
        let response = self.cost.caches_mut().access(at, request, memory_type);
        self.spent.charge(owner, response.latency);
    }
}
