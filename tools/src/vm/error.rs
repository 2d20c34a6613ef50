use std::ops::Range;

use memory_manager::{Exception, MachineError, Status};
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// A script cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ScriptError {
    message: String,
    place: Place,
}

/// A statement of a script did not come out as the script says.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct FailedStatement {
    /// What went wrong.
    pub failure: Failure,
    place: Place,
}

/// How a statement can fail.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The machine cannot be built.
    #[error("there is no such machine: {0}")]
    Machine(#[from] MachineError),
    /// A call failed that should not have.
    #[error("the call fails with {0}, error {code}", code = .0.win32())]
    Status(Status),
    /// An access raised an exception that it should not have.
    #[error("{0}")]
    Exception(#[from] Exception),
    /// Something succeeded that should have failed.
    #[error("it succeeds, but should fail with {expected}")]
    Succeeds {
        /// The status or the error that the script says.
        expected: String,
    },
    /// Something failed, but not as it should have.
    #[error("{came}, but it should fail with {expected}")]
    Otherwise {
        /// How it failed.
        came: Box<Failure>,
        /// The status or the error that the script says.
        expected: String,
    },
    /// An expectation is not met.
    #[error("the left side is {left:#x}, the right side {right:#x}: they should be {relation}")]
    Unmet {
        /// What was found.
        left: u64,
        /// What it was compared with.
        right: u64,
        /// What the script says they are: equal or different.
        relation: &'static str,
    },
    /// A number does not fit where it is written.
    #[error("{value:#x} does not fit in u{bits}")]
    TooWide {
        /// The number.
        value: u64,
        /// How wide the place is, in bits.
        bits: usize,
    },
    /// A process or a section cannot be ended.
    #[error("what was written to a mapped file cannot be saved at the end: {0}")]
    Unsaved(Status),
    /// An expression leaves the numbers from 0 to 2^64 - 1.
    #[error("the result is no number from 0 to 2^64 - 1")]
    Overflow,
    /// A name stands for nothing.
    #[error("{name} has no value: the call that gives it one failed, as it should")]
    NoValue {
        /// The name.
        name: String,
        /// Where it stands in the script, in bytes.
        place: Range<usize>,
    },
    /// A file cannot be opened.
    #[error("cannot open {path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The lines cannot be written.
    #[error("cannot write what the script prints: {0}")]
    Output(#[from] std::io::Error),
}

/// A place in a script.
#[derive(Debug)]
struct Place {
    source: NamedSource<String>,
    span: Range<usize>,
}

impl Place {
    fn new(name: &str, text: &str, span: Range<usize>) -> Self {
        Self {
            source: NamedSource::new(name, text.to_owned()),
            span,
        }
    }
}

impl ScriptError {
    pub(super) fn new(name: &str, text: &str, span: Range<usize>, message: String) -> Self {
        Self {
            message,
            place: Place::new(name, text, span),
        }
    }
}

impl FailedStatement {
    pub(super) fn new(name: &str, text: &str, span: Range<usize>, failure: Failure) -> Self {
        let span = match &failure {
            Failure::NoValue { place, .. } => place.clone(),
            _ => span,
        };
        Self {
            failure,
            place: Place::new(name, text, span),
        }
    }
}

impl Diagnostic for ScriptError {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.place.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(self.place.label("here"))
    }
}

impl Diagnostic for FailedStatement {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.place.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if let Failure::Machine(_) = self.failure {
            return None;
        }
        Some(self.place.label(match self.failure {
            Failure::NoValue { .. } => "this name",
            _ => "this statement",
        }))
    }
}

impl Place {
    fn label(&self, text: &str) -> Box<dyn Iterator<Item = LabeledSpan>> {
        let label = LabeledSpan::new(Some(text.into()), self.span.start, self.span.len());
        Box::new(std::iter::once(label))
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}
