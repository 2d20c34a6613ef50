use bitflags::bitflags;

use crate::{Status, vad::PAGE};

mod leaving;
mod list;
mod priority;

pub(crate) use list::{Use, WorkingSetList};
pub use priority::MemoryPriority;

/// What locked pages leave of the minimum, in pages (Microsoft, `VirtualLock` in 1998: by
/// default 30 pages can be locked; `SetProcessWorkingSetSize`: the default minimum is 50).
const OVERHEAD: u64 = 20;

/// The default sizes and the smallest ones, in pages (Microsoft, `SetProcessWorkingSetSize`).
const DEFAULT: (u64, u64) = (50, 345);
pub(crate) const LEAST_MINIMUM: u64 = 20;
pub(crate) const LEAST_MAXIMUM: u64 = 13;

/// The age of pages that were not used for so many passes or more (literature only).
pub(crate) const OLDEST: u8 = 7;

/// How much of a process's memory is to be kept where it is used without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkingSetSize {
    /// At least so many bytes.
    pub minimum: u64,
    /// At most so many bytes.
    pub maximum: u64,
}

bitflags! {
    /// Which sizes of a working set are hard limits, which are kept whatever there is of memory
    /// (Microsoft, `SetProcessWorkingSetSizeEx`). Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct WorkingSetLimits: u32 {
        /// `QUOTA_LIMITS_HARDWS_MIN_ENABLE`.
        const HARD_MINIMUM = 0x1;
        /// `QUOTA_LIMITS_HARDWS_MIN_DISABLE`.
        const SOFT_MINIMUM = 0x2;
        /// `QUOTA_LIMITS_HARDWS_MAX_ENABLE`.
        const HARD_MAXIMUM = 0x4;
        /// `QUOTA_LIMITS_HARDWS_MAX_DISABLE`.
        const SOFT_MAXIMUM = 0x8;

        const _ = !0;
    }
}

impl WorkingSetLimits {
    /// None of them.
    pub const SOFT: Self = Self::SOFT_MINIMUM.union(Self::SOFT_MAXIMUM);

    /// What the limits are once these are set; of what they do not say, it stays.
    pub(crate) fn changed(self, limits: Self) -> Result<Self, Status> {
        const MINIMUM: WorkingSetLimits =
            WorkingSetLimits::HARD_MINIMUM.union(WorkingSetLimits::SOFT_MINIMUM);
        const MAXIMUM: WorkingSetLimits =
            WorkingSetLimits::HARD_MAXIMUM.union(WorkingSetLimits::SOFT_MAXIMUM);
        let is_known = (MINIMUM | MAXIMUM).contains(limits);
        if !is_known || limits.contains(MINIMUM) || limits.contains(MAXIMUM) {
            return Err(Status::InvalidParameter);
        }
        let mut set = self;
        for limit in [MINIMUM, MAXIMUM] {
            if limits.intersects(limit) {
                set = (set - limit) | limits & limit;
            }
        }
        Ok(set)
    }
}

/// Which page a process that has its share of memory gives for another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Replacement {
    /// The one that was not used for the most passes; of these, the one that came first.
    #[default]
    LeastRecentlyUsed,
    /// The one that came first.
    FirstIn,
}

/// What came of working sets, in pages, of all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WorkingSetCounters {
    /// Those whose accessed bits were cleared, and which processors had to forget therefore.
    pub cleared: u64,
    /// Those that left since memory was short.
    pub trimmed: u64,
    /// Those that left with all others of their process, which did nothing for long.
    pub swapped: u64,
    /// Those that left for another one of their process.
    pub replaced: u64,
}

/// The pages that a process uses without a fault, and how many these are to be.
#[derive(Clone, Debug)]
pub(crate) struct WorkingSet {
    pub(crate) size: WorkingSetSize,
    pub(crate) limits: WorkingSetLimits,
    /// The higher, the later its pages leave, of those that are as old.
    pub(crate) priority: MemoryPriority,
    pub(crate) list: WorkingSetList,
}

impl Default for WorkingSet {
    fn default() -> Self {
        Self {
            size: WorkingSetSize {
                minimum: DEFAULT.0 * PAGE,
                maximum: DEFAULT.1 * PAGE,
            },
            limits: WorkingSetLimits::SOFT,
            priority: MemoryPriority::Normal,
            list: WorkingSetList::default(),
        }
    }
}

impl WorkingSet {
    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> u64 {
        self.list.length() as u64 * PAGE
    }

    /// How many more pages can be locked.
    pub(crate) fn lockable(&self) -> u64 {
        let most = (self.size.minimum / PAGE).saturating_sub(OVERHEAD);
        most.saturating_sub(self.list.locked().len() as u64)
    }

    /// How many pages of a range are locked.
    pub(crate) fn locked_in(&self, start: u64, end: u64) -> u64 {
        let locked = self.list.locked();
        locked.filter(|page| (start..end).contains(page)).count() as u64
    }

    /// How many pages it has beyond its minimum.
    pub(crate) fn spare(&self) -> u64 {
        self.bytes().saturating_sub(self.size.minimum) / PAGE
    }

    /// How many pages it has beyond its maximum, if that is to be kept.
    pub(crate) fn excess(&self) -> u64 {
        if self.limits.contains(WorkingSetLimits::HARD_MAXIMUM) {
            self.bytes().saturating_sub(self.size.maximum) / PAGE
        } else {
            0
        }
    }
}

/// The pages of a range, by address.
pub(crate) fn pages(start: u64, end: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(start), |page| page.checked_add(PAGE))
        .take_while(move |&page| page < end)
}
