//! Why translation cost what it did: which pages, which regions and which instructions the
//! cycles of page walks went to, and how long walks took.
//!
//! All cycles of a walk count: the look-up in the paging-structure caches, the entries it
//! read, and its updates of accessed and dirty bits. Look-ups in TLBs do not: they are no
//! walk's. All of this is work for accesses that walk, and none for others.

mod latency;
mod tally;

use mmu_core::{
    Entry, Level, Observer, PageSize, PhysAddr, Translation, VirtAddr, WalkEnd, WalkStatistics,
};
use tlb::Stream;

pub use latency::Latencies;
pub use tally::{Spent, Tally};

/// What the walks of one process were for.
#[derive(Clone, Debug, Default)]
pub struct Places {
    instruction: Option<VirtAddr>,
    pages: Tally<Page>,
    regions: Tally<VirtAddr>,
    instructions: Tally<Option<VirtAddr>>,
}

impl Places {
    /// Walks by the page that they were for.
    pub fn pages(&self) -> &Tally<Page> {
        &self.pages
    }

    /// Walks by the region of [`WalkLog::REGION`] that their address lies in.
    pub fn regions(&self) -> &Tally<VirtAddr> {
        &self.regions
    }

    /// Walks by the address of the instruction that was fetched last, if there was one.
    pub fn instructions(&self) -> &Tally<Option<VirtAddr>> {
        &self.instructions
    }

    fn merge(&mut self, other: &Self) {
        self.pages.merge(&other.pages);
        self.regions.merge(&other.regions);
        self.instructions.merge(&other.instructions);
    }
}

/// A page that was walked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Page {
    /// Its first byte.
    pub address: VirtAddr,
    /// Its size.
    pub size: PageSize,
}

/// Writes down every walk of a processor.
#[derive(Clone, Debug)]
pub struct WalkLog {
    statistics: WalkStatistics,
    missing: PageSize,
    processes: Vec<Places>,
    current: usize,
    latencies: [Latencies; Stream::COUNT],
}

impl WalkLog {
    /// The size of a region: what one page table maps, and what a 2-MiB page could.
    pub const REGION: PageSize = PageSize::Size2MiB;

    /// A log without a walk in it, of a processor that runs one of so many processes, the
    /// first one until it is told otherwise. A walk that finds no page counts for the page of
    /// the size `missing` that should be there.
    pub fn new(missing: PageSize, processes: usize) -> Self {
        Self {
            statistics: WalkStatistics::default(),
            missing,
            processes: vec![Places::default(); processes.max(1)],
            current: 0,
            latencies: Default::default(),
        }
    }

    /// The walks from now on are those of this instruction: of its fetch, and of its data.
    #[inline]
    pub fn at_instruction(&mut self, address: VirtAddr) {
        self.processes[self.current].instruction = Some(address);
    }

    /// The walks from now on are those of this process.
    pub fn at_process(&mut self, process: usize) {
        self.current = process.min(self.processes.len() - 1);
    }

    /// Takes over all that another processor's log has.
    pub fn merge(&mut self, other: &Self) {
        for (mine, other) in self.processes.iter_mut().zip(&other.processes) {
            mine.merge(other);
        }
        for (mine, other) in self.latencies.iter_mut().zip(&other.latencies) {
            mine.merge(other);
        }
    }

    /// The counts of walks. They stay a processor's own when logs are merged.
    pub fn statistics(&self) -> &WalkStatistics {
        &self.statistics
    }

    /// What the walks of each process were for.
    pub fn processes(&self) -> &[Places] {
        &self.processes
    }

    /// How long the walks for a stream took.
    pub fn latencies(&self, stream: Stream) -> &Latencies {
        &self.latencies[stream.index()]
    }
}

impl Observer for WalkLog {
    #[inline]
    fn entry_updated(&mut self, level: Level, at: PhysAddr, entry: Entry) {
        self.statistics.entry_updated(level, at, entry);
    }

    fn walk_ended(&mut self, end: &WalkEnd) {
        self.statistics.walk_ended(end);
        let size = end.outcome.map_or(self.missing, Translation::size);
        let page = Page {
            address: end.address.align_down(size),
            size,
        };
        let places = &mut self.processes[self.current];
        places.pages.count(page, end.cycles);
        let region = end.address.align_down(Self::REGION);
        places.regions.count(region, end.cycles);
        places.instructions.count(places.instruction, end.cycles);
        self.latencies[Stream::of(end.kind).index()].count(end.cycles);
    }
}

#[cfg(test)]
mod tests;
