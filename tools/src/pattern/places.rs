//! Which place comes next, for each shape of a pattern.

use super::{
    Pattern, Seed, Shape,
    random::{Bound, Random, shuffled},
    spec::SHUFFLED_MAX,
    zipf::Zipf,
};

/// The places of a pattern, one after another without end, counted from 0.
#[derive(Debug)]
pub(super) enum Places {
    /// One after the other, from the last to the first.
    Sequential { next: u64, count: u64 },
    /// All in a shuffled order, over and over. Any order of all places is one cycle through
    /// them, and each cycle is as likely as by Sattolo's algorithm; but the order is read
    /// without waiting for memory, as following links would.
    Cycle { order: Box<[u32]>, next: usize },
    /// Each as likely as the others.
    Random { random: Random, bound: Bound },
    /// By rank, and the place of each rank.
    Zipf {
        random: Random,
        zipf: Zipf,
        places: Box<[u32]>,
    },
}

impl Places {
    pub(super) fn new(pattern: &Pattern, seed: Seed) -> Self {
        let mut random = Random::new(seed);
        let count = pattern.places();
        // A pattern that is shuffled has no more places than this.
        let few = count.min(SHUFFLED_MAX) as u32;
        match pattern.shape() {
            Shape::Sequential { .. } => Self::Sequential { next: 0, count },
            Shape::Chase { .. } => Self::Cycle {
                order: shuffled(few, &mut random),
                next: 0,
            },
            Shape::Random => Self::Random {
                random,
                bound: Bound::new(count),
            },
            Shape::Zipf { exponent } => Self::Zipf {
                places: shuffled(few, &mut random),
                zipf: Zipf::new(few, exponent),
                random,
            },
        }
    }

    /// Gives the next places, so many.
    pub(super) fn take(&mut self, mut wanted: usize, mut give: impl FnMut(u64)) {
        match self {
            Self::Sequential { next, count } => {
                for _ in 0..wanted {
                    give(*next);
                    *next += 1;
                    if next == count {
                        *next = 0;
                    }
                }
            }
            Self::Cycle { order, next } => {
                while wanted > 0 {
                    let rest = &order[*next..];
                    let now = &rest[..rest.len().min(wanted)];
                    for &place in now {
                        give(place.into());
                    }
                    wanted -= now.len();
                    *next = (*next + now.len()) % order.len();
                }
            }
            Self::Random { random, bound } => {
                (0..wanted).for_each(|_| give(random.below(*bound)));
            }
            Self::Zipf {
                random,
                zipf,
                places,
            } => {
                for _ in 0..wanted {
                    let rank = zipf.rank(random) as usize;
                    give(places[rank - 1].into());
                }
            }
        }
    }
}
