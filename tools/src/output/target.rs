use std::{
    fs::{self, Permissions},
    io,
    path::{Path, PathBuf},
};

/// What an output path leads to.
#[derive(Debug)]
pub(super) enum Target {
    /// This process's standard output.
    Stdout,
    /// This process's standard error.
    Stderr,
    /// Something that cannot be replaced: a device, a pipe, an open descriptor.
    InPlace,
    /// A file that is not there yet.
    New(PathBuf),
    /// A file that is there, behind any symbolic links, and its permissions.
    Old(PathBuf, Permissions),
}

impl Target {
    pub(super) fn find(path: &Path) -> io::Result<Self> {
        // By name: behind these a plain file may be, which already has a position.
        match path.to_str() {
            Some("-" | "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => return Ok(Self::Stdout),
            Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => return Ok(Self::Stderr),
            _ => {}
        }
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::New(path.to_owned()));
            }
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() || path.starts_with("/proc") || path.starts_with("/dev/fd") {
            return Ok(Self::InPlace);
        }
        Ok(Self::Old(fs::canonicalize(path)?, metadata.permissions()))
    }

    /// Where it is, whatever it was called.
    pub(super) fn place(self, path: &Path) -> io::Result<PathBuf> {
        Ok(match self {
            Self::Stdout => "-".into(),
            Self::Stderr => "/dev/stderr".into(),
            Self::InPlace => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            Self::New(path) => match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) if parent != Path::new("") => {
                    fs::canonicalize(parent)?.join(name)
                }
                _ => fs::canonicalize(".")?.join(path),
            },
            Self::Old(path, _) => path,
        })
    }
}
