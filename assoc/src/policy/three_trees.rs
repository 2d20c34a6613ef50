use super::Replace;

/// Three trees of four ways in one word: the nodes of tree t at bits 4t+1 to 4t+3, as
/// [`TreePlru`](super::tree::TreePlru) numbers them, and above all of them, in which of the six
/// [`ORDERS`] the trees were used.
#[derive(Clone, Debug)]
pub(crate) struct ThreeTrees {
    next: [Next; 1 << ORDER_BITS],
}

/// What becomes of a full set with its trees in some order.
#[derive(Clone, Copy, Debug)]
struct Next {
    /// The first bit and the first way of the tree that has to make room.
    tree: u8,
    /// How the order changes, as the word has it.
    order: u32,
}

const TREES: usize = 3;
const WAYS: usize = 4;
const ORDER: u32 = 16;
const ORDER_BITS: u32 = 3;

/// The trees in every order, the one used last first.
const ORDERS: [[u8; TREES]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// No tree was used, and every pointer points left.
pub(super) const FIRST: u64 = 0;

/// The order after a use of each tree, by the order before.
const AFTER: [[u8; TREES]; ORDERS.len()] = {
    let mut after = [[0; TREES]; ORDERS.len()];
    let mut before = 0;
    while before < ORDERS.len() {
        let [first, second, third] = ORDERS[before];
        after[before][first as usize] = number_of([first, second, third]);
        after[before][second as usize] = number_of([second, first, third]);
        after[before][third as usize] = number_of([third, first, second]);
        before += 1;
    }
    after
};

const fn number_of(order: [u8; TREES]) -> u8 {
    let mut number = 0;
    while ORDERS[number as usize][0] != order[0] || ORDERS[number as usize][1] != order[1] {
        number += 1;
    }
    number
}

/// The nodes on the path to each way of the first tree, and what they become.
const PATHS: [(u64, u64); WAYS] = [
    (0b0110, 0b0110),
    (0b0110, 0b0010),
    (0b1010, 0b1000),
    (0b1010, 0b0000),
];

/// The same of all trees.
const TOUCHES: [(u64, u64); TREES * WAYS] = {
    let mut touches = [(0, 0); TREES * WAYS];
    let mut way = 0;
    while way < touches.len() {
        let (path, pointers) = PATHS[way % WAYS];
        touches[way] = (path << (way & !3), pointers << (way & !3));
        way += 1;
    }
    touches
};

/// What becomes of a tree that has to make room, by its nodes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a tree has four ways, and its nodes four bits"
)]
const REPLACED: [Replaced; 16] = {
    let mut replaced = [Replaced { way: 0, change: 0 }; 16];
    let mut nodes = 0;
    while nodes < replaced.len() {
        let half = nodes >> 1 & 1;
        let leaf = nodes >> (2 + half) & 1;
        let way = 2 * half + leaf;
        let (path, pointers) = PATHS[way];
        let after = nodes as u64 & !path | pointers;
        replaced[nodes] = Replaced {
            way: way as u8,
            change: (nodes as u64 ^ after) as u8,
        };
        nodes += 1;
    }
    replaced
};

#[derive(Clone, Copy)]
struct Replaced {
    /// Where they point.
    way: u8,
    /// How they change.
    change: u8,
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl ThreeTrees {
    /// The tree to the right of that used last makes room.
    pub(super) fn after_last_used() -> Self {
        Self::with_next(|[last, ..]| if last == 2 { 0 } else { last + 1 })
    }

    /// The tree used least recently makes room.
    pub(super) fn least_recently_used() -> Self {
        Self::with_next(|[.., first]| first)
    }

    fn with_next(tree: impl Fn([u8; TREES]) -> u8) -> Self {
        let mut next = [Next { tree: 0, order: 0 }; 1 << ORDER_BITS];
        for (before, (next, order)) in (0..).zip(next.iter_mut().zip(ORDERS)) {
            let tree = tree(order);
            let after = AFTER[usize::from(before)][usize::from(tree)];
            *next = Next {
                tree: tree * 4,
                order: u32::from(before ^ after) << ORDER,
            };
        }
        Self { next }
    }

    #[inline(always)]
    fn touch(words: &mut [u64], way: usize) {
        let (path, pointers) = TOUCHES[way];
        let nodes = words[0] & ((1 << ORDER) - 1) & !path | pointers;
        let order = AFTER[order_of(words[0])][way / WAYS];
        words[0] = nodes | u64::from(order) << ORDER;
    }

    /// The way that makes room, which is as if touched.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "four bits are looked at")]
    fn replace(&self, words: &mut [u64]) -> usize {
        let word = words[0];
        let next = self.next[order_of(word) % self.next.len()];
        let replaced = REPLACED[(word >> next.tree) as usize % REPLACED.len()];
        words[0] = word ^ u64::from(next.order) ^ u64::from(replaced.change) << next.tree;
        usize::from(next.tree + replaced.way)
    }
}

#[inline]
fn order_of(word: u64) -> usize {
    (word >> ORDER) as usize
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl Replace for ThreeTrees {
    #[inline(always)]
    fn hit(&mut self, _: usize, words: &mut [u64], way: usize) {
        Self::touch(words, way);
    }

    #[inline(always)]
    fn insert(&mut self, _: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        let Some(way) = empty else {
            return self.replace(words);
        };
        Self::touch(words, way);
        way
    }
}
