//! Where bytes are kept that do not stay in memory: real files, and disks that fail on purpose.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind},
};

use crate::Status;

mod cost;
mod faulty;
mod ledger;
mod scratch;

pub use cost::DiskModel;
pub use faulty::{DiskFault, DiskFaults, FaultyDisk};
pub use ledger::{DiskLedger, IoCounters, IoOwner};
pub(crate) use scratch::ScratchPath;

/// Bytes that outlast the frames they come from: a file, or what stands for one.
///
/// One call is one operation of the system, and may do less than it was asked for, as there.
pub trait Disk: fmt::Debug + Send + Sync {
    /// How many bytes there are.
    ///
    /// # Errors
    /// What the host says; [`ErrorKind::Unsupported`] of what is no file, as a directory.
    fn length(&self) -> io::Result<u64>;

    /// Reads from an offset on; gives how many bytes, none at the end.
    ///
    /// # Errors
    /// What the host says.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Writes from an offset on, and gives how many bytes.
    ///
    /// # Errors
    /// What the host says; [`ErrorKind::StorageFull`] if there is no room.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Makes it so many bytes long; what is new is zeros.
    ///
    /// # Errors
    /// What the host says; [`ErrorKind::StorageFull`] if there is no room.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Returns when all that was written is on the device.
    ///
    /// # Errors
    /// What the host says.
    fn sync(&self) -> io::Result<()>;
}

impl Disk for File {
    fn length(&self) -> io::Result<u64> {
        let metadata = self.metadata()?;
        if metadata.is_file() {
            Ok(metadata.len())
        } else {
            Err(ErrorKind::Unsupported.into())
        }
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, bytes, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self, bytes, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(self, bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Reads until the bytes are full or the end is reached; gives how many there were.
pub(crate) fn read_full(disk: &dyn Disk, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match disk.read_at(offset + done as u64, &mut bytes[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all bytes.
pub(crate) fn write_full(disk: &dyn Disk, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match disk.write_at(offset + done as u64, &bytes[done..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What a failure of the host's file system is called.
pub(crate) fn status(error: &io::Error) -> Status {
    match error.kind() {
        ErrorKind::PermissionDenied => Status::AccessDenied,
        ErrorKind::ReadOnlyFilesystem => Status::MediaWriteProtected,
        // A file that the file system cannot make as long is told so, too (Microsoft,
        // `CreateFileMapping`).
        ErrorKind::StorageFull | ErrorKind::FileTooLarge | ErrorKind::QuotaExceeded => {
            Status::DiskFull
        }
        ErrorKind::Unsupported => Status::InvalidFileForSection,
        _ => Status::IoDeviceError,
    }
}
