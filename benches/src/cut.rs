use lookaside::{
    input::Progress,
    trace::{Counts, Record, TraceError, TraceReader},
};

/// The first records of a trace.
#[derive(Debug)]
pub struct Cut<R> {
    reader: R,
    left: u64,
}

impl<R: TraceReader> Cut<R> {
    /// So many records, or as many as there are.
    pub fn new(reader: R, records: u64) -> Self {
        Self {
            reader,
            left: records,
        }
    }
}

impl<R: TraceReader> TraceReader for Cut<R> {
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
        if self.left == 0 {
            batch.clear();
            return Ok(0);
        }
        self.reader.next_batch(batch)?;
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        batch.truncate(left);
        self.left -= batch.len() as u64;
        Ok(batch.len())
    }

    fn counts(&self) -> Counts {
        self.reader.counts()
    }

    fn progress(&self) -> Progress {
        self.reader.progress()
    }
}
