//! Disks that fail as they are told to, and know what they were asked for.

use std::{
    fs::File,
    io,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
};

use super::super::files;
use crate::{Disk, DiskFaults, FaultyDisk, IoOwner, vad::PAGE};

/// What a disk was asked to do, with the bytes that it was of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Length,
    Read(Range<u64>),
    Write(Range<u64>),
    SetLength,
}

impl Operation {
    /// What it is called.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Read(bytes) if bytes.end - bytes.start <= PAGE => "read of a page",
            Self::Read(_) => "read of pages",
            Self::Write(bytes) if bytes.end - bytes.start <= PAGE => "write of a page",
            Self::Write(_) => "write of pages",
            Self::SetLength => "set length",
        }
    }
}

/// Both devices of a world: what was asked of them, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Devices {
    pub(super) faults: DiskFaults,
    log: Arc<Mutex<Vec<(IoOwner, Operation)>>>,
}

impl Devices {
    fn log(&self) -> MutexGuard<'_, Vec<(IoOwner, Operation)>> {
        self.log.lock().unwrap()
    }

    /// How many operations there were.
    pub(super) fn operations(&self) -> usize {
        self.log().len()
    }

    /// An operation, counted from 0.
    pub(super) fn operation(&self, number: usize) -> Option<(IoOwner, Operation)> {
        self.log().get(number).cloned()
    }

    pub(super) fn all(&self) -> Vec<(IoOwner, Operation)> {
        self.log().clone()
    }
}

/// A file on one of them.
#[derive(Clone, Debug)]
pub(super) struct Device {
    owner: IoOwner,
    devices: Devices,
    file: Arc<File>,
    /// What would be in the file if the disk had done all that it said it did.
    promised: Arc<Mutex<Vec<u8>>>,
}

impl Device {
    pub(super) fn new(owner: IoOwner, devices: &Devices, file: File) -> Self {
        Self {
            owner,
            devices: devices.clone(),
            promised: Arc::new(Mutex::new(files::bytes(&file))),
            file: Arc::new(file),
        }
    }

    /// What is in the file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        files::bytes(&self.file)
    }

    /// Whether a page is not what the disk said that it is.
    pub(super) fn is_damaged(&self, page: u64) -> bool {
        let mut found = vec![0; 0x1000];
        Disk::read_at(&*self.file, page * PAGE, &mut found).unwrap();
        let start = usize::try_from(page * PAGE).unwrap();
        self.promised.lock().unwrap()[start..start + 0x1000] != found
    }

    /// Notes an operation, and makes it.
    fn make<T>(
        &self,
        operation: Operation,
        make: impl FnOnce(&FaultyDisk<File>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.devices.log().push((self.owner, operation));
        let file = self.file.try_clone().unwrap();
        make(&FaultyDisk::new(file, &self.devices.faults))
    }
}

fn range(offset: u64, bytes: usize) -> Range<u64> {
    offset..offset + bytes as u64
}

impl Disk for Device {
    fn length(&self) -> io::Result<u64> {
        self.make(Operation::Length, Disk::length)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let operation = Operation::Read(range(offset, bytes.len()));
        self.make(operation, |disk| disk.read_at(offset, bytes))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let operation = Operation::Write(range(offset, bytes.len()));
        let done = self.make(operation, |disk| disk.write_at(offset, bytes));
        let start = usize::try_from(offset).unwrap();
        let promised = &mut self.promised.lock().unwrap();
        match done {
            Ok(count) => promised[start..start + count].copy_from_slice(&bytes[..count]),
            // Nothing was promised.
            Err(_) => **promised = self.bytes(),
        }
        done
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.make(Operation::SetLength, |disk| disk.set_length(length))?;
        let length = usize::try_from(length).unwrap();
        self.promised.lock().unwrap().resize(length, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
