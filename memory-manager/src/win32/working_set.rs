use bitflags::bitflags;
use mmu_core::VirtAddr;

use crate::{ProcessId, Range, Status, Win32, WorkingSetPage, WorkingSetSize};

bitflags! {
    /// Which sizes of a working set are hard limits (Microsoft, `SetProcessWorkingSetSizeEx`).
    /// Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct WorkingSetLimits: u32 {
        /// `QUOTA_LIMITS_HARDWS_MIN_ENABLE`.
        const HARD_MINIMUM = 0x1;
        /// `QUOTA_LIMITS_HARDWS_MIN_DISABLE`.
        const SOFT_MINIMUM = 0x2;
        /// `QUOTA_LIMITS_HARDWS_MAX_ENABLE`.
        const HARD_MAXIMUM = 0x4;
        /// `QUOTA_LIMITS_HARDWS_MAX_DISABLE`.
        const SOFT_MAXIMUM = 0x8;

        const _ = !0;
    }
}

impl WorkingSetLimits {
    /// None of them.
    pub const SOFT: Self = Self::SOFT_MINIMUM.union(Self::SOFT_MAXIMUM);

    const HARD: Self = Self::HARD_MINIMUM.union(Self::HARD_MAXIMUM);

    /// That there can be such limits.
    fn check(self) -> Result<(), Status> {
        const MINIMUM: WorkingSetLimits =
            WorkingSetLimits::HARD_MINIMUM.union(WorkingSetLimits::SOFT_MINIMUM);
        const MAXIMUM: WorkingSetLimits =
            WorkingSetLimits::HARD_MAXIMUM.union(WorkingSetLimits::SOFT_MAXIMUM);
        let is_known = (MINIMUM | MAXIMUM).contains(self);
        if !is_known || self.contains(MINIMUM) || self.contains(MAXIMUM) {
            Err(Status::InvalidParameter)
        } else if self.intersects(Self::HARD) {
            Err(Status::NotSupported)
        } else {
            Ok(())
        }
    }
}

impl Win32<'_> {
    /// `VirtualLock`: [`Machine::virtual_lock`](crate::Machine::virtual_lock).
    ///
    /// # Errors
    /// As there.
    pub fn virtual_lock(&mut self, base: VirtAddr, size: u64) -> Result<Range, Status> {
        let locked = self.machine.virtual_lock(self.process, base, size);
        self.keep(locked)
    }

    /// `VirtualUnlock`: [`Machine::virtual_unlock`](crate::Machine::virtual_unlock).
    ///
    /// # Errors
    /// As there.
    pub fn virtual_unlock(&mut self, base: VirtAddr, size: u64) -> Result<Range, Status> {
        let unlocked = self.machine.virtual_unlock(self.process, base, size);
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
        let done = self.machine.set_working_set_size(process, size);
        self.keep(done)
    }

    /// `GetProcessWorkingSetSizeEx`: as [`Win32::get_process_working_set_size`], with what of
    /// it is a hard limit, which is nothing.
    ///
    /// # Errors
    /// As there.
    pub fn get_process_working_set_size_ex(
        &mut self,
        process: ProcessId,
    ) -> Result<(WorkingSetSize, WorkingSetLimits), Status> {
        let size = self.get_process_working_set_size(process)?;
        Ok((size, WorkingSetLimits::SOFT))
    }

    /// `SetProcessWorkingSetSizeEx`: as [`Win32::set_process_working_set_size`], with what of
    /// it is a hard limit.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidParameter`]: unknown flags, or one together with its opposite.
    /// - [`Status::NotSupported`]: there are no hard limits yet.
    /// - As [`Machine::set_working_set_size`](crate::Machine::set_working_set_size).
    pub fn set_process_working_set_size_ex(
        &mut self,
        process: ProcessId,
        size: WorkingSetSize,
        limits: WorkingSetLimits,
    ) -> Result<(), Status> {
        let set = limits
            .check()
            .and_then(|()| self.machine.set_working_set_size(process, size));
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
        ranges: &[Range],
    ) -> Result<(), Status> {
        let done = self.machine.prefetch_virtual_memory(process, ranges);
        self.keep(done)
    }

    /// `DiscardVirtualMemory`: [`Machine::discard`](crate::Machine::discard). It gives its
    /// error, and leaves the one that is kept as it is.
    ///
    /// # Errors
    /// As there.
    pub fn discard_virtual_memory(&mut self, base: VirtAddr, size: u64) -> Result<(), Status> {
        self.machine.discard(self.process, base, size)
    }
}
