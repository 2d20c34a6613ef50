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
        Self { disk, identity }
    }

    /// A file of a disk, which is none that anybody else maps.
    pub(crate) fn on(disk: Box<dyn Disk>) -> Self {
        let identity = None;
        Self { disk, identity }
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

    /// Makes it longer or shorter.
    pub(crate) fn resize(&self, length: u64) -> Result<(), Status> {
        resize(&*self.disk, length)
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
        if read(&*self.disk, offset, wanted)? == 0 && !wanted.is_empty() {
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
        let written = disk::write_full(&*self.disk, offset, &page[..within as usize]);
        written.map_err(|error| disk::status(&error))
    }
}

impl MappedFile {
    /// Writes pages that follow each other to their places, as far as the file reaches, in one
    /// operation. Gives how many that were.
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
        let within = self.length()?.saturating_sub(offset);
        let within = usize::try_from(within).map_or(pages.len(), |within| within.min(pages.len()));
        let written = disk::write_full(&*self.disk, offset, &pages[..within]);
        written.map_err(|error| disk::status(&error))?;
        Ok(within.div_ceil(PAGE_BYTES))
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
