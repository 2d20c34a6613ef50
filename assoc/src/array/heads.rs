use alloc::{boxed::Box, vec};

use super::{Tag, narrow::NarrowHead, prints::Prints, wide::WideHeads};
use crate::Geometry;

/// What is kept of each set beside its entries.
#[derive(Clone, Debug)]
pub(super) enum Heads {
    Narrow(Box<[NarrowHead]>),
    Wide(WideHeads),
}

impl Heads {
    pub(super) fn new(geometry: Geometry, policy_words: usize, first_word: u64) -> Self {
        let ways = geometry.ways() as usize;
        if policy_words > 1 || ways > Prints::WAYS {
            return Self::Wide(WideHeads::new(geometry, policy_words, first_word));
        }
        let head = NarrowHead::new(ways, first_word);
        Self::Narrow(vec![head; geometry.sets() as usize].into_boxed_slice())
    }

    /// Whether every way of the set holds something.
    #[inline]
    pub(super) fn is_full(&self, set: usize) -> bool {
        match self {
            Self::Narrow(heads) => heads[set].prints.are_full(),
            Self::Wide(heads) => heads.is_full(set),
        }
    }

    /// The way of the set that has the tag's print and is the right one.
    #[inline]
    pub(super) fn find(
        &self,
        set: usize,
        tag: Tag,
        is_right: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match self {
            Self::Narrow(heads) if !heads[set].may_hold(tag) => None,
            Self::Narrow(heads) => heads[set].find(tag, is_right),
            Self::Wide(heads) => heads.find(set, tag, is_right),
        }
    }

    /// The way holds nothing now.
    pub(super) fn clear(&mut self, set: usize, way: usize) {
        match self {
            Self::Narrow(heads) => heads[set].prints.clear(way),
            Self::Wide(heads) => heads.clear(set, way),
        }
    }

    /// Calls the function with each way of the set that holds something; those for which it is
    /// false become empty.
    pub(super) fn retain(&mut self, set: usize, keep: impl FnMut(usize) -> bool) {
        match self {
            Self::Narrow(heads) => heads[set].prints.retain(keep),
            Self::Wide(heads) => heads.retain(set, keep),
        }
    }
}
