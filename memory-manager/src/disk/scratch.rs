use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::Disk;

/// A file that means nothing to the next machine, and goes with this one.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    file: File,
    path: PathBuf,
}

impl ScratchFile {
    /// Makes it; what is there already is never touched.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(path)?;
        let path = path.to_owned();
        Ok(Self { file, path })
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = fs::remove_file(&self.path);
    }
}

impl Disk for ScratchFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        Disk::read_at(&self.file, offset, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        Disk::write_at(&self.file, offset, bytes)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.file.set_length(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
