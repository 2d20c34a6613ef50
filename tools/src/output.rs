//! Output files that appear whole or not at all.

mod target;
#[cfg(test)]
mod tests;
mod whole_file;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

pub use whole_file::WholeFile;
use whole_file::temporary;

use target::Target;

/// An output file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The directory the file should be in is not there.
    #[error("{}: no such directory to write the file in", path.display())]
    NoDirectory {
        /// The output.
        path: PathBuf,
    },
    /// The path names a directory.
    #[error("{}: is a directory, not a file", path.display())]
    IsDirectory {
        /// The output.
        path: PathBuf,
    },
    /// The file, or one beside it, may not be written.
    #[error("{}: permission to write it is denied", path.display())]
    PermissionDenied {
        /// The output.
        path: PathBuf,
    },
    /// There is no room for the file.
    #[error("{}: no space left on the device", path.display())]
    StorageFull {
        /// The output.
        path: PathBuf,
    },
    /// Nobody reads the pipe any more.
    #[error("{}: the reader of the pipe is gone", path.display())]
    BrokenPipe {
        /// The output.
        path: PathBuf,
    },
    /// Something else went wrong, in the system or in making the content.
    #[error("{}: cannot write it: {cause}", path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// What was said.
        #[source]
        cause: io::Error,
    },
}

impl OutputError {
    pub(crate) fn new(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NoDirectory { path },
            io::ErrorKind::IsADirectory => Self::IsDirectory { path },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { path },
            io::ErrorKind::StorageFull => Self::StorageFull { path },
            io::ErrorKind::BrokenPipe => Self::BrokenPipe { path },
            _ => Self::Write { path, cause },
        }
    }
}

/// Writes an output file whole: until all of it is safely written, nothing is seen at the
/// path, or what was there before; after an error that stays so, and nothing is left beside
/// it. See [`WholeFile`].
///
/// # Errors
/// [`OutputError`] if it cannot be written, or with the error that `content` returns.
pub fn write_whole(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), OutputError> {
    let mut file = WholeFile::create(path)?;
    let made = content(&mut file);
    made.map_err(|cause| OutputError::new(path, cause))?;
    file.commit()
}

/// Finds out whether an output could be written, by making a file beside it and dropping it,
/// and where it goes: the same place under all its names, and `-` for standard output.
///
/// # Errors
/// [`OutputError`] if it could not be written.
pub fn check_place(path: &Path) -> Result<PathBuf, OutputError> {
    let checked = Target::find(path).and_then(|target| {
        if let Target::New(path) | Target::Old(path, _) = &target {
            temporary(path)?;
        }
        target.place(path)
    });
    checked.map_err(|cause| OutputError::new(path, cause))
}
