use crate::{Machine, ProcessId, Status};

/// How soon the pages of a process leave, of those that are as old, and in which order their frames
/// are taken then (Microsoft, `MEMORY_PRIORITY_INFORMATION`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum MemoryPriority {
    /// `MEMORY_PRIORITY_LOWEST`, which Microsoft's headers have and its pages do not tell of.
    Lowest = 0,
    /// `MEMORY_PRIORITY_VERY_LOW`: they go soon.
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

impl MemoryPriority {
    /// All of them, the lowest first.
    pub const ALL: [Self; 6] = [
        Self::Lowest,
        Self::VeryLow,
        Self::Low,
        Self::Medium,
        Self::BelowNormal,
        Self::Normal,
    ];

    /// The number of it (`MEMORY_PRIORITY_INFORMATION`).
    pub const fn value(self) -> u32 {
        self as u32
    }

    /// That of a number; there is none above [`MemoryPriority::Normal`] for programs.
    pub fn from_value(value: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.value() == value)
    }
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
