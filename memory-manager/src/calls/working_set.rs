use crate::{
    Machine, ProcessId, Status, Target, WorkingSetLimits, WorkingSetSize,
    kernel::Kernel,
    system::AMPLE,
    user_space::UserSpace,
    vad::{PAGE, USER_LIMIT},
    working_set::{LEAST_MAXIMUM, LEAST_MINIMUM},
};

impl Machine {
    /// The least and the most memory that a process is to have without faults
    /// (`GetProcessWorkingSetSize`); by default 50 and 345 pages.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn working_set_size(&self, process: ProcessId) -> Result<WorkingSetSize, Status> {
        Ok(self.space_ref(process)?.0.working_set.size)
    }

    /// The same, and which of these limits are hard (`GetProcessWorkingSetSizeEx`); by default
    /// none is.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn working_set_size_ex(
        &self,
        process: ProcessId,
    ) -> Result<(WorkingSetSize, WorkingSetLimits), Status> {
        let set = &self.space_ref(process)?.0.working_set;
        Ok((set.size, set.limits))
    }

    /// Sets it, in whole pages (`SetProcessWorkingSetSize`). A minimum below 20 pages is 20
    /// pages, and a maximum is never below the minimum. With all ones for both, the sizes stay,
    /// and the pages that are not locked leave the working set.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::InvalidParameter`]: the minimum is 0 or above the maximum, or the maximum is
    ///   below 13 pages, or would not leave 512 of the pages that are free.
    /// - [`Status::InsufficientResources`]: all processes together would have a minimum that does
    ///   not leave 512 pages of memory; who comes first, is served first.
    pub fn set_working_set_size(
        &mut self,
        target: impl Into<Target>,
        size: WorkingSetSize,
    ) -> Result<(), Status> {
        self.set_working_set_size_ex(target, size, WorkingSetLimits::empty())
    }

    /// As [`Machine::set_working_set_size`], and makes limits hard or soft
    /// (`SetProcessWorkingSetSizeEx`); of what is not said, it stays. With a hard maximum, a
    /// process gives a page of its own for each one beyond it.
    ///
    /// # Errors
    /// As [`Machine::set_working_set_size`], and [`Status::InvalidParameter`] if a limit is to
    /// be both, or there is no such one.
    pub fn set_working_set_size_ex(
        &mut self,
        target: impl Into<Target>,
        size: WorkingSetSize,
        limits: WorkingSetLimits,
    ) -> Result<(), Status> {
        const EMPTY: WorkingSetSize = WorkingSetSize {
            minimum: u64::MAX,
            maximum: u64::MAX,
        };
        let minimums = self
            .spaces
            .values()
            .map(|space| space.working_set.size.minimum);
        let promised: u64 = minimums.sum::<u64>() / PAGE;
        let (space, kernel) = self.space(target)?;
        let limits = space.working_set.limits.changed(limits)?;
        if size == EMPTY {
            return space.trim(kernel, 0, USER_LIMIT);
        }
        let (minimum, maximum) = (size.minimum / PAGE, size.maximum / PAGE);
        if size.minimum == 0
            || size.minimum > size.maximum
            || maximum < LEAST_MAXIMUM
            || maximum.saturating_add(AMPLE) >= kernel.physical.available()
        {
            return Err(Status::InvalidParameter);
        }
        let minimum = minimum.max(LEAST_MINIMUM);
        let set = &mut space.working_set;
        let own = set.size.minimum / PAGE;
        if minimum > own && promised - own + minimum + AMPLE > kernel.physical.usable() {
            return Err(Status::InsufficientResources);
        }
        set.size = WorkingSetSize {
            minimum: minimum * PAGE,
            maximum: maximum.max(minimum) * PAGE,
        };
        set.limits = limits;
        space.keep_maximum(kernel)
    }
}

impl UserSpace {
    /// Takes the pages of a range that can leave it out of the working set.
    pub(crate) fn trim(&mut self, kernel: &mut Kernel, start: u64, end: u64) -> Result<(), Status> {
        let candidates = self.working_set.list.candidates().map(|page| page.page);
        let within = candidates.filter(|page| (start..end).contains(page));
        let pages: Vec<_> = within
            .filter(|&page| self.can_leave(kernel, page))
            .collect();
        for page in pages {
            self.trim_page(kernel, page)?;
        }
        kernel.make_coherent()
    }

    /// Takes as many pages out of the working set as it has beyond a hard maximum.
    fn keep_maximum(&mut self, kernel: &mut Kernel) -> Result<(), Status> {
        while self.working_set.excess() > 0
            && let Some(page) = self.replaceable(kernel)?
        {
            self.trim_page(kernel, page)?;
        }
        kernel.make_coherent()
    }
}
