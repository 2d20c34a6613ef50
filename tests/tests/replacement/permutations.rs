//! Trees as permutation policies (Abel and Reineke, "Measurement-based Modeling of the Cache
//! Replacement Policy", RTAS 2013): entries in a row, the next victim last. A use of the entry
//! at place i puts at each place p the entry that was at place `vector(i)[p]`, and a miss
//! replaces the last entry and is a use of it.
//!
//! A place in a tree is a number whose bit k says whether, at depth k, the pointer points to
//! the entry. A use turns the pointers on the entry's path away from it, which flips bit k of
//! all that share the path so far if it was set in the entry's own number.

use assoc::Replacement;
use tests::Random;

use super::{Found, access, set};

const ACCESSES: u32 = 80_000;

/// The place to which a use of one place moves what is at another.
type Move = fn(used: usize, place: usize) -> usize;

/// The pointers that the two have in common are those up to the first where they part.
fn in_tree(used: usize, place: usize) -> usize {
    let parting = used ^ place;
    let common = parting ^ parting.wrapping_sub(1);
    place ^ used & common
}

/// Place 3s+t: place s of the tree t steps before the one used last, around the circle.
fn in_trees_by_turn(used: usize, place: usize) -> usize {
    let tree = (place % 3 + 3 - used % 3) % 3;
    3 * in_own_tree(used, place) + tree
}

/// Place 3s+t: place s of the tree that t others were used after.
fn in_trees_by_use(used: usize, place: usize) -> usize {
    let tree = match (place % 3).cmp(&(used % 3)) {
        std::cmp::Ordering::Less => place % 3 + 1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => place % 3,
    };
    3 * in_own_tree(used, place) + tree
}

fn in_own_tree(used: usize, place: usize) -> usize {
    if used % 3 == place % 3 {
        in_tree(used / 3, place / 3)
    } else {
        place / 3
    }
}

pub(crate) const TREES: [(Replacement, u32, Move); 6] = [
    (Replacement::TreePlru, 2, in_tree),
    (Replacement::TreePlru, 4, in_tree),
    (Replacement::TreePlru, 8, in_tree),
    (Replacement::TreePlru, 16, in_tree),
    (Replacement::Mru3Plru4, 12, in_trees_by_turn),
    (Replacement::Lru3Plru4, 12, in_trees_by_use),
];

fn vector(ways: usize, moves: Move, used: usize) -> Vec<usize> {
    let mut vector = vec![usize::MAX; ways];
    for place in 0..ways {
        vector[moves(used, place)] = place;
    }
    vector
}

/// A set that is always full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permuted {
    row: Vec<u64>,
    vectors: Vec<Vec<usize>>,
}

impl Permuted {
    pub(crate) fn new(held: Vec<u64>, moves: Move) -> Self {
        let ways = held.len();
        let vectors = (0..ways).map(|used| vector(ways, moves, used)).collect();
        Self { row: held, vectors }
    }

    pub(crate) fn access(&mut self, number: u64) -> Found {
        let last = self.row.len() - 1;
        let (place, found) = match self.row.iter().position(|&held| held == number) {
            Some(place) => (place, Found::Hit),
            None => (last, Found::Evicted(self.row[last])),
        };
        self.row[place] = number;
        self.row = self.vectors[place]
            .iter()
            .map(|&from| self.row[from])
            .collect();
        found
    }
}

/// Skylake's second-level TLB (Tatar et al., "TLB;DR", USENIX Security 2022).
#[test]
fn the_vectors_are_those_measured() {
    let of = |used| vector(12, in_trees_by_turn, used);
    assert_eq!(of(0), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(of(1), [1, 2, 0, 4, 5, 3, 7, 8, 6, 10, 11, 9]);
    assert_eq!(of(2), [2, 0, 1, 5, 3, 4, 8, 6, 7, 11, 9, 10]);
    assert_eq!(of(3), [3, 1, 2, 0, 4, 5, 9, 7, 8, 6, 10, 11]);
    assert_eq!(of(4), [4, 2, 0, 1, 5, 3, 10, 8, 6, 7, 11, 9]);
    assert_eq!(of(5), [5, 0, 1, 2, 3, 4, 11, 6, 7, 8, 9, 10]);
    assert_eq!(of(6), [6, 1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11]);
    assert_eq!(of(7), [7, 2, 0, 4, 5, 3, 1, 8, 6, 10, 11, 9]);
    assert_eq!(of(8), [8, 0, 1, 5, 3, 4, 2, 6, 7, 11, 9, 10]);
    assert_eq!(of(9), [9, 1, 2, 0, 4, 5, 3, 7, 8, 6, 10, 11]);
    assert_eq!(of(10), [10, 2, 0, 1, 5, 3, 4, 8, 6, 7, 11, 9]);
    assert_eq!(of(11), [11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(vector(4, in_tree, 1), [1, 0, 3, 2]);
    assert_eq!(vector(4, in_tree, 2), [2, 1, 0, 3]);
    assert_eq!(vector(4, in_tree, 3), [3, 0, 1, 2]);
}

#[test]
fn a_tree_is_a_permutation_policy() {
    for (seed, (replacement, ways, moves)) in (1..).zip(TREES) {
        println!("{replacement} of {ways}, seed {seed}");
        let mut tree = set(ways, replacement);
        let (ways, mut random) = (u64::from(ways), Random::new(seed));
        // As many misses as there are ways put both in the same state, whatever they held.
        let held: Vec<_> = (1000..1000 + ways).collect();
        for &number in &held {
            access(&mut tree, number);
        }
        let mut row = Permuted::new(held, moves);
        for number in 2000..2000 + ways {
            access(&mut tree, number);
            row.access(number);
        }
        for _ in 0..ACCESSES {
            let number = random.below(ways * 3 / 2);
            assert_eq!(access(&mut tree, number), row.access(number));
        }
    }
}
