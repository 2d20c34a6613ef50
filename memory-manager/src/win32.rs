use crate::{Caller, Machine, ProcessId, Status, Target, ThreadId, environment::TebField};

mod dep;
mod file_mapping;
mod memory;
mod process_memory;
mod system_info;
mod working_set;

pub use system_info::{ProcessorArchitecture, SystemInfo};

/// The Win32 API as one thread of a process sees it: the native calls with other arguments and
/// rules of its own, and with an error that is kept.
///
/// A call that fails leaves its error for the thread to ask for, [`Status::win32`] of what it
/// gives; one that succeeds leaves what there was. What `Ex` ends is for any process.
///
/// A thread keeps the error where its programs look for it, in its environment block. Those that
/// nothing is said of but their process share one, which is kept with that.
///
/// ```
/// use memory_manager::{AllocationType, Machine, MachineConfig, PageProtection, Win32};
/// use mmu_core::VirtAddr;
///
/// let mut machine = Machine::new(&MachineConfig::default())?;
/// let process = machine.create_process()?;
/// let mut win32 = Win32::new(&mut machine, process);
/// let low = Some(VirtAddr::new(0x1000));
/// let (commit, read_write) = (AllocationType::COMMIT, PageProtection::READWRITE);
/// assert!(win32.virtual_alloc(low, 8, commit, read_write).is_err());
/// assert_eq!(win32.last_error(), 87);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Win32<'m> {
    /// The machine it runs on.
    pub machine: &'m mut Machine,
    /// The process that calls.
    pub process: ProcessId,
    thread: Option<ThreadId>,
}

impl<'m> Win32<'m> {
    /// What a thread sees, or a process of whose threads nothing is said.
    pub fn new(machine: &'m mut Machine, caller: impl Into<Caller>) -> Self {
        let caller = caller.into();
        Self {
            machine,
            process: caller.process(),
            thread: match caller {
                Caller::Process(_) => None,
                Caller::Thread(thread) => Some(thread),
            },
        }
    }

    /// `GetLastError`: the error that was kept last, or 0.
    pub fn last_error(&self) -> u32 {
        if let Some(thread) = self.thread {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the lower half is the field"
            )]
            return self.machine.last_error_field(thread).unwrap_or(0) as u32;
        }
        let space = self.machine.spaces.get(&self.process);
        space.map_or(0, |space| space.last_error)
    }

    /// `SetLastError`. A thread or a process that has ended keeps nothing.
    pub fn set_last_error(&mut self, error: u32) {
        if let Some(thread) = self.thread {
            self.machine.set_last_error_field(thread, error);
        } else if let Some(space) = self.machine.spaces.get_mut(&self.process) {
            space.last_error = error;
        }
    }

    /// The memory of a process, for the thread that calls.
    fn on(&self, process: ProcessId) -> Target {
        let caller = self.thread.map_or(self.process.into(), Caller::from);
        caller.on(process)
    }

    /// The memory of the process that calls.
    fn own(&self) -> Target {
        self.on(self.process)
    }

    /// Keeps the error of a call.
    fn keep<T>(&mut self, result: Result<T, Status>) -> Result<T, Status> {
        result.inspect_err(|status| self.set_last_error(status.win32()))
    }
}

impl Machine {
    /// The eight bytes of a thread's environment block whose lower half is the last error.
    fn last_error_field(&self, thread: ThreadId) -> Option<u64> {
        let (space, kernel) = self.space_ref(thread.process).ok()?;
        let teb = *space.threads.get(&thread)?;
        space.teb_field(kernel, teb, TebField::LastError)
    }

    fn set_last_error_field(&mut self, thread: ThreadId, error: u32) {
        const FIELD: u64 = u32::MAX as u64;
        let Some(old) = self.last_error_field(thread) else {
            return;
        };
        if let Ok((space, kernel)) = self.space(thread)
            && let Some(&teb) = space.threads.get(&thread)
        {
            // The block's page is there, or there were no field to read.
            let new = old & !FIELD | u64::from(error);
            let _ = space.set_teb_field(kernel, teb, TebField::LastError, new);
        }
    }
}
