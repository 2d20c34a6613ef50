//! A disk that does not do all that it is asked for.

use std::{fs::File, io};

use crate::Disk;

/// What a disk is asked to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Read { offset: u64, bytes: u64 },
    Write,
    SetLength(u64),
}

/// A file of which operations are done that a check lets pass.
pub(super) struct CheckedDisk<C> {
    file: File,
    check: C,
}

impl<C> CheckedDisk<C> {
    pub(super) fn new(file: &File, check: C) -> Self {
        let file = file.try_clone().unwrap();
        Self { file, check }
    }
}

impl<C> std::fmt::Debug for CheckedDisk<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

impl<C: Fn(Operation) -> io::Result<()> + Send + Sync> Disk for CheckedDisk<C> {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let read = Operation::Read {
            offset,
            bytes: bytes.len() as u64,
        };
        (self.check)(read)?;
        Disk::read_at(&self.file, offset, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        (self.check)(Operation::Write)?;
        Disk::write_at(&self.file, offset, bytes)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        (self.check)(Operation::SetLength(length))?;
        self.file.set_length(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
