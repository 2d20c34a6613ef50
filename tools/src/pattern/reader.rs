use super::{BASE, Pattern, Seed, places::Places, spec::LOAD_BYTES};
use crate::{
    input::{Progress, Source},
    trace::{BATCH_RECORDS, Counts, Record, RecordKind, TraceError, TraceReader},
};

/// Makes the loads of an access pattern, and gives them as the records of a trace.
#[derive(Debug)]
pub struct PatternReader {
    source: Source,
    places: Places,
    stride: u64,
    left: u64,
    records: u64,
    progress: Progress,
}

impl PatternReader {
    /// So many loads of a pattern; without any the trace is empty, which is no error.
    pub fn new(pattern: &Pattern, accesses: u64, seed: Seed) -> Self {
        Self {
            source: Source::Generated {
                pattern: pattern.to_string(),
                accesses,
                seed: seed.0,
            },
            places: Places::new(pattern, seed),
            stride: pattern.stride(),
            left: accesses,
            records: 0,
            progress: Progress::new(Some(accesses)),
        }
    }

    /// The pattern and the seed, as the source of the trace.
    pub fn source(&self) -> &Source {
        &self.source
    }
}

impl TraceReader for PatternReader {
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
        batch.clear();
        let count =
            usize::try_from(self.left).map_or(BATCH_RECORDS, |left| left.min(BATCH_RECORDS));
        batch.reserve(BATCH_RECORDS);
        let stride = self.stride;
        self.places.take(count, |place| {
            batch.push(Record {
                address: BASE.wrapping_add(place * stride),
                size: LOAD_BYTES,
                kind: RecordKind::Load,
            });
        });
        self.left -= count as u64;
        self.records += count as u64;
        self.progress.advance(count as u64);
        Ok(count)
    }

    fn counts(&self) -> Counts {
        Counts {
            lines: 0,
            records: self.records,
        }
    }

    fn progress(&self) -> Progress {
        self.progress.clone()
    }
}
