use super::packed;

/// Three trees of four ways in one word: the nodes of tree t at bits 4t+1 to 4t+3, as
/// [`TreePlru`](super::tree::TreePlru) numbers them, and above all of them the order in which
/// the trees were used.
#[derive(Clone, Debug)]
pub(crate) struct ThreeTrees {
    next: NextTree,
}

/// Which tree has to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextTree {
    /// The one to the right of that used last.
    AfterLastUsed,
    LeastRecentlyUsed,
}

const TREES: usize = 3;
const WAYS: usize = 4;
const ORDER: u32 = 16;

/// No tree was used, and every pointer points left.
pub(super) const FIRST: u64 = 0x210 << ORDER;

/// The nodes on the path to each way of a tree, and what they become.
const PATHS: [(u64, u64); WAYS] = [
    (0b0110, 0b0110),
    (0b0110, 0b0010),
    (0b1010, 0b1000),
    (0b1010, 0b0000),
];

impl ThreeTrees {
    pub(super) fn new(next: NextTree) -> Self {
        Self { next }
    }

    #[inline]
    pub(super) fn touch(words: &mut [u64], way: usize) {
        let (tree, way) = (way / WAYS, way % WAYS);
        let (path, pointers) = PATHS[way];
        let nodes = words[0] & !(path << (4 * tree)) | pointers << (4 * tree);
        let order = packed::to_front(nodes >> ORDER, tree as u64);
        words[0] = nodes & ((1 << ORDER) - 1) | order << ORDER;
    }

    #[inline]
    pub(super) fn victim(&self, words: &[u64]) -> usize {
        let order = words[0] >> ORDER;
        let tree = match self.next {
            NextTree::AfterLastUsed => (packed::at(order, 0) + 1) % TREES,
            NextTree::LeastRecentlyUsed => packed::at(order, TREES - 1),
        };
        let nodes = words[0] >> (4 * tree);
        let half = usize::from(nodes & 1 << 1 != 0);
        let leaf = usize::from(nodes & 1 << (2 + half) != 0);
        WAYS * tree + 2 * half + leaf
    }
}
