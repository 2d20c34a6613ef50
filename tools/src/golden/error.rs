use assoc::GeometryError;
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
}

/// What is wrong with a line of a golden file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The first line does not say what the file is.
    #[error(
        "expected `# golden MMU vectors v1 mode=MODE`, MODE being 64bit-4level, 64bit-5level, \
         pae32 or legacy32, or `# golden MMU TLB sequences v1`"
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
    /// An operation before there are registers to do it with.
    #[error("expected a sequence to begin with `R` before anything else is done")]
    OutsideSequence,
}
