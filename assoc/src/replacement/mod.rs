//! Which entry of a full set makes room for a new one.

mod tree_plru;
mod true_lru;

use crate::Geometry;
use tree_plru::TreePlru;
use true_lru::TrueLru;

/// A replacement policy.
///
/// For both, touching the most recently touched entry again changes nothing: the array
/// relies on it to answer a repeated look-up at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replacement {
    /// The entry whose last use lies furthest back.
    TrueLru,
    /// A binary tree whose every node points away from the half used last; the entry that
    /// the pointers lead to. Ways that are no power of two split as evenly as they can, the
    /// larger half first.
    TreePlru,
}

/// The state of a policy over all sets of an array.
#[derive(Clone, Debug)]
pub(crate) enum Policy {
    TrueLru(TrueLru),
    TreePlru(TreePlru),
}

impl Policy {
    pub(crate) fn new(replacement: Replacement, geometry: Geometry) -> Self {
        match replacement {
            Replacement::TrueLru => Self::TrueLru(TrueLru::new(geometry)),
            Replacement::TreePlru => Self::TreePlru(TreePlru::new(geometry)),
        }
    }

    /// Notes that the entry was used.
    #[inline]
    pub(crate) fn touch(&mut self, set: usize, way: usize) {
        match self {
            Self::TrueLru(policy) => policy.touch(set, way),
            Self::TreePlru(policy) => policy.touch(set, way),
        }
    }

    /// The way of a full set to give up.
    #[inline]
    pub(crate) fn victim(&self, set: usize) -> usize {
        match self {
            Self::TrueLru(policy) => policy.victim(set),
            Self::TreePlru(policy) => policy.victim(set),
        }
    }
}
