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
use linked::LinkedOrder;
use packed::PackedOrder;
use qlru::QlruAges;
use random::RandomWay;
use recency::{Fifo, TrueLru};
use srrip::Intervals;
use three_trees::ThreeTrees;
use tree::TreePlru;

/// Which it is, is asked at each use; where sets are narrow and the policy is a common one, what
/// it does follows at once.
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
pub(crate) trait Replace {
    /// Notes a hit.
    fn hit(&mut self, set: usize, words: &mut [u64], way: usize);

    /// Notes that a new entry goes into this empty way or, if there is none, into the one that
    /// the policy gives up; says which.
    fn insert(&mut self, set: usize, words: &mut [u64], empty: Option<usize>) -> usize;

    /// As [`Replace::hit`], in a set of one word.
    fn hit_one(&mut self, set: usize, word: &mut [u64; 1], way: usize) {
        self.hit(set, word, way);
    }

    /// As [`Replace::insert`], in a full set of one word.
    fn replace_one(&mut self, set: usize, word: &mut [u64; 1]) -> usize {
        self.insert(set, word, None)
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

    /// Notes a hit.
    #[inline(never)]
    pub(crate) fn hit(&mut self, set: usize, words: &mut [u64], way: usize) {
        self.any().hit(set, words, way);
    }

    /// Notes that a new entry goes into this empty way or, if there is none, into the one that
    /// the policy gives up; says which.
    #[inline(never)]
    pub(crate) fn insert(&mut self, set: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        self.any().insert(set, words, empty)
    }

    /// As [`Policy::hit`], of a set that needs one word at most.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it is a few instructions")]
    pub(crate) fn hit_one(&mut self, set: usize, word: &mut [u64; 1], way: usize) {
        match self {
            Self::TrueLru(policy) => policy.hit(set, word, way),
            Self::TreePlru(policy) => policy.hit(set, word, way),
            Self::ThreeTrees(policy) => policy.hit(set, word, way),
            Self::Qlru(policy) if policy.hit_at_once(word, way).is_some() => {}
            _ => self.hit_one_at_leisure(set, word, way),
        }
    }

    /// As [`Policy::insert`], of a full set that needs one word at most.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it is a few instructions")]
    pub(crate) fn replace_one(&mut self, set: usize, word: &mut [u64; 1]) -> usize {
        let way = match self {
            Self::TrueLru(policy) => Some(policy.insert(set, word, None)),
            Self::TreePlru(policy) => Some(policy.insert(set, word, None)),
            Self::ThreeTrees(policy) => Some(policy.insert(set, word, None)),
            Self::Qlru(policy) => policy.replace_at_once(word),
            _ => None,
        };
        match way {
            Some(way) => way,
            None => self.replace_one_at_leisure(set, word),
        }
    }

    #[inline(never)]
    fn hit_one_at_leisure(&mut self, set: usize, word: &mut [u64; 1], way: usize) {
        self.any().hit_one(set, word, way);
    }

    #[inline(never)]
    fn replace_one_at_leisure(&mut self, set: usize, word: &mut [u64; 1]) -> usize {
        self.any().replace_one(set, word)
    }

    fn any(&mut self) -> &mut dyn Replace {
        match self {
            Self::TrueLru(policy) => policy,
            Self::Fifo(policy) => policy,
            Self::WideTrueLru(policy) => policy,
            Self::WideFifo(policy) => policy,
            Self::Random(policy) => policy,
            Self::TreePlru(policy) => policy,
            Self::ThreeTrees(policy) => policy,
            Self::Qlru(policy) => policy,
            Self::Srrip(policy) => policy,
        }
    }
}
