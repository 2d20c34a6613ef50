//! Up to sixteen things in an order, as the hexadecimal digits of a word: the first of them
//! is the lowest digit.

/// How many things a word can order.
pub(super) const MOST: usize = 16;

/// Every thing at the place of its own number.
pub(super) const IN_ORDER: u64 = 0xfedc_ba98_7654_3210;

const ONES: u64 = 0x1111_1111_1111_1111;
const TOPS: u64 = 0x8888_8888_8888_8888;

/// The order with the thing first and the rest as they were.
#[inline]
pub(super) fn to_front(order: u64, thing: u64) -> u64 {
    let differs = order ^ (thing * ONES);
    // The lowest digit marked is a zero; those above it may be marked by a borrow.
    let zeros = differs.wrapping_sub(ONES) & !differs & TOPS;
    let place = zeros.trailing_zeros() & !3;
    let before = order & ((1 << place) - 1);
    let after = order & !0xf << place;
    after | before << 4 | thing
}

/// The thing at this place.
#[inline]
pub(super) fn at(order: u64, place: usize) -> usize {
    (order >> (4 * place) & 0xf) as usize
}
