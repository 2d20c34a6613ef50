use crate::{
    Machine, ProcessId, Status, WorkingSetSize,
    vad::PAGE,
    working_set::{LEAST_MAXIMUM, LEAST_MINIMUM},
};

/// What no working set may take of the memory that is there, in pages (Microsoft,
/// `SetProcessWorkingSetSize`).
const SPARED: u64 = 512;

impl Machine {
    /// The least and the most memory that a process is to have without faults
    /// (`GetProcessWorkingSetSize`); by default 50 and 345 pages.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn working_set_size(&self, process: ProcessId) -> Result<WorkingSetSize, Status> {
        Ok(self.space_ref(process)?.0.working_set.size)
    }

    /// Sets it, in whole pages (`SetProcessWorkingSetSize`). A minimum below 20 pages is 20
    /// pages, and a maximum is never below the minimum. With all ones for both, the sizes stay:
    /// that is to take what can be spared out of memory, and all can stay.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::InvalidParameter`]: the minimum is 0 or above the maximum, or the maximum is
    ///   below 13 pages, or would not leave 512 of the pages that are free.
    pub fn set_working_set_size(
        &mut self,
        process: ProcessId,
        size: WorkingSetSize,
    ) -> Result<(), Status> {
        const EMPTY: WorkingSetSize = WorkingSetSize {
            minimum: u64::MAX,
            maximum: u64::MAX,
        };
        let (space, kernel) = self.space(process)?;
        if size == EMPTY {
            return Ok(());
        }
        let free = kernel.commit.limit() - kernel.physical.in_use();
        let (minimum, maximum) = (size.minimum / PAGE, size.maximum / PAGE);
        if size.minimum == 0
            || size.minimum > size.maximum
            || maximum < LEAST_MAXIMUM
            || maximum.saturating_add(SPARED) >= free
        {
            return Err(Status::InvalidParameter);
        }
        let minimum = minimum.max(LEAST_MINIMUM);
        space.working_set.size = WorkingSetSize {
            minimum: minimum * PAGE,
            maximum: maximum.max(minimum) * PAGE,
        };
        Ok(())
    }
}
