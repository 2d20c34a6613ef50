use super::{FirstEmpty, ages::Ages};
use crate::{Qlru, QlruUpdate};

/// The ages of QLRU.
#[derive(Clone, Debug)]
pub(crate) struct QlruAges {
    ages: Ages,
    /// The age after a hit, by the age before.
    after_hit: [u64; 4],
    inserted: u64,
    first_empty: FirstEmpty,
    aging: Aging,
    update_on: QlruUpdate,
}

/// How ways age: U0 to U3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Aging {
    step: Step,
    accessed: Accessed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// By what makes the oldest 3.
    UpToOldest,
    /// By one if none is 3.
    One,
}

/// Whether the way that was accessed ages with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accessed {
    Ages,
    Stays,
}

const OLDEST: u64 = 3;

/// Every way is as old as can be.
pub(super) const FIRST: u64 = 0x3333_3333_3333_3333;

impl QlruAges {
    /// The parameters have been checked.
    pub(super) fn new(qlru: Qlru, ways: usize) -> Self {
        Self {
            ages: Ages::new(ways),
            after_hit: [0, 0, qlru.hit_at_2.into(), qlru.hit_at_3.into()],
            inserted: qlru.insert.into(),
            first_empty: if qlru.replace == 2 {
                FirstEmpty::Rightmost
            } else {
                FirstEmpty::Leftmost
            },
            aging: Aging {
                step: if qlru.update < 2 {
                    Step::UpToOldest
                } else {
                    Step::One
                },
                accessed: if qlru.update.is_multiple_of(2) {
                    Accessed::Ages
                } else {
                    Accessed::Stays
                },
            },
            update_on: qlru.update_on,
        }
    }

    pub(super) fn words(&self) -> usize {
        self.ages.words()
    }

    pub(super) fn first_empty(&self) -> FirstEmpty {
        self.first_empty
    }

    #[inline]
    pub(super) fn hit(&self, words: &mut [u64], way: usize) {
        let age = self.after_hit[(Ages::of(words, way) & OLDEST) as usize];
        Ages::set(words, way, age);
        self.after_access(words, way);
    }

    #[inline]
    pub(super) fn before_insertion(&self, words: &mut [u64]) {
        if self.update_on == QlruUpdate::MissesOnly {
            self.age_all(words);
        }
    }

    /// R0 and R2 always find an age of 3, but for U1 in a set of one way.
    #[inline]
    pub(super) fn victim(&self, words: &[u64]) -> usize {
        self.ages.leftmost(words, OLDEST).unwrap_or(0)
    }

    #[inline]
    pub(super) fn inserted(&self, words: &mut [u64], way: usize) {
        Ages::set(words, way, self.inserted);
        self.after_access(words, way);
    }

    #[inline]
    fn after_access(&self, words: &mut [u64], way: usize) {
        if self.update_on == QlruUpdate::MissesOnly {
            return;
        }
        match self.aging.accessed {
            Accessed::Ages => self.age_all(words),
            Accessed::Stays => self.age_others(words, way),
        }
    }

    #[inline]
    fn age_all(&self, words: &mut [u64]) {
        if self.ages.any_is_3(words) {
            return;
        }
        let by = match self.aging.step {
            Step::UpToOldest => OLDEST - self.ages.greatest(words),
            Step::One => 1,
        };
        self.ages.raise(words, by);
    }

    #[inline]
    fn age_others(&self, words: &mut [u64], way: usize) {
        let own = Ages::of(words, way);
        match self.aging.step {
            // U1 asks how old the others are.
            Step::UpToOldest => Ages::set(words, way, 0),
            // U3 asks how old all are.
            Step::One => {}
        }
        self.age_all(words);
        Ages::set(words, way, own);
    }
}
