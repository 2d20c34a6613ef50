//! A compact trace that a command writes.

use std::path::{Path, PathBuf};

use super::{CliError, interrupt::Interrupt};
use crate::{
    output::WholeFile,
    trace::{SavingReader, TraceReader},
};

/// Begins a file that Ctrl-C takes away again.
pub(super) fn create(path: &Path, interrupt: &Interrupt) -> Result<WholeFile, CliError> {
    let file = WholeFile::create(path)?;
    if let Some(temporary) = file.temporary_path() {
        interrupt.take_away(temporary);
    }
    Ok(file)
}

/// A reader whose records are saved if that was asked for.
pub(super) enum MaybeSaved<R> {
    Read(R),
    Saved(Box<SavingReader<R>>),
}

impl<R: TraceReader> MaybeSaved<R> {
    pub(super) fn new(
        reader: R,
        path: Option<&PathBuf>,
        interrupt: &Interrupt,
    ) -> Result<Self, CliError> {
        Ok(match path {
            None => Self::Read(reader),
            Some(path) => {
                let saving = SavingReader::new(reader, create(path, interrupt)?)?;
                Self::Saved(Box::new(saving))
            }
        })
    }

    pub(super) fn reader(&mut self) -> &mut dyn TraceReader {
        match self {
            Self::Read(reader) => reader,
            Self::Saved(reader) => &mut **reader,
        }
    }

    /// Lets the file appear.
    pub(super) fn commit(self) -> Result<(), CliError> {
        match self {
            Self::Read(_) => Ok(()),
            Self::Saved(reader) => Ok(reader.commit()?),
        }
    }
}
