use super::{Record, TraceError};
use crate::input::Progress;

/// How many records [`TraceReader::next_batch`] returns at most.
pub const BATCH_RECORDS: usize = 4096;

/// How far a reader has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The lines read, of any kind.
    pub lines: u64,
    /// The records read.
    pub records: u64,
}

/// A stream of the records of a trace, in the order of the program.
pub trait TraceReader: Send {
    /// Replaces what is in `batch` by the next records, at most [`BATCH_RECORDS`], and
    /// returns how many there are; none is the end. Give the same vector again, and nothing
    /// is allocated.
    ///
    /// # Errors
    /// [`TraceError`] if the trace is damaged; all records before the damage were returned
    /// by earlier calls. After an error there are no more records.
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError>;

    /// How far the reader has come.
    fn counts(&self) -> Counts;

    /// A watch on how much of the file has been read.
    fn progress(&self) -> Progress;
}

/// The records of a trace one by one, for where speed does not matter.
#[derive(Debug)]
pub struct Records<R> {
    reader: R,
    batch: Vec<Record>,
    next: usize,
}

impl<R: TraceReader> Records<R> {
    /// The records that are left in a reader.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            batch: Vec::new(),
            next: 0,
        }
    }
}

impl<R: TraceReader> Iterator for Records<R> {
    type Item = Result<Record, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.batch.len() {
            self.next = 0;
            if let Err(error) = self.reader.next_batch(&mut self.batch) {
                self.batch.clear();
                return Some(Err(error));
            }
        }
        let record = *self.batch.get(self.next)?;
        self.next += 1;
        Some(Ok(record))
    }
}

impl<R: TraceReader + ?Sized> TraceReader for Box<R> {
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
        (**self).next_batch(batch)
    }

    fn counts(&self) -> Counts {
        (**self).counts()
    }

    fn progress(&self) -> Progress {
        (**self).progress()
    }
}
