//! What is kept of each set beside its entries, so that a look-up reads one line of the host's
//! cache and then only entries that are very likely the right ones.

use alloc::{boxed::Box, vec, vec::Vec};

use super::Tag;
use crate::{Geometry, policy::FirstEmpty};

/// The ways in one word of prints, a byte each.
const LANES: usize = 8;
const ONES: u64 = 0x0101_0101_0101_0101;
/// The bits that mark a way as holding something; seven bits of a hash stand below each.
const TOPS: u64 = ONES << 7;

/// The words of prints in a narrow head.
const NARROW: usize = 2;

/// What stands in the bytes of a word of prints beyond the last way: no tag's print.
const BEYOND: u64 = u64::MAX;

/// What is kept of each set.
#[derive(Clone, Debug)]
pub(super) enum Heads {
    /// Of sets of up to sixteen ways, in half a line of the host's cache each.
    Narrow(Box<[NarrowHead]>),
    Wide(WideHeads),
}

#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct NarrowHead {
    recent: u64,
    policy: [u64; 1],
    prints: [u64; NARROW],
}

/// For each set the word for the place found last, the words of the policy, and the prints.
#[derive(Clone, Debug)]
pub(super) struct WideHeads {
    words: Box<[u64]>,
    /// The words of one set.
    stride: usize,
    policy_words: usize,
}

/// What is kept of one set.
#[derive(Debug)]
pub(super) struct Head<'a> {
    recent: &'a mut u64,
    /// The words of the policy.
    pub(super) policy: &'a mut [u64],
    prints: &'a mut [u64],
}

/// A place in the array and what can be told of the tag there, in one word: 37 bits of the tag
/// above 27 of the place.
const PLACE_BITS: u32 = 27;

/// No array has such a place.
const NO_PLACE: u64 = u64::MAX;

const _: () = assert!(Geometry::MAX_ENTRIES < 1 << PLACE_BITS);

impl Heads {
    pub(super) fn new(geometry: Geometry, policy_words: usize, first_word: u64) -> Self {
        let sets = geometry.sets() as usize;
        let ways = geometry.ways() as usize;
        let print_words = ways.div_ceil(LANES);
        if policy_words <= 1 && print_words <= NARROW {
            let head = NarrowHead {
                recent: NO_PLACE,
                policy: [first_word],
                prints: core::array::from_fn(|index| no_prints(ways, index)),
            };
            return Self::Narrow(vec![head; sets].into_boxed_slice());
        }
        let mut head = Vec::from([NO_PLACE]);
        head.resize(1 + policy_words, first_word);
        head.extend((0..print_words).map(|index| no_prints(ways, index)));
        Self::Wide(WideHeads {
            stride: head.len(),
            policy_words,
            words: head.repeat(sets).into_boxed_slice(),
        })
    }

    /// The place in the array that was found last in this set, if it may hold the tag;
    /// otherwise some number that is no place.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a place is a usize")]
    pub(super) fn recent(&self, set: usize, tag: Tag) -> usize {
        let recent = match self {
            Self::Narrow(heads) => heads[set].recent,
            Self::Wide(heads) => heads.words[set * heads.stride],
        };
        (recent ^ tag.as_u64() << PLACE_BITS) as usize
    }

    /// Whether every way of the set holds something.
    #[inline]
    pub(super) fn is_full(&self, set: usize) -> bool {
        let is_full = |word: &u64| !word & TOPS == 0;
        match self {
            Self::Narrow(heads) => heads[set].prints.iter().all(is_full),
            Self::Wide(heads) => heads.prints(set).iter().all(is_full),
        }
    }

    /// Finds the way of the set that has the tag's print and is the right one.
    #[inline]
    pub(super) fn find(
        &self,
        set: usize,
        tag: Tag,
        is_right: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match self {
            Self::Narrow(heads) => find(&heads[set].alike(tag), is_right),
            Self::Wide(heads) => {
                let print = print(tag) * ONES;
                let mut words = (0..).step_by(LANES).zip(heads.prints(set));
                words.find_map(|(first, &word)| {
                    let alike = [equal_lanes(word, print)];
                    find(&alike, |way| is_right(first + way)).map(|way| first + way)
                })
            }
        }
    }

    #[inline]
    pub(super) fn head(&mut self, set: usize) -> Head<'_> {
        match self {
            Self::Narrow(heads) => heads[set].head(),
            Self::Wide(heads) => heads.head(set),
        }
    }
}

/// The ways of a narrow set that are marked as having some print, a byte each.
pub(super) type Alike = [u64; NARROW];

pub(super) const NONE_ALIKE: Alike = [0; NARROW];

impl NarrowHead {
    /// Marks the ways that have the tag's print.
    #[inline]
    pub(super) fn alike(&self, tag: Tag) -> Alike {
        let print = print(tag) * ONES;
        self.prints.map(|word| equal_lanes(word, print))
    }

    #[inline]
    pub(super) fn head(&mut self) -> Head<'_> {
        Head {
            recent: &mut self.recent,
            policy: &mut self.policy,
            prints: &mut self.prints,
        }
    }
}

impl WideHeads {
    #[inline]
    fn prints(&self, set: usize) -> &[u64] {
        &self.words[set * self.stride..][..self.stride][1 + self.policy_words..]
    }

    #[inline]
    pub(super) fn head(&mut self, set: usize) -> Head<'_> {
        let words = &mut self.words[set * self.stride..][..self.stride];
        let (first, prints) = words.split_at_mut(1 + self.policy_words);
        let (recent, policy) = first.split_at_mut(1);
        Head {
            recent: &mut recent[0],
            policy,
            prints,
        }
    }
}

impl Head<'_> {
    #[inline]
    pub(super) fn set_recent(&mut self, tag: Tag, place: usize) {
        *self.recent = tag.as_u64() << PLACE_BITS | place as u64;
    }

    #[inline]
    pub(super) fn forget_recent(&mut self) {
        *self.recent = NO_PLACE;
    }

    /// The first way that holds nothing.
    #[inline]
    pub(super) fn empty_way(&self, first: FirstEmpty) -> Option<usize> {
        let empty = |(index, word): (usize, &u64)| {
            let empty = !word & TOPS;
            (empty != 0).then_some((LANES * index, empty))
        };
        let mut words = self.prints.iter().enumerate();
        match first {
            FirstEmpty::Leftmost => {
                let (before, empty) = words.find_map(empty)?;
                Some(before + lane(empty))
            }
            FirstEmpty::Rightmost => {
                let (before, empty) = words.rev().find_map(empty)?;
                Some(before + empty.ilog2() as usize / 8)
            }
        }
    }

    /// Marks the way as holding the tag.
    #[inline]
    pub(super) fn fill(&mut self, way: usize, tag: Tag) {
        let shift = 8 * (way % LANES);
        let word = &mut self.prints[way / LANES];
        *word = *word & !(0xff << shift) | print(tag) << shift;
    }

    /// Marks the way as empty.
    #[inline]
    pub(super) fn clear(&mut self, way: usize) {
        self.prints[way / LANES] &= !(0xff << (8 * (way % LANES)));
    }

    /// Calls the function with each way that holds something, and with those beyond the last;
    /// those for which it is false become empty.
    #[inline]
    pub(super) fn retain(self, mut keep: impl FnMut(usize) -> bool) {
        for (index, word) in self.prints.iter_mut().enumerate() {
            let mut held = *word & TOPS;
            while held != 0 {
                let lane = lane(held);
                if !keep(LANES * index + lane) {
                    *word &= !(0xff << (8 * lane));
                }
                held &= held - 1;
            }
        }
    }
}

/// The first of the marked ways that is the right one.
#[inline]
pub(super) fn find(marks: &[u64], is_right: impl Fn(usize) -> bool) -> Option<usize> {
    let mut first = 0;
    for &marks in marks {
        let mut marks = marks;
        while marks != 0 {
            let way = first + lane(marks);
            if is_right(way) {
                return Some(way);
            }
            marks &= marks - 1;
        }
        first += LANES;
    }
    None
}

/// Marks the bytes in which two words are the same. All prints have their top bits set, and so
/// have bytes beyond the last way; an empty way's differs.
#[inline]
fn equal_lanes(word: u64, prints: u64) -> u64 {
    let differs = word ^ prints;
    !(((differs | TOPS) - ONES) | differs) & TOPS
}

/// The lowest way that is marked.
#[inline]
fn lane(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// The prints of a word of an empty set.
fn no_prints(ways: usize, index: usize) -> u64 {
    let in_word = ways.saturating_sub(LANES * index).min(LANES);
    (0..in_word).fold(BEYOND, |prints, lane| prints & !(0xff << (8 * lane)))
}

/// The mark of a way that holds something and seven bits that depend on the whole tag, the top
/// ones of a product with 2^64 over the golden ratio (Knuth, vol. 3, 6.4); but never
/// [`BEYOND`].
#[inline]
fn print(tag: Tag) -> u64 {
    let hash = tag.as_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57;
    hash.min(0x7e) | 0x80
}
