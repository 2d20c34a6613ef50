//! Every policy in several geometries does what the reference does, to the way.

use assoc::{Geometry, IndexFunction, Replacement, SetAssociative, Tag};
use tests::{Random, reference};

use super::every_qlru;

const LINEAR: IndexFunction = IndexFunction::Linear;

/// Sets of few ways and of many, sets that are no power of two, and each kind of index.
const ANY_WAYS: [(u32, u32, IndexFunction); 10] = [
    (1, 1, LINEAR),
    (16, 6, LINEAR),
    (32, 8, IndexFunction::Xor { bits: 5 }),
    (128, 12, IndexFunction::Xor { bits: 7 }),
    (20, 11, LINEAR),
    (4, 16, IndexFunction::Xor { bits: 2 }),
    (2, 17, LINEAR),
    (3, 20, LINEAR),
    (1, 72, LINEAR),
    (1, 96, LINEAR),
];

const POWERS_OF_TWO: [(u32, u32, IndexFunction); 8] = [
    (5, 1, LINEAR),
    (64, 2, LINEAR),
    (16, 4, LINEAR),
    (8, 8, IndexFunction::Xor { bits: 3 }),
    (6, 16, LINEAR),
    (3, 32, LINEAR),
    (2, 64, IndexFunction::Xor { bits: 1 }),
    (1, 256, LINEAR),
];

const TWELVE: [(u32, u32, IndexFunction); 4] = [
    (1, 12, LINEAR),
    (16, 12, LINEAR),
    (11, 12, LINEAR),
    (128, 12, IndexFunction::Xor { bits: 7 }),
];

/// An array and the reference, to which the same is done.
struct Pair {
    real: SetAssociative<u64>,
    reference: reference::Array<u64>,
    random: Random,
    /// How many numbers are used.
    numbers: u64,
}

impl Pair {
    fn new(shape: (u32, u32, IndexFunction), replacement: Replacement, seed: u64) -> Self {
        let (sets, ways, index) = shape;
        let geometry = Geometry::new(sets, ways).unwrap();
        Self {
            real: SetAssociative::new(geometry, index, replacement).unwrap(),
            reference: reference::Array::new(geometry, index, replacement),
            random: Random::new(seed),
            numbers: geometry.entries() as u64 * 5 / 4 + 1,
        }
    }

    /// A number, and a tag that differs from another one of the same number in its upper bits
    /// only.
    fn entry(&mut self) -> (u64, Tag) {
        let number = self.random.below(self.numbers);
        // The same numbers again and again, as programs do.
        let number = if self.random.below(2) == 0 {
            number % (self.numbers / 8 + 1)
        } else {
            number
        };
        let space = self.random.below(8) / 7;
        (number, Tag::new(number | space << 56))
    }

    fn step(&mut self) {
        let (number, tag) = self.entry();
        let value = self.random.next_u64();
        match self.random.below(100) {
            0..50 => {
                let found = self.real.get(number, tag).copied();
                assert_eq!(found, self.reference.get(number, tag).copied());
                if found.is_none() {
                    assert_eq!(
                        self.real.insert_new(number, tag, value),
                        self.reference.insert(number, tag, value)
                    );
                }
            }
            50..70 => {
                let found = self.real.get(number, tag);
                let expected = self.reference.get(number, tag);
                assert_eq!(found, expected);
                for held in [found, expected].into_iter().flatten() {
                    *held = value;
                }
            }
            70..85 => assert_eq!(
                self.real.insert(number, tag, value),
                self.reference.insert(number, tag, value)
            ),
            85..93 => assert_eq!(
                self.real.peek(number, tag),
                self.reference.peek(number, tag)
            ),
            _ => assert_eq!(
                self.real.remove(number, tag),
                self.reference.remove(number, tag)
            ),
        }
    }

    /// Drops a part of the entries, which is all now and then, and changes the others.
    fn retain(&mut self) {
        let bound = self.random.below(5);
        let keep = |tag: Tag, value: &mut u64| {
            *value += 1;
            tag.as_u64() % 4 < bound
        };
        let wrap = |value: &mut u64| *value %= 1 << 60;
        self.real.retain(|_, value| {
            wrap(value);
            true
        });
        self.reference.retain(|_, value| {
            wrap(value);
            true
        });
        assert_eq!(self.real.retain(keep), self.reference.retain(keep));
    }

    fn compare(&self) {
        assert!(self.real.iter().eq(self.reference.iter()));
        let held = self.reference.iter().count();
        assert_eq!(self.real.len(), held);
        assert_eq!(self.real.is_empty(), held == 0);
    }
}

fn agree(
    replacement: Replacement,
    shapes: &[(u32, u32, IndexFunction)],
    operations: u64,
    seed: u64,
) {
    for (seed, &shape) in (seed..).zip(shapes) {
        println!("{replacement}, {shape:?}, seed {seed}");
        let mut pair = Pair::new(shape, replacement, seed);
        for operation in 1..=operations {
            pair.step();
            if operation % 8192 == 0 {
                pair.retain();
            }
            if operation % 1024 == 0 {
                pair.compare();
            }
        }
        pair.compare();
    }
}

#[test]
fn true_lru() {
    agree(Replacement::TrueLru, &ANY_WAYS, 200_000, 100);
}

#[test]
fn fifo() {
    agree(Replacement::Fifo, &ANY_WAYS, 200_000, 200);
}

#[test]
fn random() {
    agree(Replacement::Random { seed: 7 }, &ANY_WAYS, 100_000, 300);
    agree(Replacement::Random { seed: 0 }, &ANY_WAYS, 100_000, 400);
}

#[test]
fn tree_plru() {
    agree(Replacement::TreePlru, &POWERS_OF_TWO, 200_000, 500);
}

#[test]
fn three_trees() {
    agree(Replacement::Mru3Plru4, &TWELVE, 300_000, 600);
    agree(Replacement::Lru3Plru4, &TWELVE, 300_000, 700);
}

#[test]
fn srrip() {
    for bits in 1..=3 {
        agree(Replacement::Srrip { bits }, &ANY_WAYS, 100_000, 800);
    }
}

/// Those of real caches (Abel and Reineke, "nanoBench", ISPASS 2020, and uops.info).
#[test]
fn qlru_of_real_caches() {
    for name in [
        "qlru-h00-m1-r2-u1",
        "qlru-h11-m1-r0-u0",
        "qlru-h00-m1-r0-u1",
        "qlru-h11-m1-r1-u2",
        "qlru-h21-m2-r0-u0-umo",
    ] {
        agree(name.parse().unwrap(), &ANY_WAYS, 100_000, 900);
    }
}

#[test]
fn every_other_qlru() {
    for qlru in every_qlru() {
        agree(qlru, &ANY_WAYS, 2_000, 1000);
    }
}
