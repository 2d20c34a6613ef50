//! Who makes a call, and on which processor.

use mmu_core::ProcessorId;

use crate::{Machine, ProcessId, Status, ThreadId, kernel::Kernel, user_space::UserSpace};

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

    /// What it does to the memory of a process, which may be another one.
    ///
    /// ```
    /// use memory_manager::{
    ///     AllocationType, Caller, Machine, MachineConfig, PageProtection, StackRequest,
    /// };
    ///
    /// let mut machine = Machine::new(&MachineConfig::default())?;
    /// let (one, other) = (machine.create_process()?, machine.create_process()?);
    /// let thread = machine.create_thread(one, StackRequest::default())?;
    /// let both = AllocationType::RESERVE | AllocationType::COMMIT;
    /// let theirs = Caller::from(thread).on(other);
    /// machine.virtual_alloc(theirs, None, 8, both, PageProtection::READWRITE)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn on(self, process: ProcessId) -> Target {
        Target {
            caller: self,
            process,
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

/// Whose memory a call is about, and who makes it: on the caller's processor it is made,
/// whose memory it may ever be. A process or a thread alone is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Who makes the call.
    pub caller: Caller,
    /// Whose memory it is about.
    pub process: ProcessId,
}

impl Target {
    /// The thread that calls, if it does so for its own process: no other stack grows.
    pub(crate) fn thread(self) -> Option<ThreadId> {
        match self.caller {
            Caller::Thread(thread) if thread.process == self.process => Some(thread),
            _ => None,
        }
    }
}

impl<C: Into<Caller>> From<C> for Target {
    fn from(caller: C) -> Self {
        let caller = caller.into();
        caller.on(caller.process())
    }
}

impl Machine {
    /// The memory that a call is about. What comes next is done on the caller's processor.
    pub(crate) fn space(
        &mut self,
        target: impl Into<Target>,
    ) -> Result<(&mut UserSpace, &mut Kernel), Status> {
        let Target { caller, process } = target.into();
        let is_own = caller.process() == process;
        if !is_own || self.kernel.physical.is_short() {
            self.arrive(caller, process)?;
        }
        let kernel = &mut self.kernel;
        let space = self.spaces.get_mut(&process);
        let space = space.ok_or(Status::InvalidHandle)?;
        if is_own {
            let processor = space.processor_of(caller)?;
            kernel.processors.arrive(processor)?;
        }
        space.note_use(kernel);
        Ok((space, kernel))
    }

    /// Lets a caller's processor make the call, and what has to be done before it.
    #[cold]
    fn arrive(&mut self, caller: Caller, process: ProcessId) -> Result<(), Status> {
        let processor = self.processor_of(caller)?;
        self.kernel.processors.arrive(processor)?;
        self.balance(Some(process))?;
        if let Some(space) = self.spaces.get_mut(&caller.process()) {
            space.note_use(&mut self.kernel);
        }
        Ok(())
    }

    /// Where a caller runs; a thread must not have ended.
    pub(crate) fn processor_of(&self, caller: Caller) -> Result<ProcessorId, Status> {
        self.space_ref(caller.process())?.0.processor_of(caller)
    }
}

impl UserSpace {
    /// Where the process or one of its threads runs.
    fn processor_of(&self, caller: Caller) -> Result<ProcessorId, Status> {
        match caller {
            Caller::Process(_) => Ok(self.processor),
            Caller::Thread(thread) if self.threads.contains_key(&thread) => {
                let own = self.processors.get(&thread);
                Ok(*own.unwrap_or(&self.processor))
            }
            Caller::Thread(_) => Err(Status::InvalidHandle),
        }
    }
}
