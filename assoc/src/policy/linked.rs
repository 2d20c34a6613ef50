use alloc::{boxed::Box, vec::Vec};

use super::recency::Order;
use crate::Geometry;

/// The ways of each set in an order, as a ring of links: `ways` is where it begins and ends.
#[derive(Clone, Debug)]
pub(crate) struct LinkedOrder {
    /// The links of one set.
    length: usize,
    links: Box<[Link]>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    next: u16,
    previous: u16,
}

impl LinkedOrder {
    #[expect(clippy::cast_possible_truncation, reason = "Geometry::MAX_WAYS")]
    pub(super) fn new(geometry: Geometry) -> Self {
        let ways = geometry.ways() as u16;
        let ring = (0..=ways).map(|place| Link {
            next: if place == ways { 0 } else { place + 1 },
            previous: if place == 0 { ways } else { place - 1 },
        });
        let ring: Vec<_> = ring.collect();
        Self {
            length: ring.len(),
            links: ring.repeat(geometry.sets() as usize).into_boxed_slice(),
        }
    }
}

impl Order for LinkedOrder {
    #[expect(clippy::cast_possible_truncation, reason = "Geometry::MAX_WAYS")]
    fn move_to_front(&mut self, set: usize, _: &mut [u64], way: usize) {
        let links = &mut self.links[set * self.length..][..self.length];
        let ends = links.len() - 1;
        let Link { next, previous } = links[way];
        links[usize::from(previous)].next = next;
        links[usize::from(next)].previous = previous;
        let second = links[ends].next;
        links[way] = Link {
            next: second,
            previous: ends as u16,
        };
        links[usize::from(second)].previous = way as u16;
        links[ends].next = way as u16;
    }

    fn move_last_to_front(&mut self, set: usize, words: &mut [u64]) -> usize {
        let ends = set * self.length + self.length - 1;
        let last = usize::from(self.links[ends].previous);
        self.move_to_front(set, words, last);
        last
    }
}
