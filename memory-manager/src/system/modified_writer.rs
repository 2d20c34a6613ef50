//! The modified page writer: pages that are nowhere else go to page files.

use super::{SystemTask, Trigger, writer::Writer};
use crate::{Status, kernel::Kernel, physical::Physical};

/// With fewer zeroed and free frames, pages that wait to be written may be too many (Windows
/// Internals, 6th edition).
const VACANT: u64 = 20_000;

/// How many pages may wait to be written at most, and which part of those that can be had
/// (Windows Internals, 6th edition).
const MOST: u64 = 16_384;
const PART: u64 = 16;

pub(super) const MODIFIED: Writer = Writer {
    task: SystemTask::ModifiedPageWriter,
    write: |kernel| kernel.physical.write_modified(),
};

impl Physical {
    /// How many pages of a kind may wait to be written.
    pub(super) fn most_modified(&self) -> u64 {
        if self.vacant() < VACANT {
            MOST.min(self.available() / PART)
        } else {
            u64::MAX
        }
    }

    /// Pages that can be had once they are written.
    pub(super) fn writable(&self) -> u64 {
        let lists = self.frames().page_lists();
        match self.page_files.pages() {
            0 => lists.modified_mapped,
            _ => lists.modified_mapped + lists.modified_page_file,
        }
    }
}

impl Kernel {
    /// Writes pages if too few can be had, or too many wait for it.
    pub(super) fn write_many_modified(&mut self) -> Result<(), Status> {
        if self.physical.available() < self.physical.ample() {
            let is_enough = |physical: &Physical| physical.available() >= physical.goal();
            self.run_writer(MODIFIED, Trigger::MemoryShort, is_enough)?;
        }
        self.run_writer(MODIFIED, Trigger::ManyModified, |physical| {
            physical.frames().page_lists().modified_page_file <= physical.most_modified()
        })?;
        Ok(())
    }
}
