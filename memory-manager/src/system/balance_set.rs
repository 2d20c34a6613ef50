//! The balance set manager: each second it lets the working-set manager age pages, and trim
//! working sets if memory is short.

use super::{SystemTask, Trigger, working_sets::GOAL};
use crate::{Machine, Status};

use super::AMPLE;

impl Machine {
    pub(super) fn manage_balance_set(&mut self) -> Result<(), Status> {
        self.age_working_sets()?;
        let physical = &self.kernel.physical;
        let mut trimmed = 0;
        if physical.available() < AMPLE {
            let most = GOAL.saturating_sub(physical.available() + physical.writable());
            trimmed = self.trim_working_sets(Trigger::MemoryShort, most)?;
        }
        let tasks = &mut self.kernel.physical.tasks;
        tasks.note(SystemTask::BalanceSetManager, Trigger::Time, trimmed, 0);
        Ok(())
    }
}
