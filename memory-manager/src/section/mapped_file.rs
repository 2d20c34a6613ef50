use std::{
    fs::File,
    io::{self, ErrorKind},
};

use mmu_core::{PhysAddr, Ram};

use crate::{
    Status,
    vad::{PAGE, PAGE_BYTES},
};

/// A file whose pages are mapped.
#[derive(Debug)]
pub(crate) struct MappedFile {
    file: File,
    pub(crate) identity: Option<FileIdentity>,
}

/// What tells that two handles are of the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    number: u64,
}

impl FileIdentity {
    /// None where the system does not say: every handle is a file of its own then.
    pub(crate) fn of(file: &File) -> Option<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let metadata = file.metadata().ok()?;
            Some(Self {
                device: metadata.dev(),
                number: metadata.ino(),
            })
        }
        #[cfg(not(unix))]
        {
            let _ = file;
            None
        }
    }
}

impl MappedFile {
    pub(crate) fn new(file: File) -> Self {
        let identity = FileIdentity::of(&file);
        Self { file, identity }
    }

    pub(crate) fn length(&self) -> Result<u64, Status> {
        length(&self.file)
    }

    /// Fills a frame with the bytes from an offset on, a page at most; zeros are what follows
    /// these and the end.
    ///
    /// # Errors
    /// [`Status::FileInvalid`] if the file ends before these, which it did not when it was
    /// mapped.
    pub(crate) fn load(
        &self,
        ram: &Ram,
        (offset, bytes): (u64, u64),
        frame: PhysAddr,
    ) -> Result<(), Status> {
        let mut page = [0; PAGE_BYTES];
        let wanted = &mut page[..bytes.min(PAGE) as usize];
        if read_at(&self.file, offset, wanted)? == 0 && !wanted.is_empty() {
            return Err(Status::FileInvalid);
        }
        ram.write(frame, &page).map_err(|_| Status::InternalError)
    }

    /// Writes a page to its place, as far as the file reaches.
    ///
    /// # Errors
    /// As [`MappedFile::load`], for then the page would be lost.
    pub(crate) fn store(&self, ram: &Ram, offset: u64, frame: PhysAddr) -> Result<(), Status> {
        let mut page = [0; PAGE_BYTES];
        ram.read(frame, &mut page)
            .map_err(|_| Status::InternalError)?;
        let within = self.length()?.saturating_sub(offset).min(PAGE);
        if within == 0 {
            return Err(Status::FileInvalid);
        }
        write_at(&self.file, offset, &page[..within as usize])
    }
}

/// How long a file is, in bytes.
pub(crate) fn length(file: &File) -> Result<u64, Status> {
    let metadata = file.metadata().map_err(|error| status(&error))?;
    Ok(metadata.len())
}

/// How long a file is that can be mapped.
///
/// # Errors
/// [`Status::InvalidFileForSection`] for directories, devices and the like.
pub(crate) fn mappable_length(file: &File) -> Result<u64, Status> {
    let metadata = file.metadata().map_err(|error| status(&error))?;
    if metadata.is_file() {
        Ok(metadata.len())
    } else {
        Err(Status::InvalidFileForSection)
    }
}

/// Makes a file longer or shorter.
pub(crate) fn resize(file: &File, length: u64) -> Result<(), Status> {
    file.set_len(length).map_err(|error| status(&error))
}

/// Reads from an offset on; returns how many bytes there were before the end.
pub(crate) fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> Result<usize, Status> {
    let mut done = 0;
    while done < bytes.len() {
        match read_some(file, offset + done as u64, &mut bytes[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(status(&error)),
        }
    }
    Ok(done)
}

fn write_at(file: &File, offset: u64, bytes: &[u8]) -> Result<(), Status> {
    let mut done = 0;
    while done < bytes.len() {
        match write_some(file, offset + done as u64, &bytes[done..]) {
            Ok(0) => return Err(Status::IoDeviceError),
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(status(&error)),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_some(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_some(file: &File, offset: u64, bytes: &[u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

#[cfg(windows)]
fn write_some(file: &File, offset: u64, bytes: &[u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

/// What a failure of the host's file system is called.
fn status(error: &io::Error) -> Status {
    match error.kind() {
        ErrorKind::PermissionDenied => Status::AccessDenied,
        ErrorKind::StorageFull => Status::DiskFull,
        _ => Status::IoDeviceError,
    }
}
