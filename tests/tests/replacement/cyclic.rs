//! A walk in a circle over one number more than a set has ways.

use assoc::{Replacement, SetAssociative};

use super::{
    Found, access,
    permutations::{Permuted, TREES},
    set,
};

#[test]
fn never_hits_under_true_lru_or_fifo() {
    for ways in [1, 2, 4, 6, 8, 12, 16, 20, 72, 96] {
        for replacement in [Replacement::TrueLru, Replacement::Fifo] {
            let mut array = set(ways, replacement);
            let circle = (0..=u64::from(ways)).cycle();
            for number in circle.take(100 * (ways as usize + 1)) {
                assert_ne!(access(&mut array, number), Found::Hit, "{ways} ways");
            }
        }
    }
}

/// How often a walk hits once it repeats itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    hits: usize,
    accesses: usize,
}

/// Goes around until a state comes back: the hits since it was there first.
fn rate_of_automaton(mut row: Permuted, numbers: u64) -> Rate {
    let mut seen: Vec<(Permuted, usize)> = Vec::new();
    let mut hits = 0;
    loop {
        if let Some(first) = seen.iter().position(|(then, _)| *then == row) {
            let rounds = seen.len() - first;
            return Rate {
                hits: hits - seen[first].1,
                accesses: rounds * usize::try_from(numbers).unwrap(),
            };
        }
        seen.push((row.clone(), hits));
        hits += (0..numbers)
            .filter(|&number| row.access(number) == Found::Hit)
            .count();
    }
}

/// The row of an array whose ways were filled from left to right: the pointers of a tree
/// lead to its first way, and the trees were used in their order.
fn filled_in_order(replacement: Replacement, ways: u64) -> Vec<u64> {
    let (trees, ways_of_one) = match replacement {
        Replacement::TreePlru => (1, ways),
        _ => (3, 4),
    };
    let depth = ways_of_one.ilog2();
    let place = |way: u64| {
        let (tree, way) = (way / ways_of_one, way % ways_of_one);
        // Bit k of a place is for depth k, where the upper bits of a way's number choose.
        let pointed_to = (0..depth).filter(|k| way >> (depth - 1 - k) & 1 == 0);
        let place: u64 = pointed_to.map(|k| 1 << k).sum();
        place * trees + (trees - 1 - tree)
    };
    let mut row: Vec<_> = (0..ways).collect();
    row.sort_by_key(|&way| place(way));
    row
}

fn hits(array: &mut SetAssociative<u64>, numbers: u64, accesses: usize) -> usize {
    let circle = (0..numbers).cycle().take(accesses);
    circle
        .filter(|&number| access(array, number) == Found::Hit)
        .count()
}

/// A walk that fills the set itself hits at first; then every tree comes to give up its ways
/// one after the other, as FIFO does.
#[test]
fn hits_as_often_as_the_automaton_of_the_policy_does() {
    for (replacement, ways, moves) in TREES {
        let mut array = set(ways, replacement);
        let ways = u64::from(ways);
        // The walk has come to the last number, the first that has to evict another.
        let once = array.geometry().entries();
        assert_eq!(hits(&mut array, ways, once), 0);
        let mut row = Permuted::new(filled_in_order(replacement, ways), moves);
        assert_eq!(access(&mut array, ways), row.access(ways));

        let rate = rate_of_automaton(row, ways + 1);
        println!("{replacement} of {ways}: {rate:?}");
        // Far more rounds than any of them needs to get into its cycle.
        hits(&mut array, ways + 1, 10_000 * (once + 1));
        for _ in 0..10 {
            assert_eq!(hits(&mut array, ways + 1, rate.accesses), rate.hits);
        }
    }
}
