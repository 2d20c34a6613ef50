//! The process/stack swapper: processes that did nothing for long leave memory, and so does the
//! one that did nothing for longest if nothing else helps.

use super::{SystemTask, Trigger, usage::Residence};
use crate::{
    Machine, ProcessId, Status, WorkingSetLimits, kernel::Kernel, user_space::UserSpace,
    vad::USER_LIMIT,
};

/// Every so many seconds it looks at what processes did (Windows Internals, 6th edition).
const PERIOD: u64 = 4;

/// Who did nothing for so many seconds leaves (Windows Internals, 6th edition).
const IDLE: u64 = 15;

impl Machine {
    /// Takes out the processes that did nothing for long, if it is time to look at them.
    pub(super) fn swap_idle_processes(&mut self) -> Result<(), Status> {
        if !self.kernel.tasks.second().is_multiple_of(PERIOD) {
            return Ok(());
        }
        for space in self.spaces.values_mut() {
            if space.usage.idle >= IDLE && space.can_be_swapped(&self.kernel) {
                space.swap_out(&mut self.kernel, Trigger::Time)?;
            }
        }
        Ok(())
    }

    /// Takes out the process that did nothing for longest; that which memory is wanted for is the
    /// last to go. Gives how many pages left.
    pub(super) fn swap_idlest(&mut self, wanted_for: Option<ProcessId>) -> Result<u64, Status> {
        let kernel = &mut self.kernel;
        let spaces = self.spaces.values_mut();
        let idlest = spaces
            .filter(|space| space.can_be_swapped(kernel))
            .min_by_key(|space| (Some(space.process) == wanted_for, space.usage.last()));
        match idlest {
            Some(space) => space.swap_out(kernel, Trigger::MemoryShort),
            None => Ok(0),
        }
    }
}

impl UserSpace {
    /// Whether pages can leave below the minimum: not if it is hard.
    fn can_be_swapped(&self, kernel: &Kernel) -> bool {
        let set = &self.working_set;
        !set.limits.contains(WorkingSetLimits::HARD_MINIMUM)
            && set
                .list
                .candidates()
                .any(|page| self.can_leave(kernel, page.page))
    }

    /// Takes all pages out that are not locked; gives how many.
    fn swap_out(&mut self, kernel: &mut Kernel, trigger: Trigger) -> Result<u64, Status> {
        let before = self.working_set.list.length();
        self.trim(kernel, 0, USER_LIMIT)?;
        self.usage.residence = Residence::Out;
        let pages = (before - self.working_set.list.length()) as u64;
        kernel.working_sets.swapped += pages;
        kernel.tasks.note(SystemTask::Swapper, trigger, pages, 0);
        Ok(pages)
    }

    /// Notes that a call or an access is made for the process.
    #[inline]
    pub(crate) fn note_use(&mut self, kernel: &mut Kernel) {
        kernel.calls += 1;
        self.usage.note(kernel.calls);
        if self.usage.is_out() {
            self.swap_in(kernel);
        }
    }

    /// A process that was taken out does something: its pages come back one by one.
    #[cold]
    fn swap_in(&mut self, kernel: &mut Kernel) {
        self.usage.residence = Residence::In;
        kernel.tasks.note(SystemTask::Swapper, Trigger::Use, 0, 0);
    }
}
