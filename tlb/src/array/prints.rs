use assoc::FirstEmpty;

use crate::tag::Tag;

/// What sixteen ways hold, a byte each: so that a look-up reads little, and then only entries
/// that are very likely the right ones.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(super) struct Prints([u8; Self::WAYS]);

/// Seven bits that depend on a whole tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print(u8);

/// The print of a way that holds nothing.
const EMPTY: u8 = 0;

/// What stands in the places beyond the last way.
const BEYOND: u8 = u8::MAX;

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = ONES << 7;

impl Print {
    /// The top bits of a product with 2^64 over the golden ratio (Knuth, vol. 3, 6.4), and one
    /// more: neither [`EMPTY`] nor [`BEYOND`].
    #[inline]
    pub(super) fn of(tag: Tag) -> Self {
        let hash = tag.bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57;
        Self(hash as u8 + 1)
    }
}

impl Prints {
    pub(super) const WAYS: usize = 16;

    /// Of so many empty ways, or sixteen if they are more.
    pub(super) fn empty(ways: usize) -> Self {
        let print = |way| if way < ways { EMPTY } else { BEYOND };
        Self(core::array::from_fn(print))
    }

    /// Whether a way has this print.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "all are compared at once")]
    pub(super) fn contain(&self, print: Print) -> bool {
        let own = self.0.iter();
        own.fold(false, |any, &own| any | (own == print.0))
    }

    /// The way that has the print and is the right one.
    #[inline]
    pub(super) fn find(&self, print: Print, is_right: impl Fn(usize) -> bool) -> Option<usize> {
        let print = u64::from(print.0) * ONES;
        let all = u128::from_le_bytes(self.0);
        #[expect(clippy::cast_possible_truncation, reason = "one half, then the other")]
        let halves = [all as u64, (all >> 64) as u64];
        for (first, half) in [0, 8].into_iter().zip(halves) {
            let differs = half ^ print;
            // The lowest mark is right; one above it may be a borrow's.
            let mut marks = differs.wrapping_sub(ONES) & !differs & TOPS;
            while marks != 0 {
                let way = first + marks.trailing_zeros() as usize / 8;
                if is_right(way) {
                    return Some(way);
                }
                marks &= marks - 1;
            }
        }
        None
    }

    /// Whether every way holds something.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "all are compared at once")]
    pub(super) fn are_full(&self) -> bool {
        self.0.iter().fold(true, |all, &own| all & (own != EMPTY))
    }

    /// The first way that holds nothing.
    pub(super) fn empty_way(&self, first: FirstEmpty) -> Option<usize> {
        let mut ways = self.0.iter();
        match first {
            FirstEmpty::Leftmost => ways.position(|&own| own == EMPTY),
            FirstEmpty::Rightmost => ways.rposition(|&own| own == EMPTY),
        }
    }

    /// The way holds something with this print now.
    #[inline]
    pub(super) fn fill(&mut self, way: usize, print: Print) {
        self.0[way] = print.0;
    }

    /// The way holds nothing now.
    #[inline]
    pub(super) fn clear(&mut self, way: usize) {
        self.0[way] = EMPTY;
    }

    /// Calls the function with each way that holds something; those for which it is false
    /// become empty.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for (way, own) in self.0.iter_mut().enumerate() {
            if *own != EMPTY && *own != BEYOND && !keep(way) {
                *own = EMPTY;
            }
        }
    }
}
