//! Arrays against the slow reference, and replacement policies against what was published of
//! them.

mod cyclic;
mod idle;
mod permutations;
mod published;
mod qlru;
mod same_as_reference;

use assoc::{Evicted, Geometry, IndexFunction, Qlru, QlruUpdate, Replacement, SetAssociative, Tag};

/// One set.
fn set(ways: u32, replacement: Replacement) -> SetAssociative<u64> {
    let geometry = Geometry::fully_associative(ways).unwrap();
    SetAssociative::new(geometry, IndexFunction::Linear, replacement).unwrap()
}

/// What an access found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Hit,
    Filled,
    Evicted(u64),
}

/// Looks the number up, and puts it in if it is not there.
fn access(array: &mut SetAssociative<u64>, number: u64) -> Found {
    let tag = Tag::new(number);
    if array.get(number, tag).is_some() {
        return Found::Hit;
    }
    match array.insert_new(number, tag, number) {
        None => Found::Filled,
        Some(Evicted { value, .. }) => Found::Evicted(value),
    }
}

/// Every QLRU that is defined.
fn every_qlru() -> Vec<Replacement> {
    let mut all = Vec::new();
    for code in 0..576_u16 {
        let digit = |place, radix| u8::try_from(code / place % radix).unwrap();
        let qlru = Replacement::Qlru(Qlru {
            hit_at_3: digit(1, 3),
            hit_at_2: digit(3, 2),
            insert: digit(6, 4),
            replace: digit(24, 3),
            update: digit(72, 4),
            update_on: match code / 288 {
                0 => QlruUpdate::EveryAccess,
                _ => QlruUpdate::MissesOnly,
            },
        });
        if qlru.validate().is_ok() {
            all.push(qlru);
        }
    }
    // Two replacements do not go with two of the updates.
    assert_eq!(all.len(), 6 * 4 * (3 * 4 - 2 * 2) * 2);
    all
}
