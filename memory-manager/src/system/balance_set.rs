//! The balance set manager: each second it lets the working-set manager age pages, and trim
//! working sets if memory is short.

use super::{SystemTask, Trigger};
use crate::{Machine, Status};

impl Machine {
    pub(super) fn manage_balance_set(&mut self) -> Result<(), Status> {
        self.age_working_sets()?;
        let physical = &self.kernel.physical;
        let mut trimmed = 0;
        if physical.available() < physical.ample() {
            let most = physical
                .goal()
                .saturating_sub(physical.available() + physical.writable());
            trimmed = self.trim_working_sets(Trigger::MemoryShort, most)?;
        }
        let tasks = &mut self.kernel.physical.tasks;
        tasks.note(SystemTask::BalanceSetManager, Trigger::Time, trimmed, 0);
        Ok(())
    }
}
