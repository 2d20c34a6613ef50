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

use core::fmt::Debug;

use crate::{Geometry, Replacement};
use linked::LinkedOrder;
use packed::PackedOrder;
use qlru::QlruAges;
use random::RandomWay;
use recency::{Fifo, TrueLru};
use srrip::Intervals;
use three_trees::ThreeTrees;
use tree::TreePlru;

#[derive(Clone, Debug)]
#[repr(u8)]
pub(crate) enum Policy {
    TrueLru(TrueLru<PackedOrder>),
    Fifo(Fifo<PackedOrder>),
    /// Of more ways than [`packed::MOST`].
    WideTrueLru(TrueLru<LinkedOrder>),
    WideFifo(Fifo<LinkedOrder>),
    Random(RandomWay),
    TreePlru(TreePlru),
    ThreeTrees(ThreeTrees),
    Qlru(QlruAges),
    Srrip(Intervals),
}

/// What a policy does. For a narrow set it is a few instructions, if the compiler knows that
/// there is one word.
pub(crate) trait Replace: Clone + Debug + Send + Sync + 'static {
    /// Notes a hit.
    fn hit(&mut self, set: usize, words: &mut [u64], way: usize);

    /// Notes that a new entry goes into this empty way or, if there is none, into the one that
    /// the policy gives up; says which.
    fn insert(&mut self, set: usize, words: &mut [u64], empty: Option<usize>) -> usize;

    /// As [`Replace::hit`], in a set of one word, if that is a few instructions; else nothing
    /// changes.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "for a narrow set it is a few instructions"
    )]
    fn hit_at_once(&mut self, set: usize, word: &mut [u64; 1], way: usize) -> Option<()> {
        self.hit(set, word, way);
        Some(())
    }

    /// As [`Replace::insert`], in a full set of one word, if that is a few instructions; else
    /// nothing changes.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "for a narrow set it is a few instructions"
    )]
    fn insert_at_once(&mut self, set: usize, word: &mut [u64; 1]) -> Option<usize> {
        Some(self.insert(set, word, None))
    }
}

/// The end of a set from which empty ways are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstEmpty {
    /// From way 0 up.
    Leftmost,
    /// From the last way down.
    Rightmost,
}

impl Policy {
    /// The policy has been checked against the geometry.
    pub(crate) fn new(replacement: Replacement, geometry: Geometry) -> Self {
        let ways = geometry.ways() as usize;
        let is_wide = ways > packed::MOST;
        match replacement {
            Replacement::TrueLru if is_wide => {
                Self::WideTrueLru(TrueLru(LinkedOrder::new(geometry)))
            }
            Replacement::TrueLru => Self::TrueLru(TrueLru(PackedOrder::new(geometry.ways()))),
            Replacement::Fifo if is_wide => Self::WideFifo(Fifo(LinkedOrder::new(geometry))),
            Replacement::Fifo => Self::Fifo(Fifo(PackedOrder::new(geometry.ways()))),
            Replacement::Random { seed } => Self::Random(RandomWay::new(seed, ways)),
            Replacement::TreePlru => Self::TreePlru(TreePlru::new(ways)),
            Replacement::Mru3Plru4 => Self::ThreeTrees(ThreeTrees::after_last_used()),
            Replacement::Lru3Plru4 => Self::ThreeTrees(ThreeTrees::least_recently_used()),
            Replacement::Qlru(qlru) => Self::Qlru(QlruAges::new(qlru, ways)),
            Replacement::Srrip { bits } => Self::Srrip(Intervals::new(bits, ways)),
        }
    }

    /// How many words a set needs.
    pub(crate) fn words(&self) -> usize {
        match self {
            Self::TrueLru(_) | Self::Fifo(_) | Self::ThreeTrees(_) => 1,
            Self::WideTrueLru(_) | Self::WideFifo(_) | Self::Random(_) => 0,
            Self::TreePlru(policy) => policy.words(),
            Self::Qlru(policy) => policy.words(),
            Self::Srrip(policy) => policy.words(),
        }
    }

    /// What they are at first.
    pub(crate) fn first_word(&self) -> u64 {
        match self {
            Self::TrueLru(_) | Self::Fifo(_) => packed::IN_ORDER,
            Self::WideTrueLru(_) | Self::WideFifo(_) | Self::Random(_) | Self::TreePlru(_) => 0,
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
}
