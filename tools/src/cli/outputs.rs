//! The files that a command writes, which must not be one another, nor what it reads.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::CliError;
use crate::{
    input::Source,
    output::{check_place, write_whole},
};

/// A file that an option names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output<'a> {
    pub(super) option: &'static str,
    pub(super) path: &'a Path,
}

impl<'a> Output<'a> {
    /// The output of an option, if it was given.
    pub(super) fn of(option: &'static str, path: Option<&'a PathBuf>) -> Option<Self> {
        path.map(|path| Self { option, path })
    }
}

/// Where the text of the result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// To standard output.
    Stdout,
    /// Nowhere, since an output has standard output for itself.
    Nowhere,
}

/// Finds out before a run whether all outputs can be written, each to a place of its own, and
/// would not replace one of the inputs.
pub(super) fn check<'a>(
    outputs: impl IntoIterator<Item = Output<'a>>,
    inputs: &[Source],
) -> Result<Text, CliError> {
    let mut places: Vec<(PathBuf, &'static str)> = Vec::new();
    for Output { option, path } in outputs {
        let place = check_place(path)?;
        if let Some(input) = inputs.iter().find(|input| is_at(input, &place)) {
            return Err(CliError::OutputIsInput {
                input: input.clone(),
                option,
            });
        }
        if let Some((_, first)) = places.iter().find(|(other, _)| *other == place) {
            return Err(CliError::OutputTwice {
                path: path.to_owned(),
                first,
                second: option,
            });
        }
        places.push((place, option));
    }
    let on_stdout = places.iter().any(|(place, _)| place == Path::new("-"));
    Ok(if on_stdout {
        Text::Nowhere
    } else {
        Text::Stdout
    })
}

fn is_at(input: &Source, place: &Path) -> bool {
    match input {
        Source::Path(path) => {
            path.is_file() && fs::canonicalize(path).is_ok_and(|path| path == place)
        }
        _ => false,
    }
}

/// Writes a text to a file, if one was named.
pub(super) fn write_text(path: Option<&PathBuf>, text: &str) -> Result<(), CliError> {
    let Some(path) = path else {
        return Ok(());
    };
    Ok(write_whole(path, |writer| {
        writer.write_all(text.as_bytes())
    })?)
}
