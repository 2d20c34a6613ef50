//! What a replacement policy remembers of each set, and what it makes of it.
//!
//! The array keeps a few words for each set and hands them in; only orders of many ways and
//! the random generator live elsewhere.

mod ages;
mod linked;
mod packed;
mod qlru;
mod random;
mod recency;
mod srrip;
mod three_trees;
mod tree;

use crate::{Geometry, Replacement};
use qlru::QlruAges;
use random::RandomWay;
use recency::Recency;
use srrip::Intervals;
use three_trees::{NextTree, ThreeTrees};
use tree::TreePlru;

#[derive(Clone, Debug)]
pub(crate) enum Policy {
    TrueLru(Recency),
    Fifo(Recency),
    Random(RandomWay),
    TreePlru(TreePlru),
    ThreeTrees(ThreeTrees),
    Qlru(QlruAges),
    Srrip(Intervals),
}

/// The end of a set from which empty ways are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstEmpty {
    Leftmost,
    Rightmost,
}

/// After what a hit on the same entry again changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdleAfter {
    HitOrInsertion,
    Hit,
    Nothing,
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set, lengths must be known to the compiler"
)]
impl Policy {
    /// The policy has been checked against the geometry.
    pub(crate) fn new(replacement: Replacement, geometry: Geometry) -> Self {
        let ways = geometry.ways() as usize;
        match replacement {
            Replacement::TrueLru => Self::TrueLru(Recency::new(geometry)),
            Replacement::Fifo => Self::Fifo(Recency::new(geometry)),
            Replacement::Random { seed } => Self::Random(RandomWay::new(seed, ways)),
            Replacement::TreePlru => Self::TreePlru(TreePlru::new(ways)),
            Replacement::Mru3Plru4 => Self::ThreeTrees(ThreeTrees::new(NextTree::AfterLastUsed)),
            Replacement::Lru3Plru4 => {
                Self::ThreeTrees(ThreeTrees::new(NextTree::LeastRecentlyUsed))
            }
            Replacement::Qlru(qlru) => Self::Qlru(QlruAges::new(qlru, ways)),
            Replacement::Srrip { bits } => Self::Srrip(Intervals::new(bits, ways)),
        }
    }

    /// How many words a set needs.
    pub(crate) fn words(&self) -> usize {
        match self {
            Self::TrueLru(policy) | Self::Fifo(policy) => policy.words(),
            Self::Random(_) => 0,
            Self::TreePlru(policy) => policy.words(),
            Self::ThreeTrees(_) => 1,
            Self::Qlru(policy) => policy.words(),
            Self::Srrip(policy) => policy.words(),
        }
    }

    /// What they are at first.
    pub(crate) fn first_word(&self) -> u64 {
        match self {
            Self::TrueLru(_) | Self::Fifo(_) => packed::IN_ORDER,
            Self::Random(_) | Self::TreePlru(_) => 0,
            Self::ThreeTrees(_) => three_trees::FIRST,
            Self::Qlru(_) => qlru::FIRST,
            Self::Srrip(_) => srrip::FIRST,
        }
    }

    pub(crate) fn first_empty(&self) -> FirstEmpty {
        match self {
            Self::Qlru(policy) => policy.first_empty(),
            _ => FirstEmpty::Leftmost,
        }
    }

    /// Notes a hit.
    #[inline(always)]
    pub(crate) fn hit(&mut self, set: usize, words: &mut [u64], way: usize) {
        match self {
            Self::TrueLru(policy) => policy.move_to_front(set, words, way),
            Self::Fifo(_) | Self::Random(_) => {}
            Self::TreePlru(policy) => policy.touch(words, way),
            Self::ThreeTrees(_) => ThreeTrees::touch(words, way),
            Self::Qlru(policy) => policy.hit(words, way),
            Self::Srrip(_) => Intervals::hit(words, way),
        }
    }

    /// Notes that a new entry goes into this empty way or, if there is none, into the one that
    /// the policy gives up; says which.
    #[inline(always)]
    pub(crate) fn insert(&mut self, set: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        match self {
            Self::TrueLru(policy) | Self::Fifo(policy) => {
                let way = empty.unwrap_or_else(|| policy.last(set, words));
                policy.move_to_front(set, words, way);
                way
            }
            Self::Random(policy) => empty.unwrap_or_else(|| policy.next()),
            Self::TreePlru(policy) => {
                let way = empty.unwrap_or_else(|| policy.victim(words));
                policy.touch(words, way);
                way
            }
            Self::ThreeTrees(policy) => {
                let way = empty.unwrap_or_else(|| policy.victim(words));
                ThreeTrees::touch(words, way);
                way
            }
            Self::Qlru(policy) => {
                policy.before_insertion(words);
                let way = empty.unwrap_or_else(|| policy.victim(words));
                policy.inserted(words, way);
                way
            }
            Self::Srrip(policy) => {
                let way = empty.unwrap_or_else(|| policy.victim(words));
                policy.inserted(words, way);
                way
            }
        }
    }
}

impl IdleAfter {
    pub(crate) fn of(replacement: Replacement) -> Self {
        match replacement {
            Replacement::TrueLru
            | Replacement::TreePlru
            | Replacement::Fifo
            | Replacement::Random { .. }
            | Replacement::Mru3Plru4
            | Replacement::Lru3Plru4 => Self::HitOrInsertion,
            Replacement::Qlru(_) | Replacement::Srrip { .. } if replacement.is_idle_on_repeat() => {
                Self::Hit
            }
            Replacement::Qlru(_) | Replacement::Srrip { .. } => Self::Nothing,
        }
    }
}
