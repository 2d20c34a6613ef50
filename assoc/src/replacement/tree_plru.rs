use alloc::{boxed::Box, vec};

use crate::Geometry;

const BITS: usize = u64::BITS as usize;

/// A tree of one-bit pointers per set, stored as a heap: node 1 is the root, nodes 2i and
/// 2i+1 are the halves of node i. A set bit points to the second half.
#[derive(Clone, Debug)]
pub(crate) struct TreePlru {
    ways: usize,
    words_per_set: usize,
    nodes: Box<[u64]>,
}

/// The ways below one node of the tree.
#[derive(Clone, Copy)]
struct Node {
    number: usize,
    first: usize,
    count: usize,
}

impl Node {
    /// How many of the ways lie in the first half.
    fn split(self) -> usize {
        self.count.div_ceil(2)
    }

    fn first_half(self) -> Self {
        Self {
            number: self.number * 2,
            first: self.first,
            count: self.split(),
        }
    }

    fn second_half(self) -> Self {
        Self {
            number: self.number * 2 + 1,
            first: self.first + self.split(),
            count: self.count - self.split(),
        }
    }
}

impl TreePlru {
    pub(crate) fn new(geometry: Geometry) -> Self {
        let ways = geometry.ways() as usize;
        let words_per_set = ways.next_power_of_two().div_ceil(BITS);
        Self {
            ways,
            words_per_set,
            nodes: vec![0; words_per_set * geometry.sets() as usize].into_boxed_slice(),
        }
    }

    fn root(&self) -> Node {
        Node {
            number: 1,
            first: 0,
            count: self.ways,
        }
    }

    #[inline]
    pub(crate) fn touch(&mut self, set: usize, way: usize) {
        let mut node = self.root();
        let words = &mut self.nodes[set * self.words_per_set..][..self.words_per_set];
        while node.count > 1 {
            let bit = 1 << (node.number % BITS);
            let word = &mut words[node.number / BITS];
            if way < node.first + node.split() {
                *word |= bit;
                node = node.first_half();
            } else {
                *word &= !bit;
                node = node.second_half();
            }
        }
    }

    #[inline]
    pub(crate) fn victim(&self, set: usize) -> usize {
        let mut node = self.root();
        let words = &self.nodes[set * self.words_per_set..][..self.words_per_set];
        while node.count > 1 {
            let bit = words[node.number / BITS] >> (node.number % BITS) & 1;
            node = if bit == 0 {
                node.first_half()
            } else {
                node.second_half()
            };
        }
        node.first
    }
}
