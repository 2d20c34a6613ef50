use mmu_core::VirtAddr;

use super::alloc_types::{check_extended_type, check_type};
use crate::{
    AddressRange, AddressRequirements, AllocationRequest, AllocationType, Machine, PageProtection,
    Status, Target, ZeroBits,
    large::{LARGE, LargeRequest},
    placement::Placement,
    protection::Protection,
    user_range::WrongRange,
    vad::{PAGE, USER_START, VAD_LIMIT},
};

impl Machine {
    /// Reserves or commits memory, or says that what it holds is not needed
    /// (`NtAllocateVirtualMemory`). Without a base, or with 0, it is reserved where there is
    /// room. Gives the pages that it did this to.
    ///
    /// Base and end are rounded to pages, the base of a reservation to 64 KiB. To commit what
    /// is committed changes its protection. A guard page inside the stack of the thread that
    /// calls makes the stack end above it.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidParameter`]: placeholders are for [`Machine::virtual_alloc_ex`].
    /// - [`Status::InvalidParameter5`]: no such type, or one that does not go with another.
    /// - [`Status::InvalidPageProtection`]: no page can be protected so, or it is write-copy,
    ///   which is for sections; or the memory is a PEB or TEB.
    /// - [`Status::InvalidParameter2`], [`Status::InvalidParameter4`]: base or size are not
    ///   in user space.
    /// - [`Status::InvalidParameter6`]: a window is to be read and written, and no more.
    /// - [`Status::InvalidHandle`]: no such process or thread.
    /// - [`Status::PrivilegeNotHeld`]: large pages need [`Privileges::LOCK_MEMORY`].
    /// - [`Status::InvalidPageProtection`]: no large page can be protected so.
    /// - [`Status::InvalidParameter4`], [`Status::InvalidParameter2`]: size or base of large
    ///   pages are not multiples of [`LARGE_PAGE_MINIMUM`].
    /// - [`Status::ConflictingAddresses`]: what is to be reserved is not free, or what is to
    ///   be committed or reset is not in one region, or in large pages or a
    ///   window.
    /// - [`Status::AlreadyCommitted`], [`Status::UserMappedFile`]: it is a view of a file.
    /// - [`Status::DeviceBusy`]: what a page held that was reset is not there any more.
    /// - [`Status::SectionProtection`]: it is a view, which does not permit the protection.
    /// - [`Status::CommitmentLimit`], [`Status::NoMemory`]: it is too much.
    /// - [`Status::InsufficientResources`]: no free piece of memory is as large as a page.
    ///
    /// [`LARGE_PAGE_MINIMUM`]: crate::LARGE_PAGE_MINIMUM
    /// [`Privileges::LOCK_MEMORY`]: crate::Privileges::LOCK_MEMORY
    pub fn virtual_alloc(
        &mut self,
        target: impl Into<Target>,
        base: Option<VirtAddr>,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<AddressRange, Status> {
        let request = AllocationRequest {
            base,
            size,
            kind,
            protection,
        };
        self.virtual_alloc_below(target, &request, ZeroBits::default())
    }

    /// As [`Machine::virtual_alloc`], with so many zero bits at the top of the address.
    ///
    /// # Errors
    /// [`Status::InvalidParameter3`] if there cannot be so many, [`Status::NoMemory`] if there
    /// is no room below; else as [`Machine::virtual_alloc`].
    pub fn virtual_alloc_below(
        &mut self,
        target: impl Into<Target>,
        request: &AllocationRequest,
        zero_bits: ZeroBits,
    ) -> Result<AddressRange, Status> {
        let placement = zero_bits.placement()?;
        check_type(request.kind)?;
        self.allocate(target.into(), request, placement)
    }

    /// As [`Machine::virtual_alloc`], for placeholders as well, and with requirements on the
    /// address (`NtAllocateVirtualMemoryEx`).
    ///
    /// [`AllocationType::RESERVE_PLACEHOLDER`] reserves addresses that later calls replace,
    /// split and join; with [`AllocationType::REPLACE_PLACEHOLDER`], what is reserved takes the
    /// place of one, at any page.
    ///
    /// # Errors
    /// As [`Machine::virtual_alloc`], but no wrong argument is named:
    /// - [`Status::InvalidParameter`]: any of them, requirements that no address meets, and
    ///   those of an address that is given.
    /// - [`Status::ConflictingAddresses`]: the range is not all of a placeholder that is to be
    ///   replaced, or it is in one that is not.
    /// - [`Status::NoMemory`]: there is no room as required.
    pub fn virtual_alloc_ex(
        &mut self,
        target: impl Into<Target>,
        request: &AllocationRequest,
        requirements: &AddressRequirements,
    ) -> Result<AddressRange, Status> {
        let placement = requirements.placement(request.base)?;
        check_extended_type(request.kind, request.protection)
            .and_then(|()| self.allocate(target.into(), request, placement))
            .map_err(Status::unnumbered)
    }

    fn allocate(
        &mut self,
        target: Target,
        request: &AllocationRequest,
        placement: Placement,
    ) -> Result<AddressRange, Status> {
        let AllocationRequest { size, kind, .. } = *request;
        let protection = Protection::new(request.protection)?;
        let base = request.base.map(VirtAddr::as_u64).filter(|&base| base != 0);
        let reserves = kind.contains(AllocationType::RESERVE)
            || base.is_none() && kind.contains(AllocationType::COMMIT);
        let start = base.unwrap_or(USER_START);
        WRONG.check(start, size, VAD_LIMIT)?;
        if kind.contains(AllocationType::PHYSICAL) && protection != Protection::READ_WRITE {
            return Err(Status::InvalidParameter6);
        }
        let (space, kernel) = self.space(target)?;
        WRONG.check(start, size, space.layout.region_limit())?;
        if kind.contains(AllocationType::LARGE_PAGES) {
            let request = LargeRequest {
                base,
                size,
                kind,
                protection,
                placement,
                page: LARGE,
            };
            return space.allocate_large(kernel, request);
        }
        if reserves {
            if protection.copies_on_write() {
                return Err(Status::InvalidPageProtection);
            }
            let (start, end) = space.place(base, size, kind, placement)?;
            space.reserve(kernel, (start, end), kind, protection)?;
            return Ok(range(start, end));
        }
        let start = start & !(PAGE - 1);
        let end = (base.unwrap_or(0) + size).next_multiple_of(PAGE);
        if base.is_none() {
            return Err(Status::ConflictingAddresses);
        }
        if kind.contains(AllocationType::COMMIT) {
            let what = ((start, end), protection);
            space.protecting(kernel, target, what, |space, kernel| {
                space.commit(kernel, start, end, protection)
            })?;
        } else if kind.contains(AllocationType::RESET) {
            space.reset(kernel, start, end)?;
        } else {
            space.undo_reset(kernel, start, end)?;
        }
        Ok(range(start, end))
    }
}

/// What is said of memory that cannot be there.
pub(crate) const WRONG: WrongRange = WrongRange {
    base: Status::InvalidParameter2,
    size: Status::InvalidParameter4,
    empty: Some(Status::InvalidParameter4),
};

pub(super) fn range(start: u64, end: u64) -> AddressRange {
    AddressRange {
        base: VirtAddr::new(start),
        size: end - start,
    }
}
