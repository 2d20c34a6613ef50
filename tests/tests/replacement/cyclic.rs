//! A walk in a circle over one number more than a set has ways.

use assoc::Replacement;

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

#[test]
fn hits_as_often_as_the_automaton_of_the_policy_does() {
    for (replacement, ways, moves) in TREES {
        let numbers = u64::from(ways) + 1;
        let mut array = set(ways, replacement);
        let held: Vec<_> = (1000..1000 + u64::from(ways)).collect();
        for &number in &held {
            access(&mut array, number);
        }
        let rate = rate_of_automaton(Permuted::new(held, moves), numbers);
        let mut hits = |accesses| {
            let circle = (0..numbers).cycle().take(accesses);
            circle
                .filter(|&number| access(&mut array, number) == Found::Hit)
                .count()
        };
        // Far more rounds than any of them needs to get into its cycle.
        hits(10_000 * ways as usize + 10_000);
        for _ in 0..10 {
            assert_eq!(hits(rate.accesses), rate.hits, "{replacement} of {ways}");
        }
        println!("{replacement} of {ways}: {rate:?}");
    }
}
