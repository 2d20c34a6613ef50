use crate::{DepFlags, DepPolicy, ProcessDep, ProcessId, Status, Win32};

impl Win32<'_> {
    /// `GetSystemDEPPolicy`.
    pub fn get_system_dep_policy(&self) -> DepPolicy {
        self.machine.dep_policy()
    }

    /// `GetProcessDEPPolicy`: [`Machine::process_dep`](crate::Machine::process_dep).
    ///
    /// # Errors
    /// As there.
    pub fn get_process_dep_policy(&mut self, process: ProcessId) -> Result<ProcessDep, Status> {
        let told = self.machine.process_dep(process);
        self.keep(told)
    }

    /// `SetProcessDEPPolicy`: [`Machine::set_process_dep`](crate::Machine::set_process_dep) for
    /// the process that calls.
    ///
    /// # Errors
    /// As there.
    pub fn set_process_dep_policy(&mut self, flags: DepFlags) -> Result<(), Status> {
        let done = self.machine.set_process_dep(self.own(), flags);
        self.keep(done)
    }
}
