use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn array(sets: u32, ways: u32, replacement: Replacement) -> SetAssociative<u64> {
    let geometry = Geometry::new(sets, ways).unwrap();
    SetAssociative::new(geometry, IndexFunction::Linear, replacement).unwrap()
}

/// Looks the number up and inserts it if it is not there; says whether it was.
fn reference(array: &mut SetAssociative<u64>, number: u64) -> bool {
    let tag = Tag::new(number);
    let hit = array.get(number, tag).is_some();
    if !hit {
        array.insert(number, tag, number);
    }
    hit
}

/// The last of the numbers is the probe.
fn probe_hits(ways: u32, replacement: Replacement, numbers: &[u64]) -> bool {
    let mut array = array(1, ways, replacement);
    for foreign in 1000..1000 + u64::from(2 * ways) {
        reference(&mut array, foreign);
    }
    let (&probe, before) = numbers.split_last().unwrap();
    for &number in before {
        reference(&mut array, number);
    }
    reference(&mut array, probe)
}

#[test]
fn a_cyclic_walk_over_one_more_than_the_ways_never_hits_under_true_lru() {
    for ways in [1, 2, 3, 4, 6, 8, 12, 16, 72] {
        let mut array = array(1, ways, Replacement::TrueLru);
        for number in (0..=u64::from(ways)).cycle().take(1000) {
            assert!(!reference(&mut array, number), "{ways} ways");
        }
    }
}

#[test]
fn a_cyclic_walk_that_fits_misses_only_the_first_time() {
    for (sets, ways) in [(1, 1), (16, 6), (3, 5), (1, 72), (7, 96), (128, 8)] {
        let mut array = array(sets, ways, Replacement::TrueLru);
        let capacity = u64::from(sets * ways);
        for number in (0..capacity).cycle().take(4 * array.geometry().entries()) {
            reference(&mut array, number);
        }
        assert!((0..capacity).all(|number| reference(&mut array, number)));
    }
}

/// The sequences that tell the policies apart on real processors (Tatar et al., "TLB;DR",
/// USENIX Security 2022).
#[test]
fn tree_plru_of_four_evicts_and_keeps_as_measured() {
    assert!(!probe_hits(4, Replacement::TreePlru, &[0, 1, 2, 1, 3, 0]));
    let mut keeps = [0, 1, 2, 3].to_vec();
    keeps.extend((4..40).flat_map(|number| [2, number]));
    keeps.push(0);
    assert_eq!(keeps.len(), 77);
    assert!(probe_hits(4, Replacement::TreePlru, &keeps));
    assert!(!probe_hits(4, Replacement::TrueLru, &keeps));
}

/// As above, for sets of eight.
#[test]
fn tree_plru_of_eight_evicts_as_measured() {
    let evicts = [0, 1, 2, 1, 3, 2, 1, 4, 0];
    assert!(!probe_hits(8, Replacement::TreePlru, &evicts));
    assert!(probe_hits(8, Replacement::TrueLru, &evicts));
}

#[test]
fn true_lru_of_four_evicts_the_fifth_back() {
    assert!(!probe_hits(4, Replacement::TrueLru, &[0, 1, 2, 3, 4, 0]));
    assert!(probe_hits(4, Replacement::TrueLru, &[0, 1, 2, 3, 0]));
}

#[test]
fn an_insert_over_the_same_tag_replaces_it() {
    let mut array = array(1, 2, Replacement::TrueLru);
    assert_eq!(array.insert(5, Tag::new(5), 1), None);
    assert_eq!(array.insert(5, Tag::new(5), 2), None);
    assert_eq!(array.iter().count(), 1);
    assert_eq!(array.peek(5, Tag::new(5)), Some(&2));
}

#[test]
fn a_removed_way_is_filled_before_anything_is_evicted() {
    let mut array = array(1, 3, Replacement::Fifo);
    for number in 0..3 {
        array.insert(number, Tag::new(number), number);
    }
    assert_eq!(array.remove(1, Tag::new(1)), Some(1));
    assert_eq!(array.remove(1, Tag::new(1)), None);
    assert_eq!(array.insert(9, Tag::new(9), 9), None);
    assert_eq!(array.retain(|_, value| *value == 9), 2);
    assert_eq!(array.iter().collect::<Vec<_>>(), [(Tag::new(9), &9)]);
}

#[test]
fn the_victim_is_returned_with_its_value() {
    let mut array = array(1, 1, Replacement::TrueLru);
    array.insert(1, Tag::new(1), 10);
    let evicted = array.insert(2, Tag::new(2), 20);
    assert_eq!(
        evicted,
        Some(Evicted {
            tag: Tag::new(1),
            value: 10
        })
    );
}

/// True LRU with a list that is kept in order of use, and nothing else.
#[derive(Default, Clone)]
struct ListLru(Vec<u64>);

impl ListLru {
    fn reference(&mut self, number: u64, ways: usize) -> bool {
        let hit = self.0.contains(&number);
        self.0.retain(|&held| held != number);
        self.0.push(number);
        if self.0.len() > ways {
            self.0.remove(0);
        }
        hit
    }
}

/// Tree-PLRU of 2^k ways written as a recursion over slices of ways.
struct SliceTree {
    held: Vec<Option<u64>>,
    points_right: Vec<bool>,
}

impl SliceTree {
    fn new(ways: usize) -> Self {
        Self {
            held: alloc::vec![None; ways],
            points_right: alloc::vec![false; ways],
        }
    }

    fn victim(&self) -> usize {
        let (mut low, mut high, mut node) = (0, self.held.len(), 0);
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            if self.points_right[node] {
                (low, node) = (middle, 2 * node + 2);
            } else {
                (high, node) = (middle, 2 * node + 1);
            }
        }
        low
    }

    fn reference(&mut self, number: u64) -> bool {
        let found = self.held.iter().position(|&held| held == Some(number));
        let way = found
            .or_else(|| self.held.iter().position(Option::is_none))
            .unwrap_or_else(|| self.victim());
        self.held[way] = Some(number);
        let (mut low, mut high, mut node) = (0, self.held.len(), 0);
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            self.points_right[node] = way < middle;
            if way < middle {
                (high, node) = (middle, 2 * node + 1);
            } else {
                (low, node) = (middle, 2 * node + 2);
            }
        }
        found.is_some()
    }
}

proptest! {
    #[test]
    fn true_lru_agrees_with_an_ordered_list(
        sets in 1u32..9,
        ways in 1u32..20,
        numbers in prop::collection::vec(0u64..200, 1..2000),
    ) {
        let mut array = array(sets, ways, Replacement::TrueLru);
        let mut lists = alloc::vec![ListLru::default(); sets as usize];
        for number in numbers {
            let set = usize::try_from(number % u64::from(sets)).unwrap();
            let list = &mut lists[set];
            prop_assert_eq!(reference(&mut array, number), list.reference(number, ways as usize));
        }
    }

    #[test]
    fn tree_plru_agrees_with_a_recursion_over_slices(
        levels in 0u32..8,
        numbers in prop::collection::vec(0u64..300, 1..2000),
    ) {
        let ways = 1 << levels;
        let mut array = array(1, ways, Replacement::TreePlru);
        let mut tree = SliceTree::new(ways as usize);
        for number in numbers {
            prop_assert_eq!(reference(&mut array, number), tree.reference(number));
        }
    }
}
