use cache::{CacheSystem, Request, Response, ServedBy};
use tlb::Stream;
use units::{AccessKind, Cycles, Level, MemoryType, PhysAddr, ProcessorId};

use super::{SoftwareCosts, TimedConfig, foresight::Foresight};
use crate::{Breakdown, EntryRead, Ledger, NextPage, Owner, TlbInstruction, WalkCost};

/// Data caches as one processor sees them.
pub trait Caches {
    /// Makes the request of the one line that holds the byte at `at`.
    fn access(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response;

    /// Has the host fetch what requests of the lines that hold these bytes will look at. Nothing
    /// else comes of it.
    fn prefetch(&self, at: &[PhysAddr]);
}

impl Caches for CacheSystem {
    #[inline]
    fn access(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response {
        Self::access(self, ProcessorId::FIRST, at, request, memory_type)
    }

    #[inline]
    fn prefetch(&self, at: &[PhysAddr]) {
        Self::prefetch(self, at);
    }
}

/// Walks whose reads go through the data caches.
#[derive(Clone, Debug)]
pub struct CacheCost<D> {
    caches: D,
    walk_loads: [[[u64; ServedBy::ALL.len()]; Level::COUNT]; Stream::COUNT],
    accessed_dirty_assist: Cycles,
    software: SoftwareCosts,
    next_page: NextPage,
    ahead: Ahead,
    pub(super) foresight: Foresight,
}

/// Walks for pages that nobody had asked for yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Those that found a translation.
    pub walks: u64,
    /// The entries that all of them read.
    pub references: u64,
}

impl<D> CacheCost<D> {
    pub(super) fn new(config: &TimedConfig, caches: D) -> Self {
        Self {
            caches,
            walk_loads: Default::default(),
            accessed_dirty_assist: config.accessed_dirty_assist,
            software: config.software,
            next_page: config.walkers.next_page,
            ahead: Ahead::default(),
            foresight: Foresight::new(),
        }
    }

    /// The data caches.
    pub fn caches(&self) -> &D {
        &self.caches
    }

    /// The walks for pages that nobody had asked for yet. They are in no other count of walks.
    pub fn ahead(&self) -> Ahead {
        self.ahead
    }

    #[inline]
    pub(super) fn caches_mut(&mut self) -> &mut D {
        &mut self.caches
    }

    /// The entries of a level that walks for a stream read from a level of the caches.
    pub fn walk_loads(&self, stream: Stream, level: Level, served_by: ServedBy) -> u64 {
        self.walk_loads[stream.index()][level.index()][served_by.index()]
    }
}

impl<D: Caches> WalkCost for CacheCost<D> {
    const ASKS_MEMORY_TYPE: bool = true;
    const IS_FREE: bool = false;

    type Ledger = Breakdown;

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "level and kind are known in each place"
    )]
    fn read_entry(&mut self, kind: AccessKind, read: EntryRead, ledger: &mut Breakdown) {
        let Response { served_by, latency } =
            self.caches
                .access(read.at, Request::WalkRead, read.memory_type);
        let loads = &mut self.walk_loads[Stream::of(kind).index()][read.level.index()];
        loads[served_by.index()] += 1;
        let owner = match served_by {
            ServedBy::L1 => Owner::WalkL1d,
            ServedBy::L2 => Owner::WalkL2,
            ServedBy::Llc => Owner::WalkLlc,
            ServedBy::Peer => Owner::WalkPeer,
            ServedBy::Memory => Owner::WalkMemory,
        };
        ledger.charge(owner, latency);
    }

    fn update_entry(&mut self, entry: EntryRead, ledger: &mut Breakdown) {
        let response = self
            .caches
            .access(entry.at, Request::WalkUpdate, entry.memory_type);
        let cycles = self.accessed_dirty_assist + response.latency;
        ledger.charge(Owner::AccessedDirty, cycles);
    }

    #[inline]
    fn next_page(&self) -> NextPage {
        self.next_page
    }

    fn read_ahead(&mut self, read: EntryRead) {
        self.caches
            .access(read.at, Request::WalkRead, read.memory_type);
        self.ahead.references += 1;
    }

    fn walked_ahead(&mut self) {
        self.ahead.walks += 1;
    }

    fn execute(&mut self, instruction: TlbInstruction, ledger: &mut Breakdown) {
        let (owner, cycles) = match instruction {
            TlbInstruction::WriteCr3 => (Owner::WriteCr3, self.software.write_cr3),
            TlbInstruction::WriteCr3Keeping => (Owner::WriteCr3, self.software.write_cr3_keeping),
            TlbInstruction::Invlpg => (Owner::Invalidation, self.software.invlpg),
            TlbInstruction::Invpcid => (Owner::Invalidation, self.software.invpcid),
        };
        ledger.charge(owner, cycles);
    }
}
