use assoc::GeometryError;
use memory_manager::{MachineError, Status};
use mmu_core::{FeaturesError, GeneralProtection, TimedConfigError};

use crate::{
    input::{InputError, Source},
    trace::Excerpt,
};

/// A golden file cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// The file itself cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A line is none of the format's.
    #[error("{source_name}, line {line}: {reason}: `{text}`")]
    Line {
        /// The file.
        source_name: Source,
        /// Which line, the first being 1.
        line: u64,
        /// What is wrong with it.
        reason: Malformed,
        /// What it says.
        text: Excerpt,
    },
    /// The processor of the files cannot be built.
    #[error("the processor to check cannot be built: {0}")]
    Features(#[from] FeaturesError),
    /// The registers of the files are refused.
    #[error("the processor to check cannot be built: {0}")]
    Registers(#[from] GeneralProtection),
    /// The shape of the processor with modelled TLBs is none.
    #[error("the processor to check cannot be built: {0}")]
    Shape(#[from] GeometryError),
    /// The processor with modelled TLBs cannot be built.
    #[error("the processor to check cannot be built: {0}")]
    Timed(#[from] TimedConfigError),
    /// The machine that a transcript is replayed on cannot be built.
    #[error("the machine to check cannot be built: {0}")]
    Machine(#[from] MachineError),
    /// The memory around the arena of a transcript cannot be reserved.
    #[error("the machine to check has no place for the transcript's arena: {0}")]
    Fence(Status),
    /// Pages cannot be taken out of memory between the calls of a transcript.
    #[error("the machine to check cannot page out: {0}")]
    PageOut(String),
    /// A file that a transcript is about cannot be made or used.
    #[error("a temporary file for the transcript: {0}")]
    File(#[source] std::io::Error),
}

/// What is wrong with a line of a golden file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The first line does not say what the file is.
    #[error(
        "expected `# golden MMU vectors v1 mode=MODE`, MODE being 64bit-4level, 64bit-5level, \
         pae32 or legacy32, `# golden MMU TLB sequences v1`, or `# vmgold 1 seed=...`"
    )]
    Header,
    /// A second header, of another kind of file.
    #[error("a second header that differs from the first; give the files one by one")]
    SecondHeader,
    /// The line has no end in sight.
    #[error("the line is longer than {} bytes", super::lines::LINE_BYTES_MAX)]
    Long,
    /// The file ends before the line does.
    #[error("truncated: the file ends within this line")]
    Unended,
    /// Too many fields, or too few.
    #[error("{found} fields where {expected} are expected")]
    FieldCount {
        /// How many there are.
        found: usize,
        /// How many there may be.
        expected: &'static str,
    },
    /// A field says something without meaning.
    #[error("{field}: expected {expected}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it may say.
        expected: &'static str,
    },
    /// A number is too large for what it stands for.
    #[error("{field}: the number has more than {bits} bits")]
    TooLarge {
        /// Which field.
        field: &'static str,
        /// How many bits it may have.
        bits: u32,
    },
    /// Something else is expected at a place in the line.
    #[error("column {column}: expected {expected}")]
    Column {
        /// Which byte of the line, the first being 1.
        column: usize,
        /// What may stand there.
        expected: &'static str,
    },
    /// The numbers of a transcript's lines do not rise.
    #[error("expected a number greater than that of the line before")]
    Unordered,
    /// A transcript's last line counts fewer than there were.
    #[error("expected `# end` to count no fewer than there were")]
    TooFewCounted,
    /// Something follows a transcript's last line.
    #[error("expected nothing after `# end`")]
    AfterEnd,
    /// A transcript's last line is missing.
    #[error("truncated: the file ends here, before `# end ops=COUNT`")]
    Endless,
    /// An operation before there are registers to do it with.
    #[error("expected a sequence to begin with `R` before anything else is done")]
    OutsideSequence,
}
