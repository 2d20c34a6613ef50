use std::fmt;

use super::{
    GoldenError, MAGICS, Malformed, Op, SequenceMismatch, Vector, VectorMismatch,
    lines::Lines,
    sequences::Sequences,
    transcript::{self, Between, Header, TranscriptMismatch},
    vectors::Vectors,
};
use crate::{
    conform::{Mode, Verdict},
    input::{Input, Progress},
};

/// Between so many lines, whoever watches is asked whether to go on.
const LINES_AT_ONCE: u64 = 4096;

/// A golden file, of any kind.
#[derive(Debug)]
pub struct GoldenFile {
    lines: Lines,
    kind: Kind,
    between: Between,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Vectors(Mode),
    Sequences,
    Transcript(Header),
}

/// A line that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoldenMismatch {
    /// Of a file of vectors.
    Vector(VectorMismatch),
    /// Of a file of sequences.
    Sequence(SequenceMismatch),
    /// Of a transcript.
    Transcript(TranscriptMismatch),
}

impl fmt::Display for GoldenMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vector(mismatch) => mismatch.fmt(f),
            Self::Sequence(mismatch) => mismatch.fmt(f),
            Self::Transcript(mismatch) => mismatch.fmt(f),
        }
    }
}

impl Kind {
    fn of_header(header: &[u8]) -> Result<Self, Malformed> {
        if header.starts_with(MAGICS[1]) {
            return Header::parse(header).map(Self::Transcript);
        }
        Self::of_mmu(header).ok_or(Malformed::Header)
    }

    fn of_mmu(header: &[u8]) -> Option<Self> {
        if let Some(mode) = header.strip_prefix(b"# golden MMU vectors v1 mode=") {
            let name = mode.split(|&byte| byte == b' ').next()?;
            return Some(Self::Vectors(Mode::of_header(name)?));
        }
        match header.strip_prefix(b"# golden MMU TLB sequences v1")? {
            [] | [b' ', ..] => Some(Self::Sequences),
            _ => None,
        }
    }
}

impl GoldenFile {
    /// Reads the header of a golden file.
    ///
    /// # Errors
    /// [`GoldenError`] if it cannot be read, or is not one.
    pub fn new(input: Input) -> Result<Self, GoldenError> {
        let lines = Lines::new(input)?;
        match Kind::of_header(lines.header()) {
            Ok(kind) => Ok(Self {
                lines,
                kind,
                between: Between::Nothing,
            }),
            Err(reason) => Err(lines.error(reason)),
        }
    }

    /// Lets this be done before each call, if it is a transcript.
    #[must_use]
    pub fn between_calls(self, between: Between) -> Self {
        Self { between, ..self }
    }

    /// A watch on how much of the file has been read.
    pub fn progress(&self) -> Progress {
        self.lines.progress()
    }

    /// Puts every line to the MMUs of this project, or to its memory manager. `goes_on` is asked now and then, with the
    /// number of lines so far.
    ///
    /// # Errors
    /// [`GoldenError`] if the file cannot be read to its end; None if it was not to go on.
    pub fn check(
        self,
        goes_on: impl FnMut(u64) -> bool,
    ) -> Result<Option<Verdict<GoldenMismatch>>, GoldenError> {
        match self.kind {
            Kind::Vectors(mode) => check_vectors(self.lines, mode, goes_on),
            Kind::Sequences => check_sequences(self.lines, goes_on),
            Kind::Transcript(header) => {
                transcript::check(self.lines, (&header, self.between), goes_on)
            }
        }
    }
}

fn check_vectors(
    mut lines: Lines,
    mode: Mode,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Option<Verdict<GoldenMismatch>>, GoldenError> {
    let mut vectors = Vectors::new(mode)?;
    let mut verdict = Verdict::default();
    while let Some(vector) = lines.next(|line| Vector::parse(mode, line))? {
        let line = lines.number();
        verdict.record(vectors.check(&vector).map_err(|disagreement| {
            GoldenMismatch::Vector(VectorMismatch::new(line, &vector, disagreement))
        }));
        if line.is_multiple_of(LINES_AT_ONCE) && !goes_on(line) {
            return Ok(None);
        }
    }
    Ok(Some(verdict))
}

fn check_sequences(
    mut lines: Lines,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Option<Verdict<GoldenMismatch>>, GoldenError> {
    let mut sequences = Sequences::new()?;
    let mut verdict = Verdict::default();
    while let Some(op) = lines.next(Op::parse)? {
        let line = lines.number();
        let stepped = sequences.step(&op, line)?;
        let stepped = stepped.ok_or_else(|| lines.error(Malformed::OutsideSequence))?;
        for (machine, compared) in stepped {
            let Some(compared) = compared else { continue };
            verdict.record(compared.map_err(|(wanted, got)| {
                GoldenMismatch::Sequence(SequenceMismatch {
                    line,
                    sequence: sequences.number(),
                    machine,
                    wanted,
                    got,
                })
            }));
        }
        if line.is_multiple_of(LINES_AT_ONCE) && !goes_on(line) {
            return Ok(None);
        }
    }
    Ok(Some(verdict))
}
