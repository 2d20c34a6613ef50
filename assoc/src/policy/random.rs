use super::Replace;

/// A generator of ways: `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom
/// Number Generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct RandomWay {
    state: u64,
    ways: usize,
}

impl RandomWay {
    pub(super) fn new(seed: u64, ways: usize) -> Self {
        Self { state: seed, ways }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "less than the ways")]
    fn next(&mut self) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ mixed >> 31;
        ((u128::from(mixed) * self.ways as u128) >> 64) as usize
    }
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl Replace for RandomWay {
    #[inline(always)]
    fn hit(&mut self, _: usize, _: &mut [u64], _: usize) {}

    #[inline(always)]
    fn insert(&mut self, _: usize, _: &mut [u64], empty: Option<usize>) -> usize {
        empty.unwrap_or_else(|| self.next())
    }
}
