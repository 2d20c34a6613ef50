//! The zero-page thread: free frames are zeroed before somebody needs zeros.

use super::{AMPLE, SystemTask, Trigger};
use crate::{Machine, Status};

/// With fewer free frames it waits (Windows Internals, 6th edition).
const WORTH: u64 = 8;

/// The most free pages that are zeroed in a second. Assumed.
const ZEROED: u64 = 4 * AMPLE;

impl Machine {
    pub(super) fn zero_pages(&mut self) -> Result<(), Status> {
        if self.page_lists().free < WORTH {
            return Ok(());
        }
        let zeroed = self.zero_free_pages(ZEROED)?;
        let tasks = &mut self.kernel.physical.tasks;
        tasks.note(SystemTask::ZeroPage, Trigger::Time, zeroed, 0);
        Ok(())
    }
}
