//! Output files that appear whole or not at all.

mod target;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

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
    fn new(path: &Path, cause: io::Error) -> Self {
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
/// it. Devices, pipes, `-` and `/dev/stdout` are written to as they are.
///
/// # Errors
/// [`OutputError`] if it cannot be written, or with the error that `content` returns.
pub fn write_whole(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), OutputError> {
    let written = Target::find(path).and_then(|target| match target {
        Target::Stdout => write_to(io::stdout().lock(), content),
        Target::Stderr => write_to(io::stderr().lock(), content),
        Target::InPlace => {
            // What is behind a descriptor may be a file that others append to as well.
            let file = OpenOptions::new().append(true).open(path)?;
            write_to(file, content)
        }
        Target::New(path) => replace(&path, None, content),
        Target::Old(path, permissions) => replace(&path, Some(permissions), content),
    });
    written.map_err(|cause| OutputError::new(path, cause))
}

/// Finds out whether an output could be written, by making a file beside it and dropping it.
///
/// # Errors
/// [`OutputError`] if it could not.
pub fn check_place(path: &Path) -> Result<(), OutputError> {
    let checked = Target::find(path).and_then(|target| match target {
        Target::New(path) | Target::Old(path, _) => temporary(&path).map(drop),
        Target::Stdout | Target::Stderr | Target::InPlace => Ok(()),
    });
    checked.map_err(|cause| OutputError::new(path, cause))
}

fn write_to(
    file: impl Write,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    content(&mut file)?;
    file.flush()
}

fn replace(
    path: &Path,
    permissions: Option<Permissions>,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let file = temporary(path)?;
    write_to(file.as_file(), content)?;
    if let Some(permissions) = permissions {
        fs::set_permissions(file.path(), permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A file in the directory of another.
fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lookaside-").suffix(".tmp");
    // A temporary file is for its owner alone, an output is as open as the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}
