use std::io::{self, BufWriter, Write};

use super::CliError;

/// Writes a result to standard output.
pub(super) fn print(
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CliError> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    content(&mut stdout)
        .and_then(|()| stdout.flush())
        .map_err(CliError::Stdout)
}
