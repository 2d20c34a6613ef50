use super::recency::Order;

/// Up to sixteen ways in an order, as the hexadecimal digits of a word: the first of them is the
/// lowest digit.
#[derive(Clone, Debug)]
pub(crate) struct PackedOrder {
    /// The digits but the last way's.
    all_but_last: u64,
    /// Where the last one stands.
    last: u32,
}

/// How many ways a word can order.
pub(super) const MOST: usize = 16;

/// Every way at the place of its own number.
pub(super) const IN_ORDER: u64 = 0xfedc_ba98_7654_3210;

const ONES: u64 = 0x1111_1111_1111_1111;
const TOPS: u64 = 0x8888_8888_8888_8888;

impl PackedOrder {
    /// Of at most [`MOST`] ways.
    pub(super) fn new(ways: u32) -> Self {
        let last = 4 * (ways - 1);
        Self {
            all_but_last: (1 << last) - 1,
            last,
        }
    }
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl Order for PackedOrder {
    #[inline(always)]
    fn move_to_front(&mut self, _: usize, words: &mut [u64], way: usize) {
        let order = words[0];
        let differs = order ^ (way as u64 * ONES);
        // The lowest digit marked is a zero; those above it may be marked by a borrow.
        let zeros = differs.wrapping_sub(ONES) & !differs & TOPS;
        let place = zeros.trailing_zeros() & !3;
        let before = order & ((1 << place) - 1);
        let after = order & !0xf << place;
        words[0] = after | before << 4 | way as u64;
    }

    #[inline(always)]
    fn move_last_to_front(&mut self, _: usize, words: &mut [u64]) -> usize {
        let order = words[0];
        let way = order >> self.last & 0xf;
        let before = order & self.all_but_last;
        let after = order & !0xf << self.last;
        words[0] = after | before << 4 | way;
        way as usize
    }
}
