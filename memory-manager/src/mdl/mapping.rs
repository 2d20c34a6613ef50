//! Where the system sees locked pages.

use mmu_core::{AccessKind, VirtAddr};

use super::Mdl;
use crate::{
    Exception, Machine, Status, protection::Caching, system_space::SystemSpace, vad::PAGE,
};

/// How the system's sight of pages is cached (`MEMORY_CACHING_TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheType {
    /// `MmNonCached`.
    NonCached,
    /// `MmCached`.
    Cached,
    /// `MmWriteCombined`.
    WriteCombined,
}

impl CacheType {
    fn caching(self) -> Caching {
        match self {
            Self::NonCached => Caching::None,
            Self::Cached => Caching::Usual,
            Self::WriteCombined => Caching::WriteCombining,
        }
    }
}

impl Machine {
    /// Maps locked pages where the system can read and write them
    /// (`MmMapLockedPagesSpecifyCache`); gives where the first byte of the buffer is then. A page
    /// that a process sees is cached as it is there, whatever is asked. Pages that are mapped
    /// already stay as they are (`MmGetSystemAddressForMdlSafe`).
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidHandle`]: they are another machine's.
    /// - [`Status::InsufficientResources`]: there is no room for so many.
    /// - [`Status::CommitmentLimit`], [`Status::NoMemory`]: there is no memory for page tables.
    pub fn map_locked_pages(&mut self, mdl: &Mdl, caching: CacheType) -> Result<VirtAddr, Status> {
        self.balance(None)?;
        let kernel = &mut self.kernel;
        let locked = kernel.mdls.get(mdl)?;
        let offset = locked.base.as_u64() % PAGE;
        if let Some(start) = locked.mapped {
            return Ok(VirtAddr::new(start + offset));
        }
        let frames: Vec<_> = locked.frames.clone();
        let frames = frames.into_iter().map(|frame| {
            let record = kernel.physical.record(frame);
            let is_seen = record.shares > 0;
            (
                frame,
                if is_seen {
                    record.caching
                } else {
                    caching.caching()
                },
            )
        });
        let frames: Vec<_> = frames.collect();
        let mut system = match kernel.system.take() {
            Some(system) => system,
            None => SystemSpace::new(kernel)?,
        };
        let mapped = system.map(kernel, &frames);
        system.keep_or_close(kernel)?;
        let start = mapped?;
        kernel.mdls.get_mut(mdl)?.mapped = Some(start);
        Ok(VirtAddr::new(start + offset))
    }

    /// Takes locked pages out of the system's sight, if they were in it
    /// (`MmUnmapLockedPages`).
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: they are another machine's.
    pub fn unmap_locked_pages(&mut self, mdl: &Mdl) -> Result<(), Status> {
        let kernel = &mut self.kernel;
        let locked = kernel.mdls.get_mut(mdl)?;
        if let Some(start) = locked.mapped.take()
            && let Some(mut system) = kernel.system.take()
        {
            system.unmap(kernel, start)?;
            system.keep_or_close(kernel)?;
        }
        Ok(())
    }

    /// Loads bytes from where the system sees locked pages, as the system.
    ///
    /// # Errors
    /// [`Exception`] of the first page where nothing is mapped; Windows stops then (bug check
    /// `PAGE_FAULT_IN_NONPAGED_AREA`).
    pub fn read_system(&mut self, address: VirtAddr, bytes: &mut [u8]) -> Result<(), Exception> {
        let mut rest = bytes;
        let pieces = self.system_parts(address, rest.len(), AccessKind::Read)?;
        for (at, length) in pieces {
            let (piece, after) = rest.split_at_mut(length);
            let read = self.kernel.physical.ram().read(at, piece);
            read.map_err(|_| internal(address, AccessKind::Read))?;
            rest = after;
        }
        Ok(())
    }

    /// Stores bytes where the system sees locked pages, as the system: all or none.
    ///
    /// # Errors
    /// As [`Machine::read_system`].
    pub fn write_system(&mut self, address: VirtAddr, bytes: &[u8]) -> Result<(), Exception> {
        let mut rest = bytes;
        let pieces = self.system_parts(address, rest.len(), AccessKind::Write)?;
        for (at, length) in pieces {
            let (piece, after) = rest.split_at(length);
            let written = self.kernel.physical.ram().write(at, piece);
            written.map_err(|_| internal(address, AccessKind::Write))?;
            rest = after;
        }
        Ok(())
    }
}

fn internal(address: VirtAddr, kind: AccessKind) -> Exception {
    let access = crate::ExceptionAccess::of_kind(kind);
    Exception::at(address, access)(Status::InternalError)
}
