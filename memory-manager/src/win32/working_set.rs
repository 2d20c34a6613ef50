use mmu_core::VirtAddr;

use crate::{
    AddressRange, ProcessId, Status, Win32, WorkingSetLimits, WorkingSetPage, WorkingSetSize,
};

impl Win32<'_> {
    /// `VirtualLock`: [`Machine::virtual_lock`](crate::Machine::virtual_lock).
    ///
    /// # Errors
    /// As there.
    pub fn virtual_lock(&mut self, base: VirtAddr, size: u64) -> Result<AddressRange, Status> {
        let locked = self.machine.virtual_lock(self.own(), base, size);
        self.keep(locked)
    }

    /// `VirtualUnlock`: [`Machine::virtual_unlock`](crate::Machine::virtual_unlock).
    ///
    /// # Errors
    /// As there.
    pub fn virtual_unlock(&mut self, base: VirtAddr, size: u64) -> Result<AddressRange, Status> {
        let unlocked = self.machine.virtual_unlock(self.own(), base, size);
        self.keep(unlocked)
    }

    /// `GetProcessWorkingSetSize`:
    /// [`Machine::working_set_size`](crate::Machine::working_set_size).
    ///
    /// # Errors
    /// As there.
    pub fn get_process_working_set_size(
        &mut self,
        process: ProcessId,
    ) -> Result<WorkingSetSize, Status> {
        let told = self.machine.working_set_size(process);
        self.keep(told)
    }

    /// `SetProcessWorkingSetSize`:
    /// [`Machine::set_working_set_size`](crate::Machine::set_working_set_size).
    ///
    /// # Errors
    /// As there.
    pub fn set_process_working_set_size(
        &mut self,
        process: ProcessId,
        size: WorkingSetSize,
    ) -> Result<(), Status> {
        let done = self.machine.set_working_set_size(self.on(process), size);
        self.keep(done)
    }

    /// `GetProcessWorkingSetSizeEx`:
    /// [`Machine::working_set_size_ex`](crate::Machine::working_set_size_ex).
    ///
    /// # Errors
    /// As there.
    pub fn get_process_working_set_size_ex(
        &mut self,
        process: ProcessId,
    ) -> Result<(WorkingSetSize, WorkingSetLimits), Status> {
        let told = self.machine.working_set_size_ex(process);
        self.keep(told)
    }

    /// `SetProcessWorkingSetSizeEx`:
    /// [`Machine::set_working_set_size_ex`](crate::Machine::set_working_set_size_ex).
    ///
    /// # Errors
    /// As there.
    pub fn set_process_working_set_size_ex(
        &mut self,
        process: ProcessId,
        size: WorkingSetSize,
        limits: WorkingSetLimits,
    ) -> Result<(), Status> {
        let set = self
            .machine
            .set_working_set_size_ex(self.on(process), size, limits);
        self.keep(set)
    }

    /// `EmptyWorkingSet`: as [`Win32::set_process_working_set_size`] with all ones for both.
    ///
    /// # Errors
    /// As there.
    pub fn empty_working_set(&mut self, process: ProcessId) -> Result<(), Status> {
        let all_ones = WorkingSetSize {
            minimum: u64::MAX,
            maximum: u64::MAX,
        };
        self.set_process_working_set_size(process, all_ones)
    }

    /// `QueryWorkingSetEx`:
    /// [`Machine::query_working_set_ex`](crate::Machine::query_working_set_ex).
    ///
    /// # Errors
    /// As there.
    pub fn query_working_set_ex(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
    ) -> Result<WorkingSetPage, Status> {
        let told = self.machine.query_working_set_ex(process, address);
        self.keep(told)
    }

    /// `PrefetchVirtualMemory`:
    /// [`Machine::prefetch_virtual_memory`](crate::Machine::prefetch_virtual_memory).
    ///
    /// # Errors
    /// As there.
    pub fn prefetch_virtual_memory(
        &mut self,
        process: ProcessId,
        ranges: &[AddressRange],
    ) -> Result<(), Status> {
        let done = self
            .machine
            .prefetch_virtual_memory(self.on(process), ranges);
        self.keep(done)
    }

    /// `DiscardVirtualMemory`: [`Machine::discard`](crate::Machine::discard). It gives its
    /// error, and leaves the one that is kept as it is.
    ///
    /// # Errors
    /// As there.
    pub fn discard_virtual_memory(&mut self, base: VirtAddr, size: u64) -> Result<(), Status> {
        self.machine.discard(self.own(), base, size)
    }
}
