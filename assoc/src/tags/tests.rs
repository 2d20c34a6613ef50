use alloc::{collections::BTreeMap, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{Qlru, QlruUpdate, SetAssociative};

fn policies() -> impl Strategy<Value = Replacement> {
    let qlru = (0u8..3, 0u8..2, 0u8..4, 0u8..3, 0u8..4, any::<bool>());
    let qlru = qlru.prop_map(|(hit_at_3, hit_at_2, insert, replace, update, umo)| {
        let update_on = if umo {
            QlruUpdate::MissesOnly
        } else {
            QlruUpdate::EveryAccess
        };
        Replacement::Qlru(Qlru {
            hit_at_3,
            hit_at_2,
            insert,
            replace,
            update,
            update_on,
        })
    });
    let others = prop::sample::select(alloc::vec![
        Replacement::TrueLru,
        Replacement::TreePlru,
        Replacement::Fifo,
        Replacement::Random { seed: 7 },
        Replacement::Mru3Plru4,
        Replacement::Lru3Plru4,
        Replacement::Srrip { bits: 1 },
        Replacement::Srrip { bits: 2 },
        Replacement::Srrip { bits: 3 },
    ]);
    prop_oneof![others, qlru]
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Find,
    FindAndMark(u8),
    Peek,
    PutIfMissing(u8),
    Take,
}

fn calls() -> impl Strategy<Value = Call> {
    prop_oneof![
        1 => Just(Call::Find),
        1 => (0u8..8).prop_map(Call::FindAndMark),
        1 => Just(Call::Peek),
        5 => (0u8..8).prop_map(Call::PutIfMissing),
        1 => Just(Call::Take),
    ]
}

/// Most numbers are small; some differ from those in their high halves only.
fn numbers() -> impl Strategy<Value = u64> {
    let high = prop_oneof![8 => Just(0), 1 => Just(1u64 << 32), 1 => Just(0x7fff_ffff << 32)];
    (0u64..200, high).prop_map(|(low, high)| low | high)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_tag_array_agrees_with_a_set_associative_array_of_marks(
        sets in 1u32..6,
        ways in prop_oneof![4 => 1u32..18, 1 => 18u32..70, 1 => Just(12), 1 => Just(16)],
        replacement in policies(),
        beyond in any::<bool>(),
        calls in prop::collection::vec((numbers(), calls()), 1..1500),
    ) {
        let geometry = Geometry::new(sets, ways).unwrap();
        let index = IndexFunction::Linear;
        let Ok(mut plain) = SetAssociative::<u8>::new(geometry, index, replacement) else {
            prop_assert!(TagArray::new(geometry, index, replacement).is_err());
            return Ok(());
        };
        let mut array = TagArray::new(geometry, index, replacement).unwrap();
        for (number, call) in calls {
            let number = if beyond { number } else { number & 0xffff_ffff };
            let tag = Tag::new(number);
            let at = array.place(number, tag);
            match call {
                Call::Find => {
                    let found = array.find(at).map(|held| held.marks().bits());
                    prop_assert_eq!(found, plain.get(number, tag).copied());
                }
                Call::FindAndMark(marks) => {
                    if let Some(mut held) = array.find(at) {
                        held.mark(Marks::new(marks));
                    }
                    if let Some(held) = plain.get(number, tag) {
                        *held = marks;
                    }
                }
                Call::Peek => {
                    let found = array.peek(at).map(Marks::bits);
                    prop_assert_eq!(found, plain.peek(number, tag).copied());
                }
                Call::PutIfMissing(marks) => {
                    if plain.peek(number, tag).is_none() {
                        let evicted = array.put(at, Marks::new(marks));
                        let evicted = evicted.map(|old| (old.tag, old.value.bits()));
                        let expected = plain.insert_new(number, tag, marks);
                        prop_assert_eq!(evicted, expected.map(|old| (old.tag, old.value)));
                    }
                }
                Call::Take => {
                    let taken = array.take(at).map(Marks::bits);
                    prop_assert_eq!(taken, plain.remove(number, tag));
                }
            }
        }
        let held: BTreeMap<_, _> = array
            .iter()
            .map(|(tag, marks)| (tag.as_u64(), marks.bits()))
            .collect();
        let expected: Vec<_> = plain.iter().map(|(tag, &marks)| (tag.as_u64(), marks)).collect();
        prop_assert_eq!(held.len(), expected.len());
        prop_assert_eq!(held, expected.into_iter().collect());
    }
}
