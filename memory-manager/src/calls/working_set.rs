use crate::{
    Machine, ProcessId, Status, WorkingSetSize,
    kernel::Kernel,
    pte::{FrameOwner, Pte, PteState},
    user_space::UserSpace,
    vad::{PAGE, USER_LIMIT, Vad},
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
    /// pages, and a maximum is never below the minimum. With all ones for both, the sizes stay,
    /// and the pages that are not locked leave the working set.
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
            return space.trim(kernel, 0, USER_LIMIT);
        }
        let free = kernel.physical.available();
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

impl UserSpace {
    /// Takes the pages of a range that are not locked out of the working set: the next touch
    /// faults, and finds them in memory as they were. Environment blocks stay, where the system
    /// looks for them, and so does what never leaves memory.
    pub(crate) fn trim(&mut self, kernel: &mut Kernel, start: u64, end: u64) -> Result<(), Status> {
        let meets = |vad: &&Vad| vad.start < end && start < vad.end;
        let parts = self.vads.iter().filter(meets);
        let parts = parts.filter(|vad| !vad.is_fixed() && self.check_unsecured(vad.start).is_ok());
        let parts: Vec<_> = parts
            .map(|vad| (vad.start.max(start), vad.end.min(end)))
            .collect();
        for (start, end) in parts {
            let mut written = Vec::new();
            self.rewrite_range(kernel, start, end, |space, page, pte| match pte.state() {
                PteState::Valid(valid) if !space.working_set.is_locked(page) => {
                    if valid.is_dirty() {
                        written.push(page);
                    }
                    match valid.owner() {
                        FrameOwner::Process => Pte::transition(valid.frame(), valid.protection()),
                        FrameOwner::Prototype => Pte::lookup(valid.protection()),
                    }
                }
                _ => pte,
            })?;
            self.note_writes(start, &written);
        }
        Ok(())
    }
}
