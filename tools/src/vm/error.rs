use std::{io, ops::Range, path::Path};

use memory_manager::{Exception, ExceptionAccess, MachineError, PageFileError, Status};
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// The most seconds that pass at once: a week.
pub(super) const LONGEST_TICK: u64 = 7 * 24 * 60 * 60;

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
    #[error("it fails with {0}, error {code}{remedy}", code = .0.win32(), remedy = remedy(*.0))]
    Status(Status),
    /// An access raised an exception that it should not have.
    #[error("{}, {page}", tried(exception))]
    Exception {
        /// The exception.
        exception: Exception,
        /// What the page is, as the rest of a sentence.
        page: String,
    },
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
    #[error("the left side is {left}, the right side {right}: {relation}")]
    Unmet {
        /// What was found, and what it means if that is known.
        left: String,
        /// What it was compared with, and what that means.
        right: String,
        /// What the script says they are, in words.
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
        cause: io::Error,
    },
    /// There is no such processor.
    #[error("there is no processor {number}: there are {count}, and the first one is 0")]
    Processor {
        /// The number that the script gives it.
        number: u64,
        /// How many there are.
        count: u32,
    },
    /// More seconds than are let pass at once.
    #[error("{0} seconds are too many: {LONGEST_TICK} at most, a week, pass at once")]
    Seconds(u64),
    /// The run was to end.
    #[error(
        "interrupted here: what was printed so far is, and mapped files have what was written to \
         them"
    )]
    Interrupted,
    /// A page file cannot be made.
    #[error(transparent)]
    PageFile(#[from] PageFileError),
    /// The lines cannot be written.
    #[error("cannot write what the script prints: {0}")]
    Output(#[from] io::Error),
}

/// What a script can do about a status, as the rest of a sentence.
fn remedy(status: Status) -> &'static str {
    match status {
        Status::PrivilegeNotHeld => ": `grant SeLockMemoryPrivilege` lets the process do this",
        Status::CommitmentLimit => ": `ram` and NtCreatePagingFile raise what can be promised",
        _ => "",
    }
}

/// What was tried, where, and what came of it.
fn tried(exception: &Exception) -> String {
    let access = match exception.access {
        ExceptionAccess::Read => "a read of",
        ExceptionAccess::Write => "a write to",
        ExceptionAccess::Execute => "the execution of",
    };
    let (code, address) = (exception.code, exception.address);
    format!("{code}: {access} {address:#x}")
}

impl Failure {
    /// The status that it is to whom it happens, if it is one.
    pub(super) fn status(&self) -> Option<Status> {
        match self {
            Self::Status(status) => Some(*status),
            Self::Exception { exception, .. } => Some(exception.code),
            Self::PageFile(error) => Some(error.status()),
            Self::File { path, cause } => status_of_open(path, cause),
            _ => None,
        }
    }
}

/// What Windows says of a file that cannot be opened (Microsoft, `CreateFile`).
fn status_of_open(path: &str, cause: &io::Error) -> Option<Status> {
    match cause.kind() {
        io::ErrorKind::NotFound => {
            let folder = Path::new(path).parent();
            let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_none_or(Path::is_dir) {
                Some(Status::ObjectNameNotFound)
            } else {
                Some(Status::ObjectPathNotFound)
            }
        }
        io::ErrorKind::NotADirectory => Some(Status::ObjectPathNotFound),
        io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => Some(Status::AccessDenied),
        _ => None,
    }
}

/// A place in a script.
#[derive(Debug)]
struct Place {
    source: NamedSource<String>,
    span: Range<usize>,
}

/// A text without what a terminal would take for orders; every other byte stays in its place.
fn printable(text: &str) -> String {
    let mut characters = text.chars().peekable();
    let mut printable = String::with_capacity(text.len());
    while let Some(character) = characters.next() {
        let ends_line = character == '\r' && characters.peek() == Some(&'\n');
        let is_order = character.is_control() && !ends_line && !matches!(character, '\n' | '\t');
        printable.push(match character.len_utf8() {
            1 if is_order => '?',
            2 if is_order => '\u{b7}',
            _ => character,
        });
    }
    printable
}

impl Place {
    fn new(name: &str, text: &str, span: Range<usize>) -> Self {
        Self {
            source: NamedSource::new(name, printable(text)),
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
    pub(super) fn is_interrupt(&self) -> bool {
        matches!(self.failure, Failure::Interrupted)
    }

    /// Whether it could not have come out any better: there is no such machine.
    pub fn is_of_the_script(&self) -> bool {
        matches!(self.failure, Failure::Machine(_))
    }

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
        if self.place.span.is_empty() {
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
