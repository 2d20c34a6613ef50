//! A run in some twenty parts of equally many records, however long it becomes.

use mmu_core::Breakdown;

use super::Counts;

/// How many marks there are at most; then every other one goes.
const MOST: usize = 32;

/// How many records the first parts have.
const FIRST: u64 = 256;

/// What a run came to by the ends of its parts.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Timeline {
    records: u64,
    /// How many records are between marks.
    step: u64,
    marks: Vec<Mark>,
}

type Mark = (Counts, Breakdown);

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Interval {
    pub(in crate::sim) records: u64,
    pub(in crate::sim) counts: Counts,
    /// What all processors spent.
    pub(in crate::sim) spent: Breakdown,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            records: 0,
            step: FIRST,
            marks: Vec::with_capacity(MOST),
        }
    }
}

impl Timeline {
    /// Counts a record; whether a part of the run ends with it.
    #[inline]
    pub(super) fn record_done(&mut self) -> bool {
        self.records += 1;
        self.records.is_multiple_of(self.step)
    }

    /// Ends a part of the run.
    pub(super) fn mark(&mut self, now: Mark) {
        self.marks.push(now);
        if self.marks.len() == MOST {
            let mut place = 0;
            self.marks.retain(|_| {
                place += 1;
                place % 2 == 0
            });
            self.step *= 2;
        }
    }

    /// The parts, the last of which may be shorter.
    pub(super) fn intervals(&self, now: Mark) -> Vec<Interval> {
        let marked = self.marks.len() as u64 * self.step;
        let rest = self.records - marked;
        let mut ends: Vec<_> = self.marks.iter().map(|&mark| (self.step, mark)).collect();
        match ends.last_mut() {
            // What came after the last record is of its part.
            Some((_, last)) if rest == 0 => *last = now,
            _ if rest > 0 => ends.push((rest, now)),
            _ => {}
        }
        let mut before = Mark::default();
        let parts = ends.into_iter().map(|(records, (counts, spent))| {
            let (old, old_spent) = std::mem::replace(&mut before, (counts, spent));
            Interval {
                records,
                counts: counts - old,
                spent: spent - old_spent,
            }
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(records: u64) -> Vec<Interval> {
        let mut timeline = Timeline::default();
        let at = |soft| {
            let counts = Counts {
                soft,
                ..Counts::default()
            };
            (counts, Breakdown::default())
        };
        for record in 1..=records {
            if timeline.record_done() {
                timeline.mark(at(record));
            }
        }
        timeline.intervals(at(records))
    }

    #[test]
    fn parts_are_alike_but_for_the_last_and_some_twenty_however_long_the_run() {
        for records in [1, FIRST, FIRST + 1, 31 * FIRST, 32 * FIRST, 1_000_003] {
            let parts = after(records);
            let (last, others) = parts.split_last().unwrap();
            assert!(others.iter().all(|part| part.records == others[0].records));
            assert!(others.is_empty() || last.records <= others[0].records);
            assert!(parts.len() <= MOST);
            assert!(records < 16 * FIRST || parts.len() >= MOST / 2, "{records}");
            // One was counted for each record.
            assert!(parts.iter().all(|part| part.counts.soft == part.records));
            assert_eq!(parts.iter().map(|part| part.records).sum::<u64>(), records);
        }
        assert!(after(0).is_empty());
    }
}
