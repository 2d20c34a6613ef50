//! What the two writers have in common.

use super::{SystemTask, Trigger, mapped_writer::MAPPED, modified_writer::MODIFIED};
use crate::{IoOwner, Status, kernel::Kernel, physical::Physical};

/// A task that writes pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    pub(super) task: SystemTask,
    /// Writes those that have waited longest, a cluster of them; gives how many.
    pub(super) write: fn(&mut Kernel) -> Result<u64, Status>,
}

impl Kernel {
    /// Writes pages until it is enough; gives how many. Where that fails it ends, and what could
    /// not be written waits on, behind the others.
    pub(super) fn run_writer(
        &mut self,
        writer: Writer,
        trigger: Trigger,
        is_enough: impl Fn(&Physical) -> bool,
    ) -> Result<u64, Status> {
        let before = self.failures();
        let mut pages = 0;
        while !is_enough(&self.physical) {
            match (writer.write)(self)? {
                0 => break,
                written => pages += written,
            }
        }
        let failures = self.failures() - before;
        if pages + failures > 0 {
            self.physical
                .tasks
                .note(writer.task, trigger, pages, failures);
        }
        Ok(pages)
    }

    /// Writes all pages that wait for it, since a call asks for that.
    pub(crate) fn write_all(&mut self) -> Result<(), Status> {
        let call = Trigger::Call;
        while self.run_writer(MODIFIED, call, |_| false)? > 0
            || self.run_writer(MAPPED, call, |_| false)? > 0
        {}
        Ok(())
    }

    fn failures(&self) -> u64 {
        let owners = [IoOwner::PageFile, IoOwner::MappedFile];
        let failures = owners.map(|owner| self.physical.disks.counters(owner).failures);
        failures.iter().sum()
    }
}
