use mmu_core::VirtAddr;

use crate::{
    Machine, Status, Target,
    user_range::WrongRange,
    vad::{PAGE, PAGE_BYTES, USER_LIMIT},
};

/// How many bytes are taken from a source before any of them is given on (ReactOS's
/// `MiDoMappedCopy`: 14 pages).
const PIECE: usize = 14 * PAGE_BYTES;

/// A copy that did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{code}")]
pub struct CopyError {
    /// Why.
    pub code: Status,
    /// The bytes that were copied all the same; none if the call leaves its caller's count as
    /// it is.
    pub copied: Option<u64>,
}

impl CopyError {
    /// A call that did not come as far as to copy anything.
    pub(crate) fn refused(code: Status) -> Self {
        Self { code, copied: None }
    }

    /// Copying ended at an access that could not be made.
    fn after(copied: u64, code: Status) -> Self {
        let code = match code {
            Status::InvalidHandle
            | Status::NoMemory
            | Status::CommitmentLimit
            | Status::InternalError => code,
            _ => Status::PartialCopy,
        };
        Self {
            code,
            copied: Some(copied),
        }
    }
}

impl Machine {
    /// Reads a process's memory as its own programs can (`NtReadVirtualMemory`). Of each 14
    /// pages all are read or nothing.
    ///
    /// # Errors
    /// With [`CopyError::code`]:
    /// - [`Status::AccessViolation`]: the range is not in user space.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::PartialCopy`]: a page cannot be read. A guard page is none any more.
    /// - [`Status::NoMemory`], [`Status::CommitmentLimit`]: there is no memory for a page.
    pub fn read_virtual_memory(
        &mut self,
        target: impl Into<Target>,
        address: VirtAddr,
        bytes: &mut [u8],
    ) -> Result<(), CopyError> {
        let target = target.into();
        check_range(address, bytes.len() as u64)?;
        let mut copied = 0;
        for piece in bytes.chunks_mut(PIECE) {
            let taken = self.take(target, address.wrapping_add(copied), piece);
            taken.map_err(|code| CopyError::after(copied, code))?;
            copied += piece.len() as u64;
        }
        Ok(())
    }

    /// Writes to a process's memory as its own programs can (`NtWriteVirtualMemory`).
    ///
    /// # Errors
    /// As [`Machine::read_virtual_memory`], of writes; what is before the page stays written.
    pub fn write_virtual_memory(
        &mut self,
        target: impl Into<Target>,
        address: VirtAddr,
        bytes: &[u8],
    ) -> Result<(), CopyError> {
        check_range(address, bytes.len() as u64)?;
        self.give(target.into(), address, bytes)
            .map_err(|(copied, code)| CopyError::after(copied, code))
    }

    /// Copies memory of a process to memory of a process, be it the same:
    /// `NtReadVirtualMemory` and `NtWriteVirtualMemory` with the caller's buffer.
    ///
    /// # Errors
    /// As [`Machine::read_virtual_memory`] and [`Machine::write_virtual_memory`].
    pub fn copy_virtual_memory(
        &mut self,
        (source, from): (impl Into<Target>, VirtAddr),
        (target, to): (impl Into<Target>, VirtAddr),
        size: u64,
    ) -> Result<(), CopyError> {
        let (source, target) = (source.into(), target.into());
        check_range(from, size)?;
        check_range(to, size)?;
        let most = usize::try_from(size).map_or(PIECE, |size| size.min(PIECE));
        let mut buffer = vec![0; most];
        let mut copied = 0;
        while copied < size {
            let rest = usize::try_from(size - copied).unwrap_or(most);
            let piece = &mut buffer[..rest.min(most)];
            self.take(source, from.wrapping_add(copied), piece)
                .map_err(|code| CopyError::after(copied, code))?;
            self.give(target, to.wrapping_add(copied), piece)
                .map_err(|(given, code)| CopyError::after(copied + given, code))?;
            copied += piece.len() as u64;
        }
        Ok(())
    }

    /// Reads all of a piece or nothing.
    fn take(&mut self, target: Target, address: VirtAddr, piece: &mut [u8]) -> Result<(), Status> {
        for (offset, _) in on_pages(address, piece.len()) {
            let first = address.wrapping_add(offset as u64);
            self.read(target, first, &mut [0])
                .map_err(|stopped| stopped.code)?;
        }
        self.read(target, address, piece)
            .map_err(|stopped| stopped.code)
    }

    /// Writes as many pages of a piece as can be written, and says at how many bytes it had to
    /// stop.
    fn give(
        &mut self,
        target: Target,
        address: VirtAddr,
        piece: &[u8],
    ) -> Result<(), (u64, Status)> {
        for (offset, length) in on_pages(address, piece.len()) {
            let given = offset as u64;
            let part = &piece[offset..offset + length];
            self.write(target, address.wrapping_add(given), part)
                .map_err(|stopped| (given, stopped.code))?;
        }
        Ok(())
    }
}

/// That user space has all of a range.
fn check_range(address: VirtAddr, size: u64) -> Result<(), CopyError> {
    let wrong = WrongRange::just(Status::AccessViolation);
    let checked = wrong.check(address.as_u64(), size, USER_LIMIT);
    checked.map_err(CopyError::refused)
}

/// The parts of a range that lie on one page each: their offset and length.
fn on_pages(address: VirtAddr, length: usize) -> impl Iterator<Item = (usize, usize)> {
    let lead = (address.as_u64() % PAGE) as usize;
    let ends = (PAGE_BYTES - lead..length).step_by(PAGE_BYTES);
    let starts = std::iter::once(0).chain(ends.clone());
    starts
        .zip(ends.chain(std::iter::once(length)))
        .map(|(start, end)| (start, end - start))
        .filter(|&(_, length)| length > 0)
}
