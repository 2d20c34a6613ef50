use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    Machine, ProcessId, Range, Status,
    vad::{PAGE, USER_LIMIT},
};

impl Machine {
    /// Unmaps the view that holds an address (`NtUnmapViewOfSection`); gives the addresses
    /// that it had. What was written to a file through its last view is in the file then.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::NotMappedView`]: no view is there.
    /// - As writing to the file fails; the view stays then.
    pub fn unmap_view(&mut self, process: ProcessId, address: VirtAddr) -> Result<Range, Status> {
        let (space, kernel) = self.space(process)?;
        let page = address.as_u64() & !(PAGE - 1);
        let vad = space.vads.find(page).filter(|_| page < USER_LIMIT);
        let vad = vad.filter(|vad| !vad.is_shared_data());
        let vad = vad.ok_or(Status::NotMappedView)?;
        let (start, end) = (vad.start, vad.end);
        let (segment, _) = vad.view_index(start).ok_or(Status::NotMappedView)?;
        let known = kernel.segment(segment)?;
        if known.views.len() == 1 {
            let pages = known.pages;
            space.clean_view(kernel, start, end)?;
            kernel.write_back(segment, 0, pages)?;
        }
        space.drop_view(kernel, start)?;
        kernel.retire(segment)?;
        Ok(range(start, end))
    }
}
