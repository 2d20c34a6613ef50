use crate::ProcessId;

/// A thread of a process of a machine. None is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId {
    pub(crate) process: ProcessId,
    pub(crate) number: u64,
}

impl ThreadId {
    /// The process that it is a thread of.
    pub const fn process(self) -> ProcessId {
        self.process
    }
}
