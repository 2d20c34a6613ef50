use super::{FirstEmpty, Replace, ages::Ages};
use crate::{Qlru, QlruUpdate};

/// The ages of QLRU.
#[derive(Clone, Debug)]
pub(crate) struct QlruAges {
    ages: Ages,
    /// The age after a hit, by the age before.
    after_hit: [u64; 4],
    inserted: u64,
    first_empty: FirstEmpty,
    aging: Aging,
    update_on: QlruUpdate,
}

/// How ways age: U0 to U3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Aging {
    step: Step,
    accessed: Accessed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// By what makes the oldest 3.
    UpToOldest,
    /// By one if none is 3.
    One,
}

/// Whether the way that was accessed ages with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accessed {
    Ages,
    Stays,
}

const OLDEST: u64 = 3;

/// Every way is as old as can be.
pub(super) const FIRST: u64 = 0x3333_3333_3333_3333;

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl QlruAges {
    /// The parameters have been checked.
    pub(super) fn new(qlru: Qlru, ways: usize) -> Self {
        Self {
            ages: Ages::new(ways),
            after_hit: [0, 0, qlru.hit_at_2.into(), qlru.hit_at_3.into()],
            inserted: qlru.insert.into(),
            first_empty: if qlru.replace == 2 {
                FirstEmpty::Rightmost
            } else {
                FirstEmpty::Leftmost
            },
            aging: Aging {
                step: if qlru.update < 2 {
                    Step::UpToOldest
                } else {
                    Step::One
                },
                accessed: if qlru.update.is_multiple_of(2) {
                    Accessed::Ages
                } else {
                    Accessed::Stays
                },
            },
            update_on: qlru.update_on,
        }
    }

    pub(super) fn words(&self) -> usize {
        self.ages.words()
    }

    pub(super) fn first_empty(&self) -> FirstEmpty {
        self.first_empty
    }

    /// The way that was accessed is of this age now; then they age.
    #[inline(always)]
    fn accessed(&self, words: &mut [u64], way: usize, age: u64) {
        if self.update_on == QlruUpdate::MissesOnly {
            Ages::set(words, way, age);
            return;
        }
        match self.aging {
            Aging {
                accessed: Accessed::Ages,
                ..
            } => {
                Ages::set(words, way, age);
                self.age_all(words);
            }
            // U1 asks how old the others are.
            Aging {
                step: Step::UpToOldest,
                ..
            } => {
                Ages::set(words, way, 0);
                self.age_all(words);
                Ages::set(words, way, age);
            }
            // U3 asks how old all are.
            Aging {
                step: Step::One, ..
            } => {
                Ages::set(words, way, age);
                self.age_all(words);
                Ages::set(words, way, age);
            }
        }
    }

    #[inline(always)]
    fn age_all(&self, words: &mut [u64]) {
        if self.ages.any_is_3(words) {
            return;
        }
        let by = match self.aging.step {
            Step::UpToOldest => OLDEST - self.ages.greatest(words),
            Step::One => 1,
        };
        self.ages.raise(words, by);
    }

    /// As [`Replace::hit_one`], if no way ages; else nothing changes.
    #[inline(always)]
    pub(super) fn hit_at_once(&self, [word]: &mut [u64; 1], way: usize) -> Option<()> {
        let age = self.after_hit[(*word >> (4 * way) & OLDEST) as usize];
        let others = *word & !(0xf << (4 * way));
        // As long as another way is of age 3, none ages under any update.
        if self.ages.oldest(others) == 0 && self.update_on == QlruUpdate::EveryAccess {
            return None;
        }
        *word = others | age << (4 * way);
        Some(())
    }

    /// As [`Replace::replace_one`], if no way ages; else nothing changes.
    #[inline(always)]
    pub(super) fn replace_at_once(&self, [word]: &mut [u64; 1]) -> Option<usize> {
        let oldest = self.ages.oldest(*word);
        let others = oldest & oldest.wrapping_sub(1);
        // As above.
        if others == 0 {
            return None;
        }
        *word ^= (oldest ^ others) * (OLDEST ^ self.inserted);
        Some(oldest.trailing_zeros() as usize / 4)
    }

    /// As [`Replace::replace_one`] under U1, if one way is of age 3; else nothing changes.
    fn replace_last_oldest(&self, [word]: &mut [u64; 1]) -> Option<usize> {
        let is_u1 = self.aging.step == Step::UpToOldest && self.aging.accessed == Accessed::Stays;
        let oldest = self.ages.oldest(*word);
        if !oldest.is_power_of_two() || !is_u1 || self.update_on == QlruUpdate::MissesOnly {
            return None;
        }
        let mut others = [*word & !(oldest * 0xf)];
        let by = OLDEST - self.ages.greatest(&others);
        self.ages.raise(&mut others, by);
        let [others] = others;
        let emptied = others & !(oldest * 0xf);
        *word = emptied | (oldest * self.inserted);
        Some(oldest.trailing_zeros() as usize / 4)
    }
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl Replace for QlruAges {
    #[inline(always)]
    fn hit(&mut self, _: usize, words: &mut [u64], way: usize) {
        let age = self.after_hit[(Ages::of(words, way) & OLDEST) as usize];
        self.accessed(words, way, age);
    }

    #[inline(always)]
    fn insert(&mut self, _: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        if self.update_on == QlruUpdate::MissesOnly {
            self.age_all(words);
        }
        // R0 and R2 always find an age of 3, but for U1 in a set of one way.
        let way = empty.unwrap_or_else(|| self.ages.leftmost(words, OLDEST).unwrap_or(0));
        self.accessed(words, way, self.inserted);
        way
    }

    fn replace_one(&mut self, set: usize, word: &mut [u64; 1]) -> usize {
        match self.replace_last_oldest(word) {
            Some(way) => way,
            None => self.insert(set, word, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> impl Iterator<Item = Qlru> {
        let numbers = 0..3_u16 * 2 * 4 * 3 * 4 * 2;
        let all = numbers.map(|mut number| {
            let mut digit = |base| {
                let digit = u8::try_from(number % base).unwrap();
                number /= base;
                digit
            };
            Qlru {
                hit_at_3: digit(3),
                hit_at_2: digit(2),
                insert: digit(4),
                replace: digit(3),
                update: digit(4),
                update_on: match digit(2) {
                    0 => QlruUpdate::EveryAccess,
                    _ => QlruUpdate::MissesOnly,
                },
            }
        });
        all.filter(|qlru| qlru.validate().is_ok())
    }

    proptest! {
        #[test]
        fn the_short_way_of_a_hit_is_the_long_way(ages in prop::array::uniform16(0u64..4), ways in 1usize..17) {
            let word = ages.iter().fold(0, |word, age| word << 4 | age);
            for (qlru, way) in all().flat_map(|qlru| (0..ways).map(move |way| (qlru, way))) {
                let mut ages = QlruAges::new(qlru, ways);
                let (mut short, mut long) = ([word], [word]);
                if ages.hit_at_once(&mut short, way).is_none() {
                    prop_assert_eq!(short, [word], "{:?}", qlru);
                    continue;
                }
                ages.hit(0, &mut long, way);
                prop_assert_eq!(short, long, "{:?}", qlru);
            }
        }

        #[test]
        fn the_short_way_into_a_full_set_is_the_long_way(ages in prop::array::uniform16(0u64..4), ways in 1usize..17) {
            let word = ages.iter().fold(0, |word, age| word << 4 | age);
            for qlru in all() {
                let mut ages = QlruAges::new(qlru, ways);
                let (mut short, mut long) = ([word], [word]);
                let Some(way) = ages.replace_at_once(&mut short) else {
                    prop_assert_eq!(short, [word], "{:?}", qlru);
                    continue;
                };
                prop_assert_eq!(way, ages.insert(0, &mut long, None), "{:?}", qlru);
                prop_assert_eq!(short, long, "{:?}", qlru);
            }
        }

        #[test]
        fn replacing_in_one_word_is_inserting_into_a_full_set(ages in prop::array::uniform16(0u64..4), ways in 1usize..17) {
            let word = ages.iter().fold(0, |word, age| word << 4 | age);
            for qlru in all() {
                let mut ages = QlruAges::new(qlru, ways);
                let (mut one, mut any) = ([word], [word]);
                let way = ages.replace_one(0, &mut one);
                prop_assert_eq!(way, ages.insert(0, &mut any, None), "{:?}", qlru);
                prop_assert_eq!(one, any, "{:?}", qlru);
            }
        }
    }
}
