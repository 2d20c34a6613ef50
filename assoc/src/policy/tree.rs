use alloc::{boxed::Box, vec};

use super::Replace;

const BITS: usize = u64::BITS as usize;

/// A tree of one-bit pointers per set, stored as a heap: node 1 is the root, nodes 2i and
/// 2i+1 are the halves of node i. A set bit points to the second half.
#[derive(Clone, Debug)]
pub(crate) struct TreePlru {
    ways: usize,
    words: usize,
    /// For each way and word of nodes, how a use of the way changes it.
    updates: Box<[Update]>,
}

/// The nodes on the path to a way, and those of them that then point to their second half.
#[derive(Clone, Copy, Debug, Default)]
struct Update {
    path: u64,
    pointers: u64,
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl TreePlru {
    /// The ways are a power of two.
    pub(super) fn new(ways: usize) -> Self {
        let words = ways.div_ceil(BITS);
        let mut updates = vec![Update::default(); words * ways].into_boxed_slice();
        for (way, updates) in updates.chunks_exact_mut(words).enumerate() {
            // Below the nodes stand the ways: way w where node `ways` + w would be.
            let mut below = ways + way;
            while below > 1 {
                let node = below / 2;
                let update = &mut updates[node / BITS];
                update.path |= 1 << (node % BITS);
                let points_to_second = below.is_multiple_of(2);
                update.pointers |= u64::from(points_to_second) << (node % BITS);
                below = node;
            }
        }
        Self {
            ways,
            words,
            updates,
        }
    }

    pub(super) fn words(&self) -> usize {
        self.words
    }

    #[inline(always)]
    fn touch(&self, words: &mut [u64], way: usize) {
        if let [word] = words {
            let update = self.updates[way];
            *word = *word & !update.path | update.pointers;
            return;
        }
        let updates = &self.updates[way * self.words..][..self.words];
        for (word, update) in words.iter_mut().zip(updates) {
            *word = *word & !update.path | update.pointers;
        }
    }

    #[inline(always)]
    fn victim(&self, words: &[u64]) -> usize {
        let mut node = 1;
        if let [word] = words {
            while node < self.ways {
                node = 2 * node + usize::from(word & 1 << node != 0);
            }
            return node - self.ways;
        }
        while node < self.ways {
            let pointer = words[node / BITS] >> (node % BITS) & 1;
            node = 2 * node + pointer as usize;
        }
        node - self.ways
    }
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl Replace for TreePlru {
    #[inline(always)]
    fn hit(&mut self, _: usize, words: &mut [u64], way: usize) {
        self.touch(words, way);
    }

    #[inline(always)]
    fn insert(&mut self, _: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        let way = empty.unwrap_or_else(|| self.victim(words));
        self.touch(words, way);
        way
    }
}
