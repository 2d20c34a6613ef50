use super::{Replace, ages::Ages};

/// The re-reference intervals of SRRIP.
#[derive(Clone, Debug)]
pub(crate) struct Intervals {
    ages: Ages,
    distant: u64,
}

/// Nothing is known of a way before something is put in.
pub(super) const FIRST: u64 = 0;

impl Intervals {
    pub(super) fn new(bits: u8, ways: usize) -> Self {
        Self {
            ages: Ages::new(ways),
            distant: (1 << bits) - 1,
        }
    }

    pub(super) fn words(&self) -> usize {
        self.ages.words()
    }

    #[inline]
    fn victim(&self, words: &mut [u64]) -> usize {
        let greatest = self.ages.greatest(words);
        self.ages.raise(words, self.distant - greatest);
        self.ages.leftmost(words, self.distant).unwrap_or(0)
    }
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl Replace for Intervals {
    #[inline(always)]
    fn hit(&mut self, _: usize, words: &mut [u64], way: usize) {
        Ages::set(words, way, 0);
    }

    #[inline(always)]
    fn insert(&mut self, _: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        let way = empty.unwrap_or_else(|| self.victim(words));
        Ages::set(words, way, self.distant - 1);
        way
    }
}
