use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hash, Hasher},
    ops::AddAssign,
};

use mmu_core::Cycles;

/// What walks cost that have something in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// How many walks.
    pub walks: u64,
    /// What they cost together.
    pub cycles: Cycles,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.walks += other.walks;
        self.cycles += other.cycles;
    }
}

/// Walks by what they have in common. It grows with the program's footprint, not with the
/// length of its run.
#[derive(Clone, Debug)]
pub struct Tally<K> {
    settled: HashMap<K, Spent, BuildHasherDefault<Mixer>>,
    /// Walks that are not in it yet. Nothing but other updates stands between two updates of
    /// the map, so that the host waits for several of its entries at a time.
    recent: Vec<(K, Cycles)>,
}

/// How many walks wait to be settled at most.
const RECENT: usize = 512;

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self {
            settled: HashMap::default(),
            recent: Vec::new(),
        }
    }
}

impl<K: Copy + Ord + Hash> Tally<K> {
    /// Counts a walk.
    #[inline]
    pub fn count(&mut self, key: K, cycles: Cycles) {
        self.recent.push((key, cycles));
        if self.recent.len() == RECENT {
            self.settle();
        }
    }

    /// Counts all that another tally has.
    pub fn merge(&mut self, other: &Self) {
        for (key, spent) in other.spent() {
            *self.settled.entry(key).or_default() += spent;
        }
    }

    #[inline(never)]
    fn settle(&mut self) {
        for (key, cycles) in self.recent.drain(..) {
            *self.settled.entry(key).or_default() += Spent { walks: 1, cycles };
        }
    }

    fn spent(&self) -> impl Iterator<Item = (K, Spent)> {
        let mut whole = self.clone();
        whole.settle();
        whole.settled.into_iter()
    }

    /// All keys, the dearest first, and in their own order where they cost the same.
    pub fn dearest_first(&self) -> Vec<(K, Spent)> {
        let mut all: Vec<_> = self.spent().collect();
        all.sort_unstable_by(|(key, spent), (other_key, other)| {
            let dearer = other.cycles.cmp(&spent.cycles);
            dearer.then_with(|| key.cmp(other_key))
        });
        all
    }
}

/// Hashes addresses, the same in every run. They are the program's own, so that nobody gains
/// from making them collide.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mixer(u64);

impl Mixer {
    /// 2^64 divided by the golden ratio: odd, and without a pattern in its bits.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    /// The halves of the product are folded, so that low bits, which are all zero for a page,
    /// and high bits both depend on the whole address.
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(Self::FACTOR);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dearest_come_first_and_equals_by_key() {
        let mut tally = Tally::default();
        for (key, cycles) in [(7, 10), (3, 10), (5, 30), (3, 1), (7, 1)] {
            tally.count(key, Cycles::new(cycles));
        }
        let spent = |walks, cycles| Spent {
            walks,
            cycles: Cycles::new(cycles),
        };
        let expected = [(5, spent(1, 30)), (3, spent(2, 11)), (7, spent(2, 11))];
        assert_eq!(tally.dearest_first(), expected);

        let mut twice = tally.clone();
        twice.merge(&tally);
        assert_eq!(twice.dearest_first()[1], (3, spent(4, 22)));
    }

    #[test]
    fn pages_in_a_row_have_hashes_of_their_own() {
        let hash = |page: u64| {
            let mut mixer = Mixer::default();
            mixer.write_u64(page << 12);
            mixer.finish()
        };
        let mut low: Vec<_> = (0..1024).map(|page| hash(page) % 4096).collect();
        low.sort_unstable();
        low.dedup();
        assert!(low.len() > 700, "{} of 1024 are different", low.len());
    }
}
