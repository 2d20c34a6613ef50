//! Sequences that tell policies apart on real processors (Tatar et al., "TLB;DR", USENIX
//! Security 2022): the last number is looked up to see whether it is still there, after twice
//! as many other pages as there are ways have filled the set.

use assoc::{Geometry, IndexFunction, Replacement, SetAssociative};

use super::{Found, access, set};

fn evicts(ways: u32, replacement: Replacement, sequence: &[u64]) -> bool {
    let mut array = set(ways, replacement);
    for foreign in 1000..1000 + u64::from(2 * ways) {
        access(&mut array, foreign);
    }
    let (&probe, before) = sequence.split_last().unwrap();
    for &number in before {
        access(&mut array, number);
    }
    access(&mut array, probe) != Found::Hit
}

/// 0 to `ways` - 1; then the numbers up to 39, and one of the others before each; then 0.
fn keeping(ways: u64, others: &[u64]) -> Vec<u64> {
    let mut sequence: Vec<_> = (0..ways).collect();
    for (number, &other) in (ways..40).zip(others.iter().cycle()) {
        sequence.extend([other, number]);
    }
    sequence.push(0);
    sequence
}

#[test]
fn four_ways_of_a_tree() {
    assert!(evicts(4, Replacement::TreePlru, &[0, 1, 2, 1, 3, 0]));
    assert!(!evicts(4, Replacement::TrueLru, &[0, 1, 2, 1, 3, 0]));
    let keeps = keeping(4, &[2]);
    assert_eq!(keeps.len(), 77);
    assert!(!evicts(4, Replacement::TreePlru, &keeps));
    assert!(evicts(4, Replacement::TrueLru, &keeps));
}

#[test]
fn eight_ways_of_a_tree() {
    let sequence = [0, 1, 2, 1, 3, 2, 1, 4, 0];
    assert!(evicts(8, Replacement::TreePlru, &sequence));
    assert!(!evicts(8, Replacement::TrueLru, &sequence));
    let keeps = keeping(8, &[2, 4, 6]);
    assert_eq!(keeps.len(), 73);
    assert!(!evicts(8, Replacement::TreePlru, &keeps));
    assert!(evicts(8, Replacement::TrueLru, &keeps));
}

#[test]
fn twelve_ways_of_three_trees_in_turn() {
    let sequence = [0, 1, 2, 3, 2, 4, 3, 2, 5, 0];
    assert!(evicts(12, Replacement::Mru3Plru4, &sequence));
    assert!(!evicts(12, Replacement::Lru3Plru4, &sequence));
    assert!(!evicts(12, Replacement::TrueLru, &sequence));
    let keeps = keeping(12, &[1, 4, 7, 10]);
    assert_eq!(keeps.len(), 69);
    assert!(!evicts(12, Replacement::Mru3Plru4, &keeps));
    assert!(evicts(12, Replacement::TrueLru, &keeps));
}

#[test]
fn four_ways_in_order_of_use() {
    assert!(evicts(4, Replacement::TrueLru, &[0, 1, 2, 3, 4, 0]));
    assert!(!evicts(4, Replacement::TrueLru, &[0, 1, 2, 3, 0]));
}

/// Trees by least recent use, by hand: 12 goes to tree 0 and way 0; 4 is used in tree 1, so
/// that 13 goes to tree 2; then it is the turn of tree 0, whose left half was used last, and
/// of tree 1, whose left half was too.
#[test]
fn twelve_ways_of_three_trees_by_least_recent_use() {
    let mut array = set(12, Replacement::Lru3Plru4);
    for number in 0..12 {
        assert_eq!(access(&mut array, number), Found::Filled);
    }
    assert_eq!(access(&mut array, 12), Found::Evicted(0));
    assert_eq!(access(&mut array, 4), Found::Hit);
    assert_eq!(access(&mut array, 13), Found::Evicted(8));
    assert_eq!(access(&mut array, 14), Found::Evicted(2));
    assert_eq!(access(&mut array, 15), Found::Evicted(6));
}

/// The same trees in turn: what is used last decides.
#[test]
fn twelve_ways_of_three_trees_in_turn_by_hand() {
    let mut array = set(12, Replacement::Mru3Plru4);
    for number in 0..12 {
        assert_eq!(access(&mut array, number), Found::Filled);
    }
    assert_eq!(access(&mut array, 12), Found::Evicted(0));
    assert_eq!(access(&mut array, 4), Found::Hit);
    assert_eq!(access(&mut array, 13), Found::Evicted(8));
    assert_eq!(access(&mut array, 5), Found::Hit);
    assert_eq!(access(&mut array, 14), Found::Evicted(10));
}

/// The 13th page whose numbers' two lowest groups of seven bits have the same XOR finds no
/// room in twelve ways; where the lowest seven bits choose the set, all have room.
#[test]
fn pages_that_collide_in_an_xor_index() {
    let array = |index| {
        let geometry = Geometry::new(128, 12).unwrap();
        SetAssociative::<u64>::new(geometry, index, Replacement::Mru3Plru4).unwrap()
    };
    for common in 0..128 {
        let mut xor = array(IndexFunction::Xor { bits: 7 });
        let mut linear = array(IndexFunction::Linear);
        for upper in 0..13_u64 {
            let page = upper << 7 | upper ^ common;
            let found = access(&mut xor, page);
            if upper < 12 {
                assert_eq!(found, Found::Filled);
            } else {
                assert_eq!(found, Found::Evicted(common));
            }
            assert_eq!(access(&mut linear, page), Found::Filled);
        }
    }
}
