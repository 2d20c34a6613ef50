use std::fs::File;

use mmu_core::{PhysAddr, Ram};

use crate::{
    Disk, Status, disk,
    vad::{PAGE, PAGE_BYTES},
};

/// A file whose pages are mapped.
#[derive(Debug)]
pub(crate) struct MappedFile {
    disk: Box<dyn Disk>,
    pub(crate) identity: Option<FileIdentity>,
    /// Where its pages end. What somebody else has put behind it since is not in them.
    pub(crate) end: u64,
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
        let disk = Box::new(file);
        Self {
            disk,
            identity,
            end: 0,
        }
    }

    /// A file of a disk, which is none that anybody else maps.
    pub(crate) fn on(disk: Box<dyn Disk>) -> Self {
        Self {
            disk,
            identity: None,
            end: 0,
        }
    }

    /// The same, whose pages end there.
    pub(crate) fn with_end(self, end: u64) -> Self {
        Self { end, ..self }
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// How long it is, in bytes.
    ///
    /// # Errors
    /// [`Status::InvalidFileForSection`] for directories, devices and the like, which cannot be
    /// mapped.
    pub(crate) fn length(&self) -> Result<u64, Status> {
        length(&*self.disk)
    }

    /// Has the device keep what is in the file.
    pub(crate) fn sync(&self) -> Result<(), Status> {
        self.disk.sync().map_err(|error| disk::status(&error))
    }

    /// Makes it longer or shorter.
    pub(crate) fn resize(&self, length: u64) -> Result<(), Status> {
        resize(&*self.disk, length)
    }

    /// Reads what follows its end in the last page, where it is longer now, into that page's
    /// frame.
    pub(crate) fn load_behind_end(&self, ram: &Ram, frame: PhysAddr) -> Result<(), Status> {
        let mut page = [0; PAGE_BYTES];
        let behind = &mut page[(self.end % PAGE) as usize..];
        read(&*self.disk, self.end, behind)?;
        let at = frame.wrapping_add(self.end % PAGE);
        ram.write(at, behind).map_err(|_| Status::InternalError)
    }

    /// Writes a page to its place, up to the end.
    ///
    /// # Errors
    /// [`Status::FileInvalid`] if the file ends in the page, before where it did when it was
    /// mapped: then some of the page would be lost.
    pub(crate) fn store(&self, ram: &Ram, offset: u64, frame: PhysAddr) -> Result<(), Status> {
        match self.store_run(ram, offset, &[frame])? {
            0 => Err(Status::FileInvalid),
            _ => Ok(()),
        }
    }

    /// Whether a page holds something behind the end, which is in no file: programs see it as
    /// long as the page is in memory.
    pub(crate) fn ends_before_page(
        &self,
        ram: &Ram,
        offset: u64,
        frame: PhysAddr,
    ) -> Result<bool, Status> {
        let behind = self.end.saturating_sub(offset);
        if behind >= PAGE {
            return Ok(false);
        }
        let behind = usize::try_from(behind).unwrap_or(PAGE_BYTES);
        let mut rest = vec![0; PAGE_BYTES - behind];
        let read = ram.read(frame.wrapping_add(behind as u64), &mut rest);
        read.map_err(|_| Status::InternalError)?;
        Ok(rest.iter().any(|&byte| byte != 0))
    }

    /// Writes pages that follow each other to their places, as far as the file reaches, in one
    /// operation. Gives how many are in it then, up to the end.
    pub(crate) fn store_run(
        &self,
        ram: &Ram,
        offset: u64,
        frames: &[PhysAddr],
    ) -> Result<usize, Status> {
        let mut pages = vec![0; frames.len() * PAGE_BYTES];
        for (&frame, page) in frames.iter().zip(pages.chunks_exact_mut(PAGE_BYTES)) {
            let read = ram.read(frame, page);
            read.map_err(|_| Status::InternalError)?;
        }
        let up_to = |end: u64| {
            let bytes = usize::try_from(end.saturating_sub(offset));
            bytes.map_or(pages.len(), |bytes| bytes.min(pages.len()))
        };
        let (wanted, there) = (up_to(self.end), up_to(self.length()?));
        let stored = wanted.min(there);
        let written = disk::write_full(&*self.disk, offset, &pages[..stored]);
        written.map_err(|error| disk::status(&error))?;
        Ok(if stored == wanted {
            stored.div_ceil(PAGE_BYTES)
        } else {
            stored / PAGE_BYTES
        })
    }
}

/// How long a file is, in bytes.
pub(crate) fn length(disk: &dyn Disk) -> Result<u64, Status> {
    disk.length().map_err(|error| disk::status(&error))
}

/// Makes a file longer or shorter.
pub(crate) fn resize(disk: &dyn Disk, length: u64) -> Result<(), Status> {
    disk.set_length(length)
        .map_err(|error| disk::status(&error))
}

/// Reads from an offset on; gives how many bytes there were before the end.
pub(crate) fn read(disk: &dyn Disk, offset: u64, bytes: &mut [u8]) -> Result<usize, Status> {
    disk::read_full(disk, offset, bytes).map_err(|error| disk::status(&error))
}
