use super::Replace;

/// The ways of each set in some order.
pub(crate) trait Order {
    /// The word holds the order of this set's ways, if the order is kept there.
    fn move_to_front(&mut self, set: usize, words: &mut [u64], way: usize);

    /// Moves the last way to the front, and says which it was.
    fn move_last_to_front(&mut self, set: usize, words: &mut [u64]) -> usize;
}

/// Moves what is used to the front.
#[derive(Clone, Debug)]
pub(crate) struct TrueLru<O>(pub(super) O);

/// Moves only what is new to the front.
#[derive(Clone, Debug)]
pub(crate) struct Fifo<O>(pub(super) O);

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl<O: Order> Replace for TrueLru<O> {
    #[inline(always)]
    fn hit(&mut self, set: usize, words: &mut [u64], way: usize) {
        self.0.move_to_front(set, words, way);
    }

    #[inline(always)]
    fn insert(&mut self, set: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        insert(&mut self.0, set, words, empty)
    }
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
impl<O: Order> Replace for Fifo<O> {
    #[inline(always)]
    fn hit(&mut self, _: usize, _: &mut [u64], _: usize) {}

    #[inline(always)]
    fn insert(&mut self, set: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        insert(&mut self.0, set, words, empty)
    }
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "for a narrow set it is a few instructions"
)]
fn insert<O: Order>(order: &mut O, set: usize, words: &mut [u64], empty: Option<usize>) -> usize {
    if let Some(way) = empty {
        order.move_to_front(set, words, way);
        return way;
    }
    order.move_last_to_front(set, words)
}
