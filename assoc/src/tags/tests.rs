use alloc::vec::Vec;
use core::mem;

use proptest::prelude::*;

use super::*;
use crate::{FirstEmpty, Replacer};

/// An array with nothing of the layout: only the policies are the same.
struct Plain {
    policy: Replacer,
    words: Vec<Vec<u64>>,
    sets: Vec<Vec<Option<(u64, Marks)>>>,
}

impl Plain {
    fn new(geometry: Geometry, replacement: Replacement) -> Self {
        let policy = Replacer::new(replacement, geometry).unwrap();
        let words = alloc::vec![policy.first_word(); policy.words()];
        let set = alloc::vec![None; geometry.ways() as usize];
        Self {
            policy,
            words: alloc::vec![words; geometry.sets() as usize],
            sets: alloc::vec![set; geometry.sets() as usize],
        }
    }

    fn way_of(&self, set: usize, tag: u64) -> Option<usize> {
        let mut ways = self.sets[set].iter();
        ways.position(|held| held.is_some_and(|(held, _)| held == tag))
    }

    fn find(&mut self, set: usize, tag: u64, remark: Remark) -> Option<Marks> {
        let way = self.way_of(set, tag)?;
        self.policy.hit(set, &mut self.words[set], way);
        let (_, marks) = self.sets[set][way].as_mut()?;
        Some(mem::replace(marks, remark.of(*marks)))
    }

    fn peek(&self, set: usize, tag: u64) -> Option<Marks> {
        let (_, marks) = self.sets[set][self.way_of(set, tag)?]?;
        Some(marks)
    }

    fn put(&mut self, set: usize, tag: u64, marks: Marks) -> Option<(u64, Marks)> {
        let mut ways = self.sets[set].iter();
        let empty = match self.policy.first_empty() {
            FirstEmpty::Leftmost => ways.position(Option::is_none),
            FirstEmpty::Rightmost => ways.rposition(Option::is_none),
        };
        let way = self.policy.insert(set, &mut self.words[set], empty);
        self.sets[set][way].replace((tag, marks))
    }

    fn take(&mut self, set: usize, tag: u64) -> Option<Marks> {
        let way = self.way_of(set, tag)?;
        let (_, marks) = self.sets[set][way].take()?;
        Some(marks)
    }
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Find(Remark),
    Peek,
    PutIfMissing(Marks),
    FindOrPut(Remark, Marks),
    Take,
}

fn marks() -> impl Strategy<Value = Marks> {
    (0_u8..8).prop_map(Marks::new)
}

fn calls() -> impl Strategy<Value = Call> {
    let remarks = || (marks(), marks()).prop_map(|(kept, set)| Remark::new(kept, set));
    prop_oneof![
        2 => remarks().prop_map(Call::Find),
        1 => Just(Call::Peek),
        3 => marks().prop_map(Call::PutIfMissing),
        2 => (remarks(), marks()).prop_map(|(remark, marks)| Call::FindOrPut(remark, marks)),
        1 => Just(Call::Take),
    ]
}

/// Most are small; some differ from those in their high halves only.
fn numbers() -> impl Strategy<Value = u64> {
    let high = prop_oneof![8 => Just(0), 1 => Just(1_u64 << 32), 1 => Just(0x7fff_ffff << 32)];
    (0u64..200, high).prop_map(|(low, high)| low | high)
}

fn policies() -> impl Strategy<Value = Replacement> {
    let names = [
        "true-lru",
        "tree-plru",
        "fifo",
        "random:7",
        "mru3-plru4",
        "lru3-plru4",
        "srrip-2",
        "qlru-h00-m1-r0-u1",
        "qlru-h11-m1-r0-u0",
        "qlru-h00-m1-r2-u1",
        "qlru-h21-m2-r1-u3-umo",
    ];
    prop::sample::select(names.to_vec()).prop_map(|name| name.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_tag_array_agrees_with_plain_vectors(
        sets in 1u32..6,
        ways in prop_oneof![4 => 1u32..18, 1 => 18u32..70, 1 => Just(12), 1 => Just(16)],
        replacement in policies(),
        kept in prop_oneof![Just(u64::MAX), Just(u64::from(u32::MAX))],
        calls in prop::collection::vec((numbers(), calls()), 1..1500),
    ) {
        let geometry = Geometry::new(sets, ways).unwrap();
        let array = TagArray::new(geometry, IndexFunction::Linear, replacement);
        prop_assume!(array.is_ok());
        let mut array = array.unwrap();
        let mut plain = Plain::new(geometry, replacement);
        for (number, call) in calls {
            let tag = number & kept;
            let at = array.place(tag, Tag::new(tag));
            let set = at.set();
            match call {
                Call::Find(remark) => {
                    prop_assert_eq!(array.find(at, remark), plain.find(set, tag, remark));
                }
                Call::Peek => prop_assert_eq!(array.peek(at), plain.peek(set, tag)),
                Call::PutIfMissing(marks) => {
                    if plain.peek(set, tag).is_none() {
                        let evicted = array.put(at, marks);
                        let evicted = evicted.map(|old| (old.tag.as_u64(), old.value));
                        prop_assert_eq!(evicted, plain.put(set, tag, marks));
                    }
                }
                Call::FindOrPut(remark, marks) => match array.find_or_put(at, remark, marks) {
                    Sought::Found(found) => {
                        prop_assert_eq!(Some(found), plain.find(set, tag, remark));
                    }
                    Sought::Put(evicted) => {
                        prop_assert_eq!(plain.peek(set, tag), None);
                        let evicted = evicted.map(|old| (old.tag.as_u64(), old.value));
                        prop_assert_eq!(evicted, plain.put(set, tag, marks));
                    }
                },
                Call::Take => prop_assert_eq!(array.take(at), plain.take(set, tag)),
            }
        }
        let held: Vec<_> = array.iter().map(|(tag, marks)| (tag.as_u64(), marks)).collect();
        let expected: Vec<_> = plain.sets.iter().flatten().flatten().copied().collect();
        prop_assert_eq!(held, expected);
    }
}
