//! What is kept of each set beside its entries, so that a look-up reads one line of the host's
//! cache and then only entries that are very likely the right ones.

use alloc::{boxed::Box, vec::Vec};

use super::Tag;
use crate::{Geometry, policy::FirstEmpty};

/// The ways in one word of prints, a byte each.
const LANES: usize = 8;
const ONES: u64 = 0x0101_0101_0101_0101;
/// The bits that mark a way as holding something; seven bits of a hash stand below each.
const TOPS: u64 = ONES << 7;

/// A word for the way used last, the words of the policy, and the prints of the ways, set
/// after set.
#[derive(Clone, Debug)]
pub(super) struct Heads {
    words: Box<[u64]>,
    /// The words of one set.
    stride: usize,
    /// Where in them the prints begin.
    prints: usize,
    /// The marks of the last word of prints that stand for ways.
    last_marks: u64,
}

/// A way and what can be told of its tag, in one word: 48 bits of the tag above 16 of the way.
const WAY_BITS: u32 = 16;

/// Of no way.
const NO_WAY: u64 = u64::MAX;

impl Heads {
    pub(super) fn new(geometry: Geometry, policy_words: usize, first_word: u64) -> Self {
        let ways = geometry.ways() as usize;
        let print_words = ways.div_ceil(LANES);
        let unused = print_words * LANES - ways;
        let mut head = Vec::from([NO_WAY]);
        head.resize(1 + policy_words, first_word);
        head.resize(1 + policy_words + print_words, 0);
        Self {
            stride: head.len(),
            prints: 1 + policy_words,
            last_marks: TOPS >> (8 * unused),
            words: head.repeat(geometry.sets() as usize).into_boxed_slice(),
        }
    }

    /// The way used last, if it may hold the tag; otherwise some number that is no way.
    #[inline]
    pub(super) fn recent(&self, set: usize, tag: Tag) -> u64 {
        self.words[set * self.stride] ^ tag.as_u64() << WAY_BITS
    }

    #[inline]
    pub(super) fn set_recent(&mut self, set: usize, tag: Tag, way: usize) {
        self.words[set * self.stride] = tag.as_u64() << WAY_BITS | way as u64;
    }

    #[inline]
    pub(super) fn forget_recent(&mut self, set: usize) {
        self.words[set * self.stride] = NO_WAY;
    }

    /// The words of the policy.
    #[inline]
    pub(super) fn policy(&mut self, set: usize) -> &mut [u64] {
        &mut self.words[set * self.stride..][1..self.prints]
    }

    /// Finds a way that has the tag's print and is the right one.
    #[inline]
    pub(super) fn find(
        &self,
        set: usize,
        tag: Tag,
        is_right: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let print = print(tag) * ONES;
        for (index, &word) in self.prints_of(set).iter().enumerate() {
            let differs = word ^ print;
            let mut same = !(((differs | TOPS) - ONES) | differs) & TOPS;
            while same != 0 {
                let way = LANES * index + lane(same);
                if is_right(way) {
                    return Some(way);
                }
                same &= same - 1;
            }
        }
        None
    }

    #[inline]
    pub(super) fn empty_way(&self, set: usize, first: FirstEmpty) -> Option<usize> {
        let prints = self.prints_of(set);
        let empty = |index: usize| {
            let empty = !prints[index] & self.marks(prints, index);
            (empty != 0).then_some((index, empty))
        };
        match first {
            FirstEmpty::Leftmost => {
                let (index, empty) = (0..prints.len()).find_map(empty)?;
                Some(LANES * index + lane(empty))
            }
            FirstEmpty::Rightmost => {
                let (index, empty) = (0..prints.len()).rev().find_map(empty)?;
                Some(LANES * index + empty.ilog2() as usize / 8)
            }
        }
    }

    /// Marks the way as holding the tag.
    #[inline]
    pub(super) fn fill(&mut self, set: usize, way: usize, tag: Tag) {
        let shift = 8 * (way % LANES);
        let word = self.print_word(set, way);
        *word = *word & !(0xff << shift) | print(tag) << shift;
    }

    /// Marks the way as empty.
    #[inline]
    pub(super) fn clear(&mut self, set: usize, way: usize) {
        let shift = 8 * (way % LANES);
        *self.print_word(set, way) &= !(0xff << shift);
    }

    /// Calls the function with each way that holds something; those for which it is false
    /// become empty. Says how many did not.
    #[inline]
    pub(super) fn retain(&mut self, set: usize, mut keep: impl FnMut(usize) -> bool) {
        let prints = &mut self.words[set * self.stride..][self.prints..self.stride];
        for (index, word) in prints.iter_mut().enumerate() {
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

    #[inline]
    fn prints_of(&self, set: usize) -> &[u64] {
        &self.words[set * self.stride..][self.prints..self.stride]
    }

    #[inline]
    fn print_word(&mut self, set: usize, way: usize) -> &mut u64 {
        &mut self.words[set * self.stride + self.prints + way / LANES]
    }

    #[inline]
    fn marks(&self, prints: &[u64], index: usize) -> u64 {
        if index + 1 == prints.len() {
            self.last_marks
        } else {
            TOPS
        }
    }
}

/// The lowest way that is marked.
#[inline]
fn lane(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// The mark of a way that holds something and seven bits that depend on the whole tag: the top
/// ones of a product with 2^64 over the golden ratio (Knuth, vol. 3, 6.4).
#[inline]
fn print(tag: Tag) -> u64 {
    tag.as_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57 | 0x80
}
