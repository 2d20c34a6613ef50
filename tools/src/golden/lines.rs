use std::io::{BufRead, BufReader, Read};

use super::{GoldenError, Malformed};
use crate::{
    input::{Input, InputError, Progress, Source},
    trace::Excerpt,
};

/// No record is nearly so long; without a bound a file without line ends would be read into
/// memory whole.
pub(super) const LINE_BYTES_MAX: usize = 1 << 15;

/// The lines of a golden file that are not comments, with their numbers.
#[derive(Debug)]
pub(super) struct Lines {
    input: BufReader<Input>,
    source: Source,
    progress: Progress,
    line: Vec<u8>,
    number: u64,
    header: Vec<u8>,
}

impl Lines {
    /// Reads the header, the first line.
    pub(super) fn new(input: Input) -> Result<Self, GoldenError> {
        let mut lines = Self {
            source: input.source().clone(),
            progress: input.progress(),
            input: BufReader::new(input),
            line: Vec::new(),
            number: 0,
            header: Vec::new(),
        };
        lines.read()?;
        lines.header.clone_from(&lines.line);
        Ok(lines)
    }

    /// What the first line says.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// A watch on how much of the file has been read.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The number of the line that was read last; the first is 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is no comment, parsed; None is the end.
    pub(super) fn next<T>(
        &mut self,
        parse: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Option<T>, GoldenError> {
        while self.read()? {
            if !self.line.starts_with(b"#") {
                let parsed = parse(&self.line).map_err(|reason| self.error(reason))?;
                return Ok(Some(parsed));
            }
            if self.is_header() && self.line != self.header {
                return Err(self.error(Malformed::SecondHeader));
            }
        }
        Ok(None)
    }

    /// The next line, a comment or not, parsed; None is the end.
    pub(super) fn next_of_all<T>(
        &mut self,
        parse: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Option<T>, GoldenError> {
        if !self.read()? {
            return Ok(None);
        }
        if self.is_header() {
            return Err(self.error(Malformed::SecondHeader));
        }
        let parsed = parse(&self.line).map_err(|reason| self.error(reason))?;
        Ok(Some(parsed))
    }

    /// Nothing may follow.
    pub(super) fn ended(&mut self) -> Result<(), GoldenError> {
        if self.read()? {
            return Err(self.error(Malformed::AfterEnd));
        }
        Ok(())
    }

    /// What the line says that was read last.
    pub(super) fn text(&self) -> &[u8] {
        &self.line
    }

    fn is_header(&self) -> bool {
        let mut magics = super::MAGICS.into_iter();
        magics.any(|magic| self.line.starts_with(magic))
    }

    /// What is wrong with the line that was read last.
    pub(super) fn error(&self, reason: Malformed) -> GoldenError {
        GoldenError::Line {
            source_name: self.source.clone(),
            line: self.number,
            reason,
            text: Excerpt::new(&self.line),
        }
    }

    /// Reads a line, without its end; `false` is the end of the file.
    fn read(&mut self) -> Result<bool, GoldenError> {
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| match error.downcast() {
            Ok(error) => error,
            Err(cause) => InputError::Read {
                source_name: self.source.clone(),
                offset: 0,
                cause,
            },
        })?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(true);
        }
        Err(self.error(if read > LINE_BYTES_MAX {
            Malformed::Long
        } else {
            Malformed::Unended
        }))
    }
}
