//! In which order pages leave a working set when memory is short.

use std::collections::BinaryHeap;

use super::list::{Candidate, WorkingSetList};

/// The pages that can leave, as far as somebody asked: the next one on top. Pages that are gone,
/// or stand otherwise by now, are found out when it is their turn.
#[derive(Clone, Debug)]
pub(super) struct Order {
    waiting: BinaryHeap<Rank>,
    /// Those that had their turn since a pass began.
    passed: Vec<Rank>,
}

/// The greatest one leaves first: the oldest, and of one age the one that came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// The age above how many pages came later at most: one number is quick to compare.
    key: u64,
    page: u64,
}

/// Where the age is. No machine lives to see so many pages come.
const AGE_AT: u32 = 61;
const LAST: u64 = (1 << AGE_AT) - 1;

impl Rank {
    fn has_come_with(self, other: Self) -> bool {
        (self.key ^ other.key) & LAST == 0
    }
}

impl From<Candidate> for Rank {
    fn from(candidate: Candidate) -> Self {
        Self {
            key: u64::from(candidate.age) << AGE_AT | (LAST - candidate.added),
            page: candidate.page,
        }
    }
}

impl Order {
    /// A page came, younger than all others. If most that wait are gone there is no order any
    /// more.
    pub(super) fn admit(order: &mut Option<Self>, candidate: Candidate, length: usize) {
        if let Some(known) = order {
            if known.waiting.len() <= 2 * length {
                known.waiting.push(candidate.into());
            } else {
                *order = None;
            }
        }
    }
}

impl WorkingSetList {
    /// Begins a pass: every page can have its turn again.
    pub(crate) fn begin_pass(&mut self) {
        if let Some(mut order) = self.order.take() {
            // One that left and came back waits already.
            let stayed = |rank: Rank| {
                let now = Rank::from(self.standing(rank.page)?);
                now.has_come_with(rank).then_some(now)
            };
            let passed = order.passed.drain(..);
            order.waiting.extend(passed.filter_map(stayed));
            self.order = Some(order);
        }
    }

    /// The page whose turn it is to leave. None has more than one in a pass.
    pub(crate) fn oldest(&mut self) -> Option<Candidate> {
        let mut order = self.order.take().unwrap_or_else(|| Order {
            waiting: self.candidates().map(Rank::from).collect(),
            passed: Vec::new(),
        });
        let mut oldest = None;
        while oldest.is_none()
            && let Some(&rank) = order.waiting.peek()
        {
            let standing = self.standing(rank.page);
            oldest = standing.filter(|&candidate| Rank::from(candidate) == rank);
            if oldest.is_none() {
                order.waiting.pop();
            } else if self.is_locked(rank.page) {
                order.pass();
                oldest = None;
            }
        }
        self.order = Some(order);
        oldest
    }

    /// That page had its turn.
    pub(crate) fn pass_oldest(&mut self) {
        if let Some(order) = &mut self.order {
            order.pass();
        }
    }
}

impl Order {
    fn pass(&mut self) {
        self.passed.extend(self.waiting.pop());
    }
}
