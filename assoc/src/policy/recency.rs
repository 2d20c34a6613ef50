use super::{linked::LinkedOrder, packed};
use crate::Geometry;

/// The ways of each set in the order in which they were moved to the front.
#[derive(Clone, Debug)]
pub(crate) enum Recency {
    /// In the set's word.
    Packed {
        ways: usize,
    },
    Linked(LinkedOrder),
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl Recency {
    pub(super) fn new(geometry: Geometry) -> Self {
        let ways = geometry.ways() as usize;
        if ways <= packed::MOST {
            Self::Packed { ways }
        } else {
            Self::Linked(LinkedOrder::new(geometry))
        }
    }

    pub(super) fn words(&self) -> usize {
        match self {
            Self::Packed { .. } => 1,
            Self::Linked(_) => 0,
        }
    }

    #[inline(always)]
    pub(super) fn move_to_front(&mut self, set: usize, words: &mut [u64], way: usize) {
        match self {
            Self::Packed { .. } => words[0] = packed::to_front(words[0], way as u64),
            Self::Linked(order) => order.move_to_front(set, way),
        }
    }

    #[inline]
    pub(super) fn last(&self, set: usize, words: &[u64]) -> usize {
        match self {
            Self::Packed { ways } => packed::at(words[0], ways - 1),
            Self::Linked(order) => order.last(set),
        }
    }
}
