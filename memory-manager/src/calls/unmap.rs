use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    AddressRange, Machine, Status, Target, UnmapFlags,
    vad::{PAGE, Placeholder, USER_LIMIT},
};

impl Machine {
    /// Unmaps the view that holds an address (`NtUnmapViewOfSection`); gives the addresses
    /// that it had. What was written to a file through its last view is in the file then.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::NotMappedView`]: no view is there.
    /// - As writing to the file fails; the view stays then.
    pub fn unmap_view(
        &mut self,
        target: impl Into<Target>,
        address: VirtAddr,
    ) -> Result<AddressRange, Status> {
        self.unmap_view_ex(target, address, UnmapFlags::empty())
    }

    /// As [`Machine::unmap_view`]; with [`UnmapFlags::PRESERVE_PLACEHOLDER`], the placeholder
    /// whose place the view took is there again (`NtUnmapViewOfSectionEx`).
    ///
    /// # Errors
    /// - [`Status::InvalidParameter`]: unknown flags.
    /// - [`Status::ConflictingAddresses`]: the view did not take the place of a placeholder
    ///   that is to be there again.
    /// - Else as [`Machine::unmap_view`].
    pub fn unmap_view_ex(
        &mut self,
        target: impl Into<Target>,
        address: VirtAddr,
        flags: UnmapFlags,
    ) -> Result<AddressRange, Status> {
        const PRESERVE: UnmapFlags = UnmapFlags::PRESERVE_PLACEHOLDER;
        if !(UnmapFlags::TRANSIENT_BOOST | PRESERVE).contains(flags) {
            return Err(Status::InvalidParameter);
        }
        let (space, kernel) = self.space(target)?;
        let page = address.as_u64() & !(PAGE - 1);
        let vad = space.vads.find(page).filter(|_| page < USER_LIMIT);
        let vad = vad.filter(|vad| !vad.is_shared_data());
        let vad = vad.ok_or(Status::NotMappedView)?;
        let (start, end) = (vad.start, vad.end);
        let (segment, _) = vad.view_index(start).ok_or(Status::NotMappedView)?;
        let left = if flags.contains(PRESERVE) {
            Placeholder::Waiting
        } else {
            Placeholder::No
        };
        if left == Placeholder::Waiting && vad.placeholder != Placeholder::Replaced {
            return Err(Status::ConflictingAddresses);
        }
        let known = kernel.segment(segment)?;
        if known.views.len() == 1 {
            let pages = known.pages;
            space.clean_view(kernel, start, end)?;
            kernel.write_back(segment, 0, pages)?;
        }
        space.drop_view(kernel, start, left)?;
        kernel.retire(segment)?;
        Ok(range(start, end))
    }
}
