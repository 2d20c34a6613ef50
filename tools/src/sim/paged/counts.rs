use std::ops::Sub;

use serde::Serialize;

/// What paging came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::sim) struct Counts {
    /// Page faults of all kinds: those below, and first writes to pages that were clean.
    pub(in crate::sim) faults: u64,
    /// Pages that appeared.
    pub(in crate::sim) demand_zero: u64,
    /// Faults for pages that had left a working set and were still in memory.
    pub(in crate::sim) soft: u64,
    /// Faults for which a page was read.
    pub(in crate::sim) hard: u64,
    /// Faults that waited for a page which was being read because of another one.
    pub(in crate::sim) collided: u64,
    /// Pages that left working sets, for other processes or for other pages of their own.
    pub(in crate::sim) trimmed: u64,
    /// Reads of the page file, each of pages that lie together.
    pub(in crate::sim) reads: u64,
    pub(in crate::sim) pages_read: u64,
    /// Writes to the page file, each of pages that lie together.
    pub(in crate::sim) writes: u64,
    pub(in crate::sim) pages_written: u64,
    /// For how long the disk worked, be it that a processor waited or that another process ran.
    pub(in crate::sim) disk_busy_cycles: u64,
    /// How often a process waited for the disk while another one ran.
    pub(in crate::sim) given_way: u64,
    /// Times that the system looked at what was used.
    pub(in crate::sim) ticks: u64,
    /// Times that processors had to forget translations.
    pub(in crate::sim) shootdowns: u64,
    /// Processors that were interrupted for that.
    pub(in crate::sim) interrupts: u64,
    /// Addresses that a processor forgot, one by one.
    pub(in crate::sim) invalidations: u64,
    /// Times that a processor forgot all of a process instead.
    pub(in crate::sim) drops: u64,
}

/// What came since an earlier state.
impl Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            faults: self.faults - earlier.faults,
            demand_zero: self.demand_zero - earlier.demand_zero,
            soft: self.soft - earlier.soft,
            hard: self.hard - earlier.hard,
            collided: self.collided - earlier.collided,
            trimmed: self.trimmed - earlier.trimmed,
            reads: self.reads - earlier.reads,
            pages_read: self.pages_read - earlier.pages_read,
            writes: self.writes - earlier.writes,
            pages_written: self.pages_written - earlier.pages_written,
            disk_busy_cycles: self.disk_busy_cycles - earlier.disk_busy_cycles,
            given_way: self.given_way - earlier.given_way,
            ticks: self.ticks - earlier.ticks,
            shootdowns: self.shootdowns - earlier.shootdowns,
            interrupts: self.interrupts - earlier.interrupts,
            invalidations: self.invalidations - earlier.invalidations,
            drops: self.drops - earlier.drops,
        }
    }
}
