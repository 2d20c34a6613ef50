use tlb::Stream;
use units::{AccessKind, Cycles, Level, PageSize, PhysAddr, VirtAddr};

use crate::{Entry, Fault, Flushed, Translation};

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkEnd {
    /// The address walked for.
    pub address: VirtAddr,
    /// The access that needed it.
    pub kind: AccessKind,
    /// How many entries were read.
    pub references: u32,
    /// What it cost: the look-up in the paging-structure caches, the reads, and the updates of
    /// accessed and dirty bits. Nothing where no time passes.
    pub cycles: Cycles,
    /// What it found.
    pub outcome: Result<Translation, Fault>,
}

/// Sees what an [`Mmu`](crate::Mmu) does. Each method does nothing unless it is written, and
/// costs nothing then.
pub trait Observer {
    /// Whether anything is watched at all.
    const WATCHES: bool = true;

    /// A walk reads an entry.
    #[inline]
    fn entry_read(&mut self, _level: Level, _at: PhysAddr) {}

    /// A walk sets accessed or dirty bits; `entry` is what it tries to write.
    #[inline]
    fn entry_updated(&mut self, _level: Level, _at: PhysAddr, _entry: Entry) {}

    /// A walk ended; if it found a translation, the TLBs hold it now.
    #[inline]
    fn walk_ended(&mut self, _end: &WalkEnd) {}

    /// Cached translations were dropped by a register write, an invalidation, or a fault of
    /// their address.
    #[inline]
    fn flushed(&mut self, _flushed: Flushed) {}
}

/// Nobody looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    const WATCHES: bool = false;
}

/// Counts walks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkStatistics {
    completed: [[u64; PageSize::ALL.len()]; Stream::COUNT],
    faulted: [u64; Stream::COUNT],
    by_references: [u64; Self::MOST_REFERENCES + 1],
    updates: u64,
}

impl WalkStatistics {
    /// The most references that are told apart; walks with more count as this many.
    pub const MOST_REFERENCES: usize = 8;

    /// Walks for a stream that found a page of this size.
    pub const fn completed(&self, stream: Stream, size: PageSize) -> u64 {
        self.completed[stream.index()][size.index()]
    }

    /// Walks for a stream that ended in a fault.
    pub const fn faulted(&self, stream: Stream) -> u64 {
        self.faulted[stream.index()]
    }

    /// Walks that read so many entries, from none to [`WalkStatistics::MOST_REFERENCES`].
    pub const fn by_references(&self) -> &[u64] {
        &self.by_references
    }

    /// Attempts to set accessed or dirty bits.
    pub const fn updates(&self) -> u64 {
        self.updates
    }
}

impl Observer for WalkStatistics {
    #[inline]
    fn entry_updated(&mut self, _: Level, _: PhysAddr, _: Entry) {
        self.updates += 1;
    }

    #[inline]
    fn walk_ended(&mut self, end: &WalkEnd) {
        let stream = Stream::of(end.kind).index();
        match end.outcome {
            Ok(translation) => self.completed[stream][translation.size().index()] += 1,
            Err(_) => self.faulted[stream] += 1,
        }
        self.by_references[(end.references as usize).min(Self::MOST_REFERENCES)] += 1;
    }
}
