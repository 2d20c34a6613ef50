use crate::{Machine, ProcessId, Status};

/// How soon the pages of a process leave, of those that are as old, and in which order their frames
/// are taken then (Microsoft, `MEMORY_PRIORITY_INFORMATION`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum MemoryPriority {
    /// `MEMORY_PRIORITY_VERY_LOW`: they go first.
    VeryLow = 1,
    /// `MEMORY_PRIORITY_LOW`.
    Low = 2,
    /// `MEMORY_PRIORITY_MEDIUM`.
    Medium = 3,
    /// `MEMORY_PRIORITY_BELOW_NORMAL`.
    BelowNormal = 4,
    /// `MEMORY_PRIORITY_NORMAL`: that of each process at first.
    #[default]
    Normal = 5,
}

impl Machine {
    /// The memory priority of a process (`GetProcessInformation`, `ProcessMemoryPriority`).
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn memory_priority(&self, process: ProcessId) -> Result<MemoryPriority, Status> {
        Ok(self.space_ref(process)?.0.working_set.priority)
    }

    /// Sets it (`SetProcessInformation`, `ProcessMemoryPriority`). It holds for pages that come
    /// into the working set from now on, and for the order in which any leave it.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn set_memory_priority(
        &mut self,
        process: ProcessId,
        priority: MemoryPriority,
    ) -> Result<(), Status> {
        let (space, _) = self.space(process)?;
        space.working_set.priority = priority;
        Ok(())
    }
}
