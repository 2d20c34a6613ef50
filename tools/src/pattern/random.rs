//! Random numbers that are the same everywhere.

use super::Seed;

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
/// 2014): a counter and a hash, so that one number does not wait for the last.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: Seed) -> Self {
        Self(seed.0)
    }

    /// 64 random bits.
    #[inline]
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number from 0 to below 1, of 53 random bits.
    #[inline]
    pub(super) fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below a bound, all equally likely.
    #[inline]
    pub(super) fn below(&mut self, bound: Bound) -> u64 {
        loop {
            let product = u128::from(self.bits()) * u128::from(bound.bound);
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            let low = product as u64;
            if low >= bound.rejected {
                return (product >> 64) as u64;
            }
        }
    }
}

/// A bound for random numbers, and which products with it are rejected so that none is
/// likelier than another (Lemire, "Fast random integer generation in an interval", 2019).
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    bound: u64,
    rejected: u64,
}

impl Bound {
    /// A bound, at least 1.
    pub(super) fn new(bound: u64) -> Self {
        let rejected = bound.wrapping_neg().checked_rem(bound).unwrap_or(0);
        Self { bound, rejected }
    }
}

/// The numbers below `count` in random order, each order equally likely.
pub(super) fn shuffled(count: u32, random: &mut Random) -> Box<[u32]> {
    let mut order: Box<[u32]> = (0..count).collect();
    for (left, last) in (1..count).rev().map(|last| (u64::from(last) + 1, last)) {
        #[expect(clippy::cast_possible_truncation, reason = "it is below `count`")]
        let chosen = random.below(Bound::new(left)) as usize;
        order.swap(last as usize, chosen);
    }
    order
}
