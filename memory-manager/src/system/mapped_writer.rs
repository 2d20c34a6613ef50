//! The mapped page writer: written pages of files go to their files.

use super::{SystemTask, Trigger, writer::Writer};
use crate::{Status, kernel::Kernel, physical::Physical};

/// For how many seconds written pages of files may wait (`MmModifiedPageLifeInSeconds` of
/// Windows, known from literature only).
const LIFE: u64 = 300;

pub(super) const MAPPED: Writer = Writer {
    task: SystemTask::MappedPageWriter,
    write: Kernel::write_mapped,
};

impl Kernel {
    /// Writes pages if too few can be had, or too many wait for it; and all of them if the first
    /// has waited for long.
    pub(super) fn write_many_mapped(&mut self) -> Result<(), Status> {
        let waiting = |physical: &Physical| physical.frames().page_lists().modified_mapped;
        if self.physical.available() < self.physical.ample() {
            let is_enough = |physical: &Physical| physical.available() >= physical.goal();
            self.run_writer(MAPPED, Trigger::MemoryShort, is_enough)?;
        }
        self.run_writer(MAPPED, Trigger::ManyModified, |physical| {
            waiting(physical) <= physical.most_modified()
        })?;
        if waiting(&self.physical) == 0 {
            self.physical.tasks.mapped_since = None;
            return Ok(());
        }
        let now = self.physical.tasks.second();
        let since = *self.physical.tasks.mapped_since.get_or_insert(now);
        if now - since >= LIFE {
            self.run_writer(MAPPED, Trigger::LongModified, |physical| {
                waiting(physical) == 0
            })?;
        }
        Ok(())
    }
}
