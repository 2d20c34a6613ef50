use alloc::{boxed::Box, vec};

use super::Replace;

const BITS: usize = u64::BITS as usize;
/// How many sets of pointers the nodes of the first three levels can have: 1 to 7.
const UPPER: usize = 1 << 7;

/// A tree of one-bit pointers per set, stored as a heap: node 1 is the root, nodes 2i and
/// 2i+1 are the halves of node i. A set bit points to the second half.
#[derive(Clone, Debug)]
pub(crate) struct TreePlru {
    ways: usize,
    words: usize,
    /// Where the pointers of the first three levels lead, by these pointers; or to which way, as
    /// below, if there are no more.
    upper: Box<[u8; UPPER]>,
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
        let mut upper = Box::new([0; UPPER]);
        for (pointers, node) in (0..).zip(upper.iter_mut()) {
            #[expect(clippy::cast_possible_truncation, reason = "it is below 16")]
            let reached = follow(pointers << 1, 1, ways.min(8)) as u8;
            *node = reached;
        }
        Self {
            ways,
            words,
            upper,
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
        if let [word] = words {
            let upper = self.upper[(word >> 1) as usize % UPPER];
            return follow(*word, upper.into(), self.ways) - self.ways;
        }
        let mut node = 1;
        while node < self.ways {
            let pointer = words[node / BITS] >> (node % BITS) & 1;
            node = 2 * node + pointer as usize;
        }
        node - self.ways
    }
}

/// Where the pointers in a word lead from a node on: to a way, or where it would be.
#[inline(always)]
#[expect(clippy::inline_always, reason = "mostly it follows one, or none")]
fn follow(word: u64, mut node: usize, ways: usize) -> usize {
    while node < ways {
        node = 2 * node + usize::from(word & 1 << node != 0);
    }
    node
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
