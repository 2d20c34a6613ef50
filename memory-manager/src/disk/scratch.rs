use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Where a file is that means nothing to the next machine: it goes with this.
#[derive(Debug)]
pub(crate) struct ScratchPath(PathBuf);

impl ScratchPath {
    /// Makes the file; what is there already is never touched.
    pub(crate) fn create(path: &Path) -> io::Result<(File, Self)> {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(path)?;
        Ok((file, Self(path.to_owned())))
    }
}

impl Drop for ScratchPath {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = fs::remove_file(&self.0);
    }
}
