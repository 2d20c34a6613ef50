use crate::{Machine, ProcessId, Status, kernel::Kernel, user_space::UserSpace};

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

/// Who makes an access or a call: a process, or one of its threads, whose stack grows then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A process, of whose threads nothing is said: to it, all guard pages are alike.
    Process(ProcessId),
    /// A thread.
    Thread(ThreadId),
}

impl Caller {
    /// The process.
    pub const fn process(self) -> ProcessId {
        match self {
            Self::Process(process) => process,
            Self::Thread(thread) => thread.process,
        }
    }

    pub(crate) const fn thread(self) -> Option<ThreadId> {
        match self {
            Self::Process(_) => None,
            Self::Thread(thread) => Some(thread),
        }
    }
}

impl From<ProcessId> for Caller {
    fn from(process: ProcessId) -> Self {
        Self::Process(process)
    }
}

impl From<ThreadId> for Caller {
    fn from(thread: ThreadId) -> Self {
        Self::Thread(thread)
    }
}

impl Machine {
    /// Where a caller's memory is; a thread must not have ended. What comes next is done on its
    /// processor.
    pub(crate) fn caller_space(
        &mut self,
        caller: Caller,
    ) -> Result<(&mut UserSpace, &mut Kernel), Status> {
        self.balance(Some(caller.process()))?;
        let space = self.spaces.get_mut(&caller.process());
        let space = space.ok_or(Status::InvalidHandle)?;
        self.kernel.calls += 1;
        space.usage.note(self.kernel.calls);
        if space.usage.is_out() {
            space.swap_in(&mut self.kernel);
        }
        let processor = match caller {
            Caller::Process(_) => space.processor,
            Caller::Thread(thread) if !space.threads.contains_key(&thread) => {
                return Err(Status::InvalidHandle);
            }
            Caller::Thread(thread) => *space.processors.get(&thread).unwrap_or(&space.processor),
        };
        self.kernel.processors.arrive(processor)?;
        Ok((space, &mut self.kernel))
    }
}
