use std::{
    fmt::Display,
    io::{self, Write},
};

/// Writes a message for people to standard error. If nobody can read it, the work goes on.
pub(super) fn tell(message: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}
