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
    /// For each way and word of nodes, how a use of the way changes it.
    updates: Box<[Update]>,
}

/// The nodes on the path to a way, and those of them that then point to their second half.
#[derive(Clone, Copy, Debug, Default)]
struct Update {
    path: u64,
    pointers: u64,
}

/// The ways below one node of the tree.
#[derive(Clone, Copy)]
struct Node {
    number: usize,
    first: usize,
    count: usize,
}

impl Node {
    fn root(ways: usize) -> Self {
        Self {
            number: 1,
            first: 0,
            count: ways,
        }
    }

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
        let mut updates = vec![Update::default(); words_per_set * ways].into_boxed_slice();
        for (way, updates) in updates.chunks_exact_mut(words_per_set).enumerate() {
            let mut node = Node::root(ways);
            while node.count > 1 {
                let bit = 1 << (node.number % BITS);
                let update = &mut updates[node.number / BITS];
                update.path |= bit;
                if way < node.first + node.split() {
                    update.pointers |= bit;
                    node = node.first_half();
                } else {
                    node = node.second_half();
                }
            }
        }
        Self {
            ways,
            words_per_set,
            nodes: vec![0; words_per_set * geometry.sets() as usize].into_boxed_slice(),
            updates,
        }
    }

    #[inline]
    pub(crate) fn touch(&mut self, set: usize, way: usize) {
        let words = &mut self.nodes[set * self.words_per_set..][..self.words_per_set];
        let updates = &self.updates[way * self.words_per_set..][..self.words_per_set];
        for (word, update) in words.iter_mut().zip(updates) {
            *word = *word & !update.path | update.pointers;
        }
    }

    #[inline]
    pub(crate) fn victim(&self, set: usize) -> usize {
        let mut node = Node::root(self.ways);
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
