//! How long walks took, counted in buckets.

use std::ops::RangeInclusive;

use mmu_core::Cycles;

/// Up to here every number of cycles has a bucket of its own; from here on each power of two
/// is cut into [`PARTS`] buckets of the same width, so that a bucket is never wider than an
/// eighth of its lower bound.
const EXACT: u64 = 16;
const PARTS: u64 = 8;
const PARTS_SHIFT: u32 = PARTS.ilog2();
#[expect(clippy::cast_possible_truncation, reason = "they are some hundred")]
const BUCKETS: usize = (EXACT + (64 - EXACT.ilog2() as u64) * PARTS) as usize;

/// A histogram of numbers of cycles. The least, the greatest and the sum are exact;
/// percentiles are upper bounds of buckets.
#[derive(Clone, Debug)]
pub struct Latencies {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            buckets: Box::new([0; BUCKETS]),
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }
}

impl Latencies {
    /// Counts one walk.
    pub fn count(&mut self, cycles: Cycles) {
        let cycles = cycles.as_u64();
        self.buckets[bucket_of(cycles)] += 1;
        self.count += 1;
        self.sum += cycles;
        self.min = self.min.min(cycles);
        self.max = self.max.max(cycles);
    }

    /// Counts all that another histogram has.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in self.buckets.iter_mut().zip(other.buckets.iter()) {
            *bucket += count;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many walks were counted.
    pub fn walks(&self) -> u64 {
        self.count
    }

    /// What all walks took together.
    pub fn sum(&self) -> Cycles {
        Cycles::new(self.sum)
    }

    /// What the quickest walk took; nothing if there was none.
    pub fn min(&self) -> Cycles {
        Cycles::new(if self.count == 0 { 0 } else { self.min })
    }

    /// What the slowest walk took; nothing if there was none.
    pub fn max(&self) -> Cycles {
        Cycles::new(self.max)
    }

    /// A number of cycles that `thousandths` of a thousand walks did not exceed: the upper
    /// bound of the bucket in which that walk is, or the greatest number if that is less.
    pub fn percentile(&self, thousandths: u16) -> Cycles {
        let rank = u128::from(self.count) * u128::from(thousandths);
        let rank = rank.div_ceil(1000).max(1);
        let mut seen = 0;
        for (bounds, count) in self.filled() {
            seen += u128::from(count);
            if seen >= rank {
                return Cycles::new((*bounds.end()).min(self.max));
            }
        }
        self.max()
    }

    /// The buckets that are not empty, with their bounds, both inclusive.
    pub fn filled(&self) -> impl Iterator<Item = (RangeInclusive<u64>, u64)> {
        let filled = self
            .buckets
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        filled.map(|(bucket, &count)| (bounds_of(bucket), count))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the result is less than the number of buckets"
)]
fn bucket_of(cycles: u64) -> usize {
    if cycles < EXACT {
        return cycles as usize;
    }
    let power = cycles.ilog2();
    let part = (cycles >> (power - PARTS_SHIFT)) - PARTS;
    (EXACT + u64::from(power - EXACT.ilog2()) * PARTS + part) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "a shift is less than 64")]
fn bounds_of(bucket: usize) -> RangeInclusive<u64> {
    let bucket = bucket as u64;
    let Some(above) = bucket.checked_sub(EXACT) else {
        return bucket..=bucket;
    };
    let shift = (above / PARTS) as u32 + EXACT.ilog2() - PARTS_SHIFT;
    let first = (PARTS + above % PARTS) << shift;
    first..=first + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_buckets_follow_each_other_without_a_gap() {
        let mut next = 0;
        for bucket in 0..BUCKETS {
            let bounds = bounds_of(bucket);
            assert_eq!(*bounds.start(), next);
            assert_eq!(bucket_of(*bounds.start()), bucket);
            assert_eq!(bucket_of(*bounds.end()), bucket);
            let width = bounds.end() - bounds.start() + 1;
            assert!(width == 1 || width <= bounds.start() / 8);
            next = bounds.end().wrapping_add(1);
        }
        assert_eq!(next, 0, "the last bucket ends with the last number");
    }

    #[test]
    fn of_no_walks_everything_is_nothing() {
        let none = Latencies::default();
        let all = [none.min(), none.max(), none.sum(), none.percentile(500)];
        assert_eq!(all, [Cycles::ZERO; 4]);
        assert_eq!(none.filled().count(), 0);
    }

    proptest! {
        #[test]
        fn it_says_what_a_sorted_list_says(
            mut cycles in prop::collection::vec(0_u64..100_000, 1..500),
            split in 0_usize..500,
        ) {
            let (mut all, mut rest) = (Latencies::default(), Latencies::default());
            for (place, &walk) in cycles.iter().enumerate() {
                let part = if place < split { &mut all } else { &mut rest };
                part.count(Cycles::new(walk));
            }
            all.merge(&rest);
            cycles.sort_unstable();

            prop_assert_eq!(all.walks(), cycles.len() as u64);
            prop_assert_eq!(all.sum().as_u64(), cycles.iter().sum::<u64>());
            prop_assert_eq!(all.min().as_u64(), cycles[0]);
            prop_assert_eq!(all.max().as_u64(), cycles[cycles.len() - 1]);
            for thousandths in [0, 1, 500, 900, 990, 999, 1000] {
                let rank = (cycles.len() * usize::from(thousandths)).div_ceil(1000).max(1);
                let exact = cycles[rank - 1];
                let told = all.percentile(thousandths).as_u64();
                let bound = *bounds_of(bucket_of(exact)).end();
                prop_assert_eq!(told, bound.min(cycles[cycles.len() - 1]));
            }
            for (bounds, count) in all.filled() {
                let there = cycles.iter().filter(|walk| bounds.contains(walk)).count();
                prop_assert_eq!(count, there as u64);
            }
        }
    }
}
