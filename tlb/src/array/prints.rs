use assoc::FirstEmpty;
use wide::u8x16;

use crate::tag::Tag;

/// What sixteen ways hold, a byte each: so that a look-up reads little, and then only entries
/// that are very likely the right ones.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(super) struct Prints([u8; Self::WAYS]);

/// Seven bits that depend on a whole tag, sixteen times over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Print(u8x16);

/// The print of a way that holds nothing.
const EMPTY: u8 = 0;

/// What stands in the places beyond the last way.
const BEYOND: u8 = u8::MAX;

impl Print {
    /// The top bits of a product with 2^64 over the golden ratio (Knuth, vol. 3, 6.4), and one
    /// more: neither [`EMPTY`] nor [`BEYOND`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it need not go through memory")]
    pub(super) fn of(tag: Tag) -> Self {
        let hash = tag.bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57;
        Self(u8x16::splat(hash as u8 + 1))
    }
}

/// A bit for each way that has a print.
#[derive(Clone, Copy, Debug)]
pub(super) struct Having(u32);

impl Having {
    /// Every way may have it.
    pub(super) const UNKNOWN: Self = Self(u32::MAX);

    #[inline]
    pub(super) fn any(self) -> bool {
        self.0 != 0
    }

    /// The first of them that is the right one.
    #[inline]
    pub(super) fn find(self, is_right: impl Fn(usize) -> bool) -> Option<usize> {
        let mut ways = self.0;
        while ways != 0 {
            let way = ways.trailing_zeros() as usize;
            if is_right(way) {
                return Some(way);
            }
            ways &= ways - 1;
        }
        None
    }
}

impl Prints {
    pub(super) const WAYS: usize = 16;

    /// Of so many empty ways, or sixteen if they are more.
    pub(super) fn empty(ways: usize) -> Self {
        let print = |way| if way < ways { EMPTY } else { BEYOND };
        Self(core::array::from_fn(print))
    }

    /// The ways that have this print.
    #[inline]
    pub(super) fn having(&self, print: Print) -> Having {
        Having(u8x16::new(self.0).simd_eq(print.0).to_bitmask())
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
        let [print, ..] = print.0.to_array();
        self.0[way] = print;
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
