//! The text that `valgrind --tool=lackey --trace-mem=yes` prints.

mod hex;
mod line;
#[cfg(test)]
mod tests;

pub use line::Malformed;
pub(super) use line::{looks_like_a_record, says_nothing};

use line::{QUICK_BYTES, careful, quick};

use super::{BATCH_RECORDS, Counts, Excerpt, Record, TraceError, TraceReader};
use crate::input::{Input, InputError, Progress};

const BUFFER_BYTES: usize = 256 << 10;

/// No record is nearly so long; without a bound a file without line ends would be read into
/// memory whole.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Reads a lackey trace.
#[derive(Debug)]
pub struct LackeyReader {
    input: Input,
    buffer: Box<[u8]>,
    /// The part of the buffer that was read but not yet parsed.
    start: usize,
    end: usize,
    counts: Counts,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// In a message longer than the buffer, whose rest is thrown away as it comes.
    SkippingLine,
    /// Nothing more will come into the buffer.
    InputEnded,
    /// The end, or an error, was reported.
    Done,
}

/// What stands at the beginning of the buffer.
enum Next<'a> {
    /// A line, without its end, and its length with it.
    Line(&'a [u8], usize),
    /// Less than a line.
    Part(&'a [u8]),
}

impl LackeyReader {
    /// Reads an input as a lackey trace.
    pub fn new(input: Input) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            counts: Counts::default(),
            state: State::Reading,
        }
    }

    /// Parses what is in the buffer, until the batch is full or something comes up that
    /// is not the line valgrind usually prints.
    fn parse_quickly(&mut self, batch: &mut Vec<Record>) {
        let room = BATCH_RECORDS - batch.len();
        let mut rest = &self.buffer[self.start..self.end];
        let parsed = std::iter::from_fn(|| {
            let (record, length) = quick(rest.first_chunk::<QUICK_BYTES>()?)?;
            rest = &rest[length..];
            Some(record)
        });
        batch.extend(parsed.take(room));
        self.start = self.end - rest.len();
    }

    fn next(&self) -> Next<'_> {
        let rest = &self.buffer[self.start..self.end];
        match memchr::memchr(b'\n', rest) {
            Some(length) => {
                let line = &rest[..length];
                Next::Line(line.strip_suffix(b"\r").unwrap_or(line), length + 1)
            }
            None if self.state == State::InputEnded && !rest.is_empty() => {
                Next::Line(rest.strip_suffix(b"\r").unwrap_or(rest), rest.len())
            }
            None => Next::Part(rest),
        }
    }

    /// Parses one line of any kind; `false` if there is none yet.
    fn parse_line(&mut self, batch: &mut Vec<Record>) -> Result<bool, TraceError> {
        let (line, length) = match self.next() {
            Next::Line(line, length) if line.len() <= LINE_BYTES_MAX || says_nothing(line) => {
                (line, length)
            }
            Next::Line(line, _) => return Err(self.malformed(Malformed::Long, line)),
            Next::Part(part) if part.len() <= LINE_BYTES_MAX => return Ok(false),
            Next::Part(part) if part.starts_with(b"==") => {
                self.start = self.end;
                self.state = State::SkippingLine;
                return Ok(false);
            }
            Next::Part(part) => return Err(self.malformed(Malformed::Long, part)),
        };
        if !says_nothing(line) {
            let parsed = careful(line);
            batch.push(parsed.map_err(|reason| self.malformed(reason, line))?);
        }
        self.start += length;
        self.counts.lines += 1;
        Ok(true)
    }

    /// Reads on behind what is left in the buffer.
    fn refill(&mut self) -> Result<(), InputError> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        match self.input.read_some(&mut self.buffer[self.end..])? {
            0 => self.state = State::InputEnded,
            count => self.end += count,
        }
        if self.state == State::SkippingLine {
            match memchr::memchr(b'\n', &self.buffer[..self.end]) {
                Some(length) => {
                    self.start = length + 1;
                    self.state = State::Reading;
                    self.counts.lines += 1;
                }
                None => self.end = 0,
            }
        }
        Ok(())
    }

    fn fill_batch(&mut self, batch: &mut Vec<Record>) -> Result<(), TraceError> {
        while batch.len() < BATCH_RECORDS {
            let before = batch.len();
            self.parse_quickly(batch);
            self.counts.lines += (batch.len() - before) as u64;
            if batch.len() == BATCH_RECORDS {
                break;
            }
            match self.parse_line(batch) {
                Ok(true) => {}
                // What was parsed is returned before anything that may fail is tried.
                Ok(false) | Err(_) if !batch.is_empty() => break,
                Ok(false) if self.state == State::InputEnded => break,
                Ok(false) => self.refill()?,
                Err(error) => return Err(error),
            }
        }
        self.counts.records += batch.len() as u64;
        if self.counts.records == 0 {
            let source_name = self.input.source().clone();
            return Err(TraceError::Empty { source_name });
        }
        Ok(())
    }

    fn malformed(&self, reason: Malformed, line: &[u8]) -> TraceError {
        TraceError::Line {
            source_name: self.input.source().clone(),
            line: self.counts.lines + 1,
            reason,
            text: Excerpt::new(line),
        }
    }
}

impl TraceReader for LackeyReader {
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
        batch.clear();
        if self.state == State::Done {
            return Ok(0);
        }
        batch.reserve(BATCH_RECORDS);
        let filled = self.fill_batch(batch);
        if filled.is_err() || batch.is_empty() {
            self.state = State::Done;
        }
        filled.map(|()| batch.len())
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn progress(&self) -> Progress {
        self.input.progress()
    }
}
