use alloc::{boxed::Box, vec};

use crate::{HierarchyConfig, line::Line};

/// Which processors may have a line: how many copies each has of the lines that share a
/// bucket. So a snoop looks at a few neighbouring bytes, and only into the caches of those
/// that may answer. It is an index, and no part of the model.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    /// A count for each processor, bucket after bucket; none at all if every processor has to
    /// be asked.
    copies: Box<[u8]>,
    processors: usize,
    buckets: u64,
}

impl Presence {
    /// A full count is never lowered again: how many copies there are beyond it is not known.
    const FULL: u8 = u8::MAX;

    pub(crate) fn new(config: &HierarchyConfig) -> Self {
        let processors = config.processors as usize;
        let lines = [&config.l1i, &config.l1d, &config.l2].map(|level| level.geometry.entries());
        // Few enough to a bucket that most processors without the line are passed over.
        let buckets = match config.processors {
            1 => 0,
            _ => 2 * lines.iter().sum::<usize>().next_power_of_two(),
        };
        Self {
            copies: vec![0; buckets * processors].into_boxed_slice(),
            processors,
            buckets: buckets as u64,
        }
    }

    /// Whether the processor may have the line.
    #[inline]
    pub(crate) fn may_have(&self, processor: usize, line: Line) -> bool {
        let copies = self.copies.get(self.place(processor, line));
        copies.is_none_or(|&copies| copies != 0)
    }

    /// A cache of the processor took the line.
    #[inline]
    pub(crate) fn came(&mut self, processor: usize, line: Line) {
        if self.copies.is_empty() {
            return;
        }
        let place = self.place(processor, line);
        if let Some(copies) = self.copies.get_mut(place) {
            *copies = copies.saturating_add(1);
        }
    }

    /// A cache of the processor lost the line.
    #[inline]
    pub(crate) fn went(&mut self, processor: usize, line: Line) {
        if self.copies.is_empty() {
            return;
        }
        let place = self.place(processor, line);
        if let Some(copies) = self.copies.get_mut(place)
            && *copies != Self::FULL
        {
            *copies = copies.saturating_sub(1);
        }
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is less than the buckets"
    )]
    fn place(&self, processor: usize, line: Line) -> usize {
        let bucket = line.number() & self.buckets.saturating_sub(1);
        bucket as usize * self.processors + processor
    }
}

#[cfg(test)]
mod tests {
    use units::PhysAddr;

    use super::*;
    use crate::LINE_BYTES;

    fn of(processors: usize, buckets: usize) -> Presence {
        Presence {
            copies: vec![0; processors * buckets].into_boxed_slice(),
            processors,
            buckets: buckets as u64,
        }
    }

    fn line(number: u64) -> Line {
        Line::holding(PhysAddr::new(number * LINE_BYTES))
    }

    #[test]
    fn who_took_a_line_may_have_it_until_it_loses_it() {
        let mut presence = of(3, 8);
        presence.came(1, line(5));
        presence.came(1, line(13));
        let may_have = |presence: &Presence| [0, 1, 2].map(|by| presence.may_have(by, line(5)));
        assert_eq!(may_have(&presence), [false, true, false]);
        presence.went(1, line(5));
        // The other line has the same bucket.
        assert_eq!(may_have(&presence), [false, true, false]);
        presence.went(1, line(13));
        assert_eq!(may_have(&presence), [false; 3]);
    }

    #[test]
    fn a_full_count_stays_full() {
        let mut presence = of(1, 1);
        for number in 0..300 {
            presence.came(0, line(number));
        }
        for number in 0..299 {
            presence.went(0, line(number));
        }
        assert!(presence.may_have(0, line(299)));
    }

    #[test]
    fn without_counts_everyone_may_have_it() {
        let mut presence = of(1, 0);
        presence.came(0, line(1));
        presence.went(0, line(1));
        assert!(presence.may_have(0, line(1)));
    }
}
