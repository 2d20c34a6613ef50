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
}
