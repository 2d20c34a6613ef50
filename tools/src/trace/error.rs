use super::{Excerpt, Malformed, TraceFormat, compact::CompactError, mmut::MmutError};
use crate::{
    input::{InputError, Source},
    output::OutputError,
};
use std::io;

/// A trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file itself cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A line is none of the format's.
    #[error("{source_name}, line {line}: {reason}: `{text}`")]
    Line {
        /// The trace.
        source_name: Source,
        /// Which line, the first being 1.
        line: u64,
        /// What is wrong with it.
        reason: Malformed,
        /// What it says.
        text: Excerpt,
    },
    /// A trace of physical addresses is damaged.
    #[error("{source_name}, {error}")]
    Physical {
        /// The trace.
        source_name: Source,
        /// Where, and what is wrong.
        #[source]
        error: MmutError,
    },
    /// A compact trace is damaged.
    #[error("{source_name}, {error}")]
    Compact {
        /// The trace.
        source_name: Source,
        /// Where, and what is wrong.
        #[source]
        error: CompactError,
    },
    /// What is read cannot be saved.
    #[error(transparent)]
    NotSaved(#[from] OutputError),
    /// There is no thread to read in.
    #[error("cannot start a thread to read the trace in: {0}")]
    NoThread(#[source] io::Error),
    /// The trace ended without a single record.
    #[error("{source_name}: there is not one memory access in it")]
    Empty {
        /// The trace.
        source_name: Source,
    },
    /// The content is of no known format.
    #[error(
        "{source_name}, line {line}: not a trace format known here (known: {}); it says `{text}`",
        TraceFormat::KNOWN
    )]
    UnknownFormat {
        /// The trace.
        source_name: Source,
        /// The first line that says something.
        line: u64,
        /// What it says.
        text: Excerpt,
    },
    /// The content is a trace of physical addresses, which cannot be simulated.
    #[error(
        "{source_name}: a trace with physical addresses, to be replayed against the memory it was recorded in"
    )]
    NotVirtual {
        /// The trace.
        source_name: Source,
    },
}
