use crate::{Machine, ProcessId, Status};

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
    last_error: u32,
}

impl<'m> Win32<'m> {
    /// A thread of a process, without an error.
    pub fn new(machine: &'m mut Machine, process: ProcessId) -> Self {
        Self {
            machine,
            process,
            last_error: 0,
        }
    }

    /// `GetLastError`: the error that was kept last.
    pub fn last_error(&self) -> u32 {
        self.last_error
    }

    /// `SetLastError`.
    pub fn set_last_error(&mut self, error: u32) {
        self.last_error = error;
    }

    /// Keeps the error of a call.
    fn keep<T>(&mut self, result: Result<T, Status>) -> Result<T, Status> {
        result.inspect_err(|status| self.last_error = status.win32())
    }
}
