use crate::{Machine, PageLists, PhysicalPage, Status};

impl Machine {
    /// How many frames there are of each kind (`NtQuerySystemInformation`,
    /// `SystemMemoryListInformation`).
    pub fn page_lists(&self) -> PageLists {
        self.kernel.physical.frames().page_lists()
    }

    /// Zeros free frames, so many at most, before somebody asks for them (what the zero-page
    /// thread of Windows does when there is nothing else to do). Returns how many.
    ///
    /// # Errors
    /// [`Status::InternalError`]: the memory of one does not answer.
    pub fn zero_free_pages(&mut self, most: u64) -> Result<u64, Status> {
        self.kernel.physical.zero_free(most)
    }

    /// Takes a frame out of use for good: there is less memory then
    /// (`MmMarkPhysicalMemoryAsBad`).
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidParameter`]: there is no such frame.
    /// - [`Status::ConflictingAddresses`]: somebody has it, or it is out of use.
    /// - [`Status::CommitmentLimit`]: it was promised.
    pub fn mark_page_bad(&mut self, page: PhysicalPage) -> Result<(), Status> {
        let kernel = &mut self.kernel;
        if kernel.commit_left() == 0 {
            return Err(Status::CommitmentLimit);
        }
        kernel.physical.give_up(page)?;
        kernel.commit.lose_frame();
        Ok(())
    }
}
