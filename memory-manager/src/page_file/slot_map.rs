//! Which slots of a page file are in use.

use std::ops::Range;

use bitvec::{order::Lsb0, vec::BitVec};

/// How many gaps are looked at before the widest of them is taken: no allocation takes longer,
/// however the file is fragmented.
const GAPS: usize = 64;

/// A bit for each slot, the next one to look at, and counts. Slots are counted from 0 here.
#[derive(Clone, Debug)]
pub(super) struct SlotMap {
    used: BitVec<u64, Lsb0>,
    hint: usize,
    in_use: usize,
    peak: usize,
}

impl SlotMap {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            used: BitVec::repeat(false, slots),
            hint: 0,
            in_use: 0,
            peak: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    pub(super) fn free(&self) -> usize {
        self.len() - self.in_use
    }

    /// The first slot of some that is not in use, be it because there is none.
    pub(super) fn first_unused(&self, slots: Range<usize>) -> Option<usize> {
        let known = slots.start.min(self.len())..slots.end.min(self.len());
        match self.used[known.clone()].first_zero() {
            Some(gap) => Some(known.start + gap),
            None => Some(known.end).filter(|&end| end < slots.end),
        }
    }

    /// Takes slots that follow each other: as many as `most`, or fewer where those are hard to
    /// find.
    pub(super) fn take(&mut self, most: usize) -> Option<Range<usize>> {
        let run = self.find(most)?;
        self.used[run.clone()].fill(true);
        self.in_use += run.len();
        self.peak = self.peak.max(self.in_use);
        self.hint = run.end;
        Some(run)
    }

    fn find(&self, most: usize) -> Option<Range<usize>> {
        let mut widest = 0..0;
        let mut gaps = 0;
        let from_hint = self.hint.min(self.len());
        for (start, end) in [(from_hint, self.len()), (0, from_hint)] {
            let mut next = start;
            while let Some(used) = self.used[next..end].first_zero() {
                let first = next + used;
                let length = self.used[first..end.min(first + most)].leading_zeros();
                if length > widest.len() {
                    widest = first..first + length;
                }
                gaps += 1;
                if length == most || gaps == GAPS {
                    return Some(widest);
                }
                next = first + length;
            }
        }
        Some(widest).filter(|run| !run.is_empty())
    }

    /// Gives slots back, all of which are in use.
    pub(super) fn give_back(&mut self, slots: Range<usize>) {
        self.in_use -= slots.len();
        self.used[slots].fill(false);
    }

    pub(super) fn grow(&mut self, slots: usize) {
        self.used.resize(slots.max(self.len()), false);
    }

    /// How few slots it could do with.
    pub(super) fn least(&self) -> usize {
        self.used.last_one().map_or(0, |last| last + 1)
    }

    /// Cuts off what is not in use, down to so many slots.
    pub(super) fn shrink(&mut self, slots: usize) {
        self.used.truncate(slots.max(self.least()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_taken_one_after_the_other_and_around_the_end() {
        let mut map = SlotMap::new(10);
        assert_eq!(map.take(4), Some(0..4));
        assert_eq!(map.take(4), Some(4..8));
        map.give_back(0..3);
        assert_eq!(map.take(2), Some(8..10));
        assert_eq!(map.take(2), Some(0..2));
        assert_eq!((map.in_use(), map.free(), map.peak()), (9, 1, 9));
    }

    #[test]
    fn where_no_run_is_long_enough_the_widest_gap_is_taken() {
        let mut map = SlotMap::new(16);
        assert_eq!(map.take(16), Some(0..16));
        for gap in [1..2, 4..7, 9..11] {
            map.give_back(gap);
        }
        assert_eq!(map.take(8), Some(4..7));
        assert_eq!(map.take(8), Some(9..11));
        assert_eq!(map.take(8), Some(1..2));
        assert_eq!(map.take(8), None);
        assert_eq!(map.peak(), 16);
    }

    #[test]
    fn a_search_ends_after_so_many_gaps() {
        let mut map = SlotMap::new(4 * GAPS);
        map.take(4 * GAPS);
        for gap in 0..GAPS {
            map.give_back(2 * gap..2 * gap + 1);
        }
        map.give_back(2 * GAPS..2 * GAPS + 4);
        assert_eq!(map.take(4), Some(0..1));
    }

    #[test]
    fn slots_that_are_not_there_are_not_in_use() {
        let mut map = SlotMap::new(4);
        map.take(3);
        assert_eq!(map.first_unused(0..3), None);
        assert_eq!(map.first_unused(2..4), Some(3));
        map.take(1);
        assert_eq!(map.first_unused(2..9), Some(4));
        assert!(map.first_unused(7..9).is_some());
    }

    #[test]
    fn what_is_in_use_is_not_cut_off() {
        let mut map = SlotMap::new(100);
        map.take(50);
        map.give_back(0..40);
        map.shrink(20);
        assert_eq!(map.len(), 50);
        map.give_back(40..50);
        map.shrink(20);
        assert_eq!(map.len(), 20);
        assert_eq!(map.take(1), Some(0..1));
        map.grow(30);
        assert_eq!(map.free(), 29);
    }
}
