use cache::{CacheSystem, Counters, Request, Response, ServedBy};
use tlb::Stream;
use units::{AccessKind, Cycles, Level, MemoryType, PhysAddr, ProcessorId};

use super::{SoftwareCosts, TimedConfig, foresight::Foresight, notes::Notes};
use crate::{Breakdown, EntryRead, Ledger, NextPage, Owner, TlbInstruction, WalkCost};

/// Data caches as one processor sees them.
pub trait Caches {
    /// Makes the request of the one line that holds the byte at `at`.
    fn access(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response;

    /// The same of a request that need not [repeat](Self::repeats) the one before.
    #[inline]
    fn access_anew(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response {
        self.access(at, request, memory_type)
    }

    /// Has the host fetch what requests of the lines that hold these bytes will look at. Nothing
    /// else comes of it.
    fn prefetch(&self, at: &[PhysAddr]);

    /// How long a request of write-back memory takes that finds the line where it enters as the
    /// last use of the set left it, so that it would change nothing but a count. If it is told,
    /// nobody but the one who asks may change that: caches that others use, too, never tell.
    #[inline]
    fn repeats(&self, _at: PhysAddr, _request: Request) -> Option<Cycles> {
        None
    }

    /// What the requests of this processor have done.
    fn counters(&self) -> Counters;
}

impl Caches for CacheSystem {
    #[inline]
    fn access(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response {
        Self::access(self, ProcessorId::FIRST, at, request, memory_type)
    }

    #[inline]
    fn access_anew(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response {
        Self::access_anew(self, ProcessorId::FIRST, at, request, memory_type)
    }

    #[inline]
    fn prefetch(&self, at: &[PhysAddr]) {
        Self::prefetch(self, at);
    }

    #[inline]
    fn repeats(&self, at: PhysAddr, request: Request) -> Option<Cycles> {
        Self::repeats(self, ProcessorId::FIRST, at, request)
    }

    fn counters(&self) -> Counters {
        Self::counters(self, ProcessorId::FIRST).clone()
    }
}

/// Walks whose reads go through the data caches.
#[derive(Clone, Debug)]
pub struct CacheCost<D> {
    caches: D,
    /// Requests that the caches were spared, since each would have found its line as the one before
    /// it left it.
    found_again: [u64; Request::ALL.len()],
    pub(super) notes: Notes,
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
            found_again: [0; Request::ALL.len()],
            notes: Notes::new(),
            walk_loads: Default::default(),
            accessed_dirty_assist: config.accessed_dirty_assist,
            software: config.software,
            next_page: config.walkers.next_page,
            ahead: Ahead::default(),
            foresight: Foresight::new(),
        }
    }

    /// The data caches. They do not know of requests that they were spared.
    #[inline]
    pub(super) fn caches(&self) -> &D {
        &self.caches
    }

    /// A request found its line as the one before it left it.
    #[inline]
    pub(super) fn found_again(&mut self, request: Request) {
        self.found_again[request.index()] += 1;
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

impl<D: Caches> CacheCost<D> {
    /// What the requests of this processor have done in the data caches.
    pub fn counters(&self) -> Counters {
        let mut counters = self.caches.counters();
        for (request, &times) in Request::ALL.into_iter().zip(&self.found_again) {
            counters.add_first_hits(request, times);
        }
        counters
    }
}

impl<D: Caches> WalkCost for CacheCost<D> {
    const ASKS_MEMORY_TYPE: bool = true;
    const IS_FREE: bool = false;

    type Ledger = Breakdown;

    #[inline]
    fn may_change(&mut self) {
        self.notes.forget();
    }

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
