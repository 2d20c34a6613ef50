//! What is done when too few pages can be had: before a call, and in the midst of it.

use super::{SystemTask, Trigger, mapped_writer::MAPPED, modified_writer::MODIFIED};
use crate::{IoOwner, Machine, ProcessId, Status, physical::Physical};

impl Physical {
    /// The least number of frames that are to be had: a 32nd of all, but 32 to 1024, and no more
    /// than a quarter. Assumed; the numbers of Windows are for machines with more memory than
    /// there was in all then.
    fn low(&self) -> u64 {
        let frames = self.frames().frames();
        (frames / 32).clamp(32.min(frames / 4), 1024)
    }

    /// Whether frames have to be had before a call.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.available() < self.low()
    }

    /// Writes pages so that a frame can be had, in the midst of a call; gives how many.
    #[cold]
    pub(crate) fn write_for_a_frame(&mut self) -> Result<u64, Status> {
        let failures = |physical: &Self| physical.disks.counters(IoOwner::PageFile).failures;
        let before = failures(self);
        let pages = self.write_modified()?;
        let failures = failures(self) - before;
        if pages + failures > 0 {
            let (task, trigger) = (SystemTask::ModifiedPageWriter, Trigger::FrameNeeded);
            self.tasks.note(task, trigger, pages, failures);
        }
        Ok(pages)
    }
}

impl Machine {
    /// Lets frames be had before somebody needs them, as far as pages can go elsewhere: twice as
    /// many as are few. Without page files and mapped files all pages stay where they are.
    #[inline]
    pub(crate) fn balance(&mut self, wanted_for: Option<ProcessId>) -> Result<(), Status> {
        let physical = &mut self.kernel.physical;
        if physical.is_short() && physical.stall.lets_search(physical.available()) {
            self.relieve(wanted_for)
        } else {
            Ok(())
        }
    }

    /// Writes pages; if none wait for it, trims working sets, and if these have no more than
    /// their minimum, takes out whole processes.
    #[cold]
    fn relieve(&mut self, wanted_for: Option<ProcessId>) -> Result<(), Status> {
        const SHORT: Trigger = Trigger::MemoryShort;
        if self.kernel.physical.page_files.pages() == 0 && !self.kernel.segments.has_files() {
            return Ok(());
        }
        let enough = 2 * self.kernel.physical.low();
        let is_enough = |physical: &Physical| physical.available() >= enough;
        while !is_enough(&self.kernel.physical) {
            let missing = enough - self.kernel.physical.available();
            let did_help = self.kernel.run_writer(MODIFIED, SHORT, is_enough)? > 0
                || self.kernel.run_writer(MAPPED, SHORT, is_enough)? > 0
                || self.trim_working_sets(SHORT, missing)? > 0
                || self.swap_idlest(wanted_for)? > 0;
            if !did_help {
                let physical = &mut self.kernel.physical;
                physical.stall.searched(physical.available());
                break;
            }
        }
        Ok(())
    }
}
