use std::collections::BTreeSet;

use crate::vad::PAGE;

/// What locked pages leave of the minimum, in pages (Microsoft, `VirtualLock` in 1998: by
/// default 30 pages can be locked; `SetProcessWorkingSetSize`: the default minimum is 50).
const OVERHEAD: u64 = 20;

/// The default sizes and the smallest ones, in pages (Microsoft, `SetProcessWorkingSetSize`).
const DEFAULT: (u64, u64) = (50, 345);
pub(crate) const LEAST_MINIMUM: u64 = 20;
pub(crate) const LEAST_MAXIMUM: u64 = 13;

/// How much of a process's memory is to be kept where it is used without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkingSetSize {
    /// At least so many bytes.
    pub minimum: u64,
    /// At most so many bytes.
    pub maximum: u64,
}

/// The pages that a process uses without a fault, as far as they are spoken for.
#[derive(Clone, Debug)]
pub(crate) struct WorkingSet {
    pub(crate) size: WorkingSetSize,
    /// The addresses of the locked pages. Their entries are valid.
    locked: BTreeSet<u64>,
}

impl Default for WorkingSet {
    fn default() -> Self {
        Self {
            size: WorkingSetSize {
                minimum: DEFAULT.0 * PAGE,
                maximum: DEFAULT.1 * PAGE,
            },
            locked: BTreeSet::new(),
        }
    }
}

impl WorkingSet {
    /// How many more pages can be locked.
    pub(crate) fn lockable(&self) -> u64 {
        let most = (self.size.minimum / PAGE).saturating_sub(OVERHEAD);
        most.saturating_sub(self.locked.len() as u64)
    }

    /// How many pages of a range are locked.
    pub(crate) fn locked_in(&self, start: u64, end: u64) -> u64 {
        self.locked.range(start..end).count() as u64
    }

    pub(crate) fn is_locked(&self, page: u64) -> bool {
        self.locked.contains(&page)
    }

    #[cfg(test)]
    pub(crate) fn locked(&self) -> impl Iterator<Item = u64> {
        self.locked.iter().copied()
    }

    pub(crate) fn lock(&mut self, start: u64, end: u64) {
        self.locked.extend(pages(start, end));
    }

    pub(crate) fn unlock(&mut self, page: u64) {
        self.locked.remove(&page);
    }
}

/// The pages of a range, by address.
pub(crate) fn pages(start: u64, end: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(start), |page| page.checked_add(PAGE))
        .take_while(move |&page| page < end)
}
