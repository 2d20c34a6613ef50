/// How many ages a word holds, four bits each.
const LANES: usize = 16;
/// None is above 7.
const AGE_BITS: u32 = 3;
const ONES: u64 = 0x1111_1111_1111_1111;

/// The ages of a set's ways in its words.
#[derive(Clone, Debug)]
pub(super) struct Ages {
    words: usize,
    /// A one in each lane of the last word that stands for a way.
    last: u64,
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl Ages {
    pub(super) fn new(ways: usize) -> Self {
        let words = ways.div_ceil(LANES);
        let unused = words * LANES - ways;
        Self {
            words,
            last: ONES >> (4 * unused),
        }
    }

    pub(super) fn words(&self) -> usize {
        self.words
    }

    #[inline(always)]
    pub(super) fn of(words: &[u64], way: usize) -> u64 {
        words[way / LANES] >> (4 * (way % LANES)) & 0xf
    }

    #[inline(always)]
    pub(super) fn set(words: &mut [u64], way: usize, age: u64) {
        let word = &mut words[way / LANES];
        let shift = 4 * (way % LANES);
        *word = *word & !(0xf << shift) | age << shift;
    }

    /// The leftmost way of this age.
    #[inline(always)]
    pub(super) fn leftmost(&self, words: &[u64], age: u64) -> Option<usize> {
        (0..).zip(words).find_map(|(index, &word)| {
            let ones = self.ones(words.len(), index);
            let differs = word ^ (age * ONES);
            // The top bit of a lane survives the subtraction unless the lane is zero.
            let equal = !((differs | ones << 3).wrapping_sub(ones)) & ones << 3;
            (equal != 0).then(|| index * LANES + equal.trailing_zeros() as usize / 4)
        })
    }

    /// The greatest age.
    #[inline(always)]
    pub(super) fn greatest(&self, words: &[u64]) -> u64 {
        let in_word = |(index, &word): (usize, &u64)| {
            let mut candidates = self.ones(words.len(), index);
            let mut age = 0;
            // No branch: nobody could foretell it.
            for bit in (0..AGE_BITS).rev() {
                let having_it = word >> bit & candidates;
                let any = having_it != 0;
                candidates = if any { having_it } else { candidates };
                age |= u64::from(any) << bit;
            }
            age
        };
        let ages = words.iter().enumerate().map(in_word);
        ages.fold(0, u64::max)
    }

    /// Whether a way is of age 3, where none is older.
    #[inline(always)]
    pub(super) fn any_is_3(&self, words: &[u64]) -> bool {
        let is_3 =
            |(index, &word): (usize, &u64)| word & word >> 1 & self.ones(words.len(), index) != 0;
        words.iter().enumerate().any(is_3)
    }

    /// The ways of age 3 in the one word, a bit in four, where none is older.
    #[inline(always)]
    pub(super) fn oldest(&self, word: u64) -> u64 {
        word & word >> 1 & self.last
    }

    /// Makes every way older.
    #[inline(always)]
    pub(super) fn raise(&self, words: &mut [u64], by: u64) {
        let count = words.len();
        for (index, word) in words.iter_mut().enumerate() {
            *word += self.ones(count, index) * by;
        }
    }

    #[inline]
    fn ones(&self, words: usize, index: usize) -> u64 {
        if index + 1 == words { self.last } else { ONES }
    }
}
