use std::collections::BTreeMap;

use mmu_core::{Entry, ErrorCode, PageSize, VirtAddr};

/// What a program may do with a region of its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Read.
    ReadOnly,
    /// Read and write.
    ReadWrite,
    /// Execute and read.
    ExecuteRead,
    /// Execute, read and write.
    ExecuteReadWrite,
}

impl Protection {
    const fn is_writable(self) -> bool {
        matches!(self, Self::ReadWrite | Self::ExecuteReadWrite)
    }

    const fn is_executable(self) -> bool {
        matches!(self, Self::ExecuteRead | Self::ExecuteReadWrite)
    }

    /// Whether the access that raised this error code is allowed.
    pub(crate) fn allows(self, access: ErrorCode) -> bool {
        (self.is_writable() || !access.contains(ErrorCode::WRITE))
            && (self.is_executable() || !access.contains(ErrorCode::FETCH))
    }

    /// The flags of an entry that grants this to user-mode programs.
    pub(crate) fn entry_flags(self) -> Entry {
        let mut flags = Entry::PRESENT | Entry::USER;
        flags.set(Entry::WRITABLE, self.is_writable());
        flags.set(Entry::NO_EXECUTE, !self.is_executable());
        flags
    }
}

/// Committed memory with one protection and one size of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    end: u64,
    pub(crate) page_size: PageSize,
    pub(crate) protection: Protection,
}

impl Region {
    /// Whether so many bytes from an address of it lie in it.
    pub(crate) fn reaches(&self, start: VirtAddr, length: u64) -> bool {
        self.end - start.as_u64() >= length
    }
}

/// The memory that a process has committed.
#[derive(Clone, Debug)]
pub(crate) struct AddressSpace {
    user_end: VirtAddr,
    /// By start; no two overlap.
    regions: BTreeMap<u64, Region>,
}

impl AddressSpace {
    pub(crate) fn new(user_end: VirtAddr) -> Self {
        Self {
            user_end,
            regions: BTreeMap::new(),
        }
    }

    pub(crate) fn commit(
        &mut self,
        start: VirtAddr,
        length: u64,
        page_size: PageSize,
        protection: Protection,
    ) -> Result<(), CommitError> {
        if start.offset_in(page_size) != 0 || length & page_size.offset_mask() != 0 || length == 0 {
            return Err(CommitError::NotWholePages {
                start,
                length,
                page_size,
            });
        }
        let end = start
            .checked_add(length)
            .filter(|&end| end <= self.user_end);
        let end = end.ok_or(CommitError::OutsideUserSpace {
            start,
            length,
            user_end: self.user_end,
        })?;
        let below = self.regions.range(..end.as_u64()).next_back();
        if let Some((&other, _)) = below.filter(|(_, region)| region.end > start.as_u64()) {
            return Err(CommitError::AlreadyCommitted {
                start,
                length,
                other: VirtAddr::new(other),
            });
        }
        let region = Region {
            end: end.as_u64(),
            page_size,
            protection,
        };
        self.regions.insert(start.as_u64(), region);
        Ok(())
    }

    /// The region that holds the address.
    pub(crate) fn region(&self, address: VirtAddr) -> Option<Region> {
        let (_, region) = self.regions.range(..=address.as_u64()).next_back()?;
        (address.as_u64() < region.end).then_some(*region)
    }
}

/// Memory cannot be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The range does not consist of whole pages.
    #[error("{length:#x} bytes at {start} are not whole pages of {page_size}")]
    NotWholePages {
        /// Its start.
        start: VirtAddr,
        /// Its length in bytes.
        length: u64,
        /// The size of the pages.
        page_size: PageSize,
    },
    /// The range reaches past the addresses of user-mode programs.
    #[error("{length:#x} bytes at {start} reach past {user_end}, where user space ends")]
    OutsideUserSpace {
        /// Its start.
        start: VirtAddr,
        /// Its length in bytes.
        length: u64,
        /// Where user space ends.
        user_end: VirtAddr,
    },
    /// A part of the range is committed already.
    #[error("{length:#x} bytes at {start} overlap what is committed at {other}")]
    AlreadyCommitted {
        /// Its start.
        start: VirtAddr,
        /// Its length in bytes.
        length: u64,
        /// Where the region starts that it overlaps.
        other: VirtAddr,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ_WRITE: Protection = Protection::ReadWrite;
    const USER_END: VirtAddr = VirtAddr::new(1 << 47);

    fn commit(space: &mut AddressSpace, start: u64, length: u64) -> Result<(), CommitError> {
        space.commit(VirtAddr::new(start), length, PageSize::Size4KiB, READ_WRITE)
    }

    #[test]
    fn a_region_holds_its_first_and_its_last_byte() {
        let mut space = AddressSpace::new(USER_END);
        commit(&mut space, 0x2000, 0x3000).unwrap();
        for (address, held) in [
            (0x1fff, false),
            (0x2000, true),
            (0x4fff, true),
            (0x5000, false),
        ] {
            assert_eq!(
                space.region(VirtAddr::new(address)).is_some(),
                held,
                "{address:#x}"
            );
        }
    }

    #[test]
    fn regions_do_not_overlap() {
        let mut space = AddressSpace::new(USER_END);
        commit(&mut space, 0x2000, 0x3000).unwrap();
        for (start, length) in [
            (0x1000, 0x2000),
            (0x3000, 0x1000),
            (0x4000, 0x9000),
            (0, 0x9000),
        ] {
            let error = commit(&mut space, start, length).unwrap_err();
            assert!(
                matches!(error, CommitError::AlreadyCommitted { .. }),
                "{error}"
            );
        }
        commit(&mut space, 0x1000, 0x1000).unwrap();
        commit(&mut space, 0x5000, 0x1000).unwrap();
    }

    #[test]
    fn only_whole_pages_of_user_space_are_committed() {
        let mut space = AddressSpace::new(USER_END);
        for (start, length) in [(0x800, 0x1000), (0x1000, 0x800), (0x1000, 0)] {
            let error = commit(&mut space, start, length).unwrap_err();
            assert!(
                matches!(error, CommitError::NotWholePages { .. }),
                "{error}"
            );
        }
        let end = USER_END.as_u64();
        for (start, length) in [(end - 0x1000, 0x2000), (end, 0x1000), (!0xfff, 0x1000)] {
            let error = commit(&mut space, start, length).unwrap_err();
            assert!(
                matches!(error, CommitError::OutsideUserSpace { .. }),
                "{error}"
            );
        }
        commit(&mut space, 0, end).unwrap();
    }
}
