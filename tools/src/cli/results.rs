use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::{
    CliError,
    outputs::{self, Output},
};
use crate::{input::Source, output::write_whole};

/// Where a command's results go: as text to standard output, and as JSON where it is asked
/// for.
#[derive(Clone, Debug, Args)]
pub(super) struct Results {
    /// Write the full result as JSON to this file; - is standard output, without the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Results {
    /// Where the JSON goes.
    pub(super) fn output(&self) -> Option<Output<'_>> {
        Output::of("--json", self.json.as_ref())
    }

    /// Finds out before a run whether its result can be written, and would not replace one
    /// of its inputs.
    pub(super) fn check(&self, inputs: &[Source]) -> Result<(), CliError> {
        outputs::check(self.output(), inputs).map(|_| ())
    }

    /// Writes the result as one JSON document.
    pub(super) fn write_json(&self, result: &impl Serialize) -> Result<(), CliError> {
        let Some(path) = &self.json else {
            return Ok(());
        };
        Ok(write_whole(path, |mut writer| {
            serde_json::to_writer_pretty(&mut writer, result)?;
            writeln!(writer)
        })?)
    }

    /// Whether JSON is asked for.
    pub(super) fn has_json(&self) -> bool {
        self.json.is_some()
    }

    /// Prints the result as text, unless the JSON went to standard output.
    pub(super) fn print(
        &self,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CliError> {
        if self.json.as_deref() == Some(Path::new("-")) {
            return Ok(());
        }
        let mut stdout = BufWriter::new(io::stdout().lock());
        let printed = text(&mut stdout).and_then(|()| stdout.flush());
        printed.map_err(CliError::Stdout)
    }
}
