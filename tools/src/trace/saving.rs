use std::{io, path::PathBuf};

use super::{CompactWriter, Counts, Record, TraceError, TraceReader};
use crate::{
    input::Progress,
    output::{OutputError, WholeFile},
};

/// Writes what is read from another reader into a compact trace as well.
#[derive(Debug)]
pub struct SavingReader<R> {
    reader: R,
    writer: CompactWriter<WholeFile>,
    path: PathBuf,
}

impl<R: TraceReader> SavingReader<R> {
    /// Saves what is read into this file, which appears when the trace is committed.
    ///
    /// # Errors
    /// [`OutputError`] if it cannot be written.
    pub fn new(reader: R, file: WholeFile) -> Result<Self, OutputError> {
        let path = file.path().to_owned();
        let writer = CompactWriter::new(file);
        let writer = writer.map_err(|cause| OutputError::new(&path, cause))?;
        Ok(Self {
            reader,
            writer,
            path,
        })
    }

    /// Lets the file appear, with the records read so far.
    ///
    /// # Errors
    /// [`OutputError`] if it cannot be written; then there is none.
    pub fn commit(self) -> Result<(), OutputError> {
        let finished = self.writer.finish();
        let file = finished.map_err(|cause| OutputError::new(&self.path, cause))?;
        file.commit()
    }

    fn not_saved(&self, cause: io::Error) -> TraceError {
        TraceError::NotSaved(OutputError::new(&self.path, cause))
    }
}

impl<R: TraceReader> TraceReader for SavingReader<R> {
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
        let count = self.reader.next_batch(batch)?;
        let written = self.writer.write(batch);
        written.map_err(|cause| self.not_saved(cause))?;
        Ok(count)
    }

    fn counts(&self) -> Counts {
        self.reader.counts()
    }

    fn progress(&self) -> Progress {
        self.reader.progress()
    }
}
