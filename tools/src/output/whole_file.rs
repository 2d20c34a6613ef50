use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempPath};

use super::{OutputError, target::Target};

/// An output file that is being written, and appears at its path when it is committed: until
/// then nothing is seen there, or what was there before. Dropped before that, it leaves
/// nothing behind. Devices, pipes, `-` and `/dev/stdout` are written to as they are.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    content: BufWriter<Content>,
    place: Option<Place>,
}

/// Where the file goes in the end.
#[derive(Debug)]
struct Place {
    /// Where it is until then.
    temporary: TempPath,
    path: PathBuf,
    /// Those of the file that it replaces.
    permissions: Option<Permissions>,
}

#[derive(Debug)]
enum Content {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
    File(File),
}

impl WholeFile {
    /// Begins an output file.
    ///
    /// # Errors
    /// [`OutputError`] if it cannot be written.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let opened = Target::find(path).and_then(|target| {
            Ok(match target {
                Target::Stdout => (Content::Stdout(io::stdout()), None),
                Target::Stderr => (Content::Stderr(io::stderr()), None),
                Target::InPlace => {
                    // What is behind a descriptor may be a file that others append to as well.
                    let file = OpenOptions::new().append(true).open(path)?;
                    (Content::File(file), None)
                }
                Target::New(path) => beside(path, None)?,
                Target::Old(path, permissions) => beside(path, Some(permissions))?,
            })
        });
        let (content, place) = opened.map_err(|cause| OutputError::new(path, cause))?;
        Ok(Self {
            path: path.to_owned(),
            content: BufWriter::new(content),
            place,
        })
    }

    /// The path it will appear at.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that holds it until it is committed, if there is one.
    pub fn temporary_path(&self) -> Option<&Path> {
        self.place.as_ref().map(|place| &*place.temporary)
    }

    /// Lets the file appear, safely written.
    ///
    /// # Errors
    /// [`OutputError`] if it cannot; then nothing is left behind.
    pub fn commit(mut self) -> Result<(), OutputError> {
        let committed = self.content.flush().and_then(|()| {
            let (Some(place), Content::File(file)) = (self.place, self.content.get_ref()) else {
                return Ok(());
            };
            if let Some(permissions) = place.permissions {
                fs::set_permissions(&place.temporary, permissions)?;
            }
            file.sync_all()?;
            Ok(place.temporary.persist(place.path)?)
        });
        committed.map_err(|cause| OutputError::new(&self.path, cause))
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.content.flush()
    }
}

impl Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::Stderr(stderr) => stderr.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Stderr(stderr) => stderr.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

fn beside(path: PathBuf, permissions: Option<Permissions>) -> io::Result<(Content, Option<Place>)> {
    let (file, temporary) = temporary(&path)?.into_parts();
    let place = Place {
        temporary,
        path,
        permissions,
    };
    Ok((Content::File(file), Some(place)))
}

/// A file in the directory of another.
pub(super) fn temporary(path: &Path) -> io::Result<NamedTempFile> {
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
