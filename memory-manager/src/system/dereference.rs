//! The dereference segment thread: segments that nobody uses and that could not go are let go,
//! and page files become shorter and longer.

use super::{SystemTask, Trigger};
use crate::{Machine, Status, kernel::Kernel};

/// Every so many seconds page files lose what nobody needs of them. Assumed.
const PERIOD: u64 = 60;

impl Machine {
    /// Lets segments go whose pages could not be written when they were used last, and lets page
    /// files shrink if it is time.
    pub(super) fn dereference_segments(&mut self) -> Result<(), Status> {
        self.kernel.retire_left(Trigger::Time)?;
        if self.kernel.physical.tasks.second().is_multiple_of(PERIOD) {
            self.kernel.shrink_page_files();
        }
        Ok(())
    }
}

impl Kernel {
    /// Lets the segments go that are there only since they could not be written, if they can be
    /// now.
    pub(crate) fn retire_left(&mut self, trigger: Trigger) -> Result<(), Status> {
        let left = self.segments.iter().filter_map(|(id, segment)| {
            let is_left = segment.views.is_empty() && !segment.is_in_use();
            is_left.then_some((id, segment.pages))
        });
        let left: Vec<_> = left.collect();
        for (id, pages) in left {
            let (pages, failures) = match self.retire(id) {
                Ok(()) => (pages, 0),
                Err(Status::InternalError) => return Err(Status::InternalError),
                Err(_) => (0, 1),
            };
            let task = SystemTask::DereferenceSegment;
            self.physical.tasks.note(task, trigger, pages, failures);
        }
        Ok(())
    }

    /// Cuts off the ends of page files that nothing is in, down to their minimum, as far as no
    /// promise needs them.
    fn shrink_page_files(&mut self) {
        let spare = self.commit_left();
        let lost = self.physical.page_files.shrink(spare);
        if lost > 0 {
            let task = SystemTask::DereferenceSegment;
            self.physical.tasks.note(task, Trigger::Time, lost, 0);
        }
    }

    /// Makes page files longer, so that more pages can be promised, as far as they may be and
    /// the host has room.
    pub(crate) fn extend_page_files(&mut self, pages: u64) {
        let gained = self.physical.page_files.grow(pages);
        let failures = u64::from(gained.is_err());
        let gained = gained.unwrap_or(0);
        if gained > 0 {
            self.physical.stall.room_was_made();
        }
        let task = SystemTask::DereferenceSegment;
        self.physical
            .tasks
            .note(task, Trigger::CommitShort, gained, failures);
    }
}
