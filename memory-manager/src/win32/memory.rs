use mmu_core::VirtAddr;

use crate::{
    ALLOCATION_GRANULARITY, AddressRange, AddressRequirements, AllocationRequest, AllocationType,
    FreeType, MemoryInformation, PageProtection, ProcessId, RegionInformation, Status, WatchFlags,
    Win32, protection::Protection,
};

impl Win32<'_> {
    /// `VirtualAlloc`: [`Win32::virtual_alloc_ex`] for the process that calls.
    ///
    /// # Errors
    /// As [`Win32::virtual_alloc_ex`].
    pub fn virtual_alloc(
        &mut self,
        base: Option<VirtAddr>,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<AddressRange, Status> {
        self.virtual_alloc_ex(self.process, base, size, kind, protection)
    }

    /// `VirtualAllocEx`: as [`Machine::virtual_alloc`], but not in the first 64 KiB.
    ///
    /// [`Machine::virtual_alloc`]: crate::Machine::virtual_alloc
    ///
    /// # Errors
    /// [`Status::InvalidParameter`] if it is to be there, whatever is to be done (ReactOS's
    /// kernel32); else as [`Machine::virtual_alloc`](crate::Machine::virtual_alloc).
    pub fn virtual_alloc_ex(
        &mut self,
        process: ProcessId,
        base: Option<VirtAddr>,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<AddressRange, Status> {
        let is_low = base.is_some_and(|base| (1..ALLOCATION_GRANULARITY).contains(&base.as_u64()));
        let done = if is_low {
            Err(Status::InvalidParameter)
        } else {
            self.machine
                .virtual_alloc(self.on(process), base, size, kind, protection)
        };
        self.keep(done)
    }

    /// `VirtualAlloc2`: [`Machine::virtual_alloc_ex`](crate::Machine::virtual_alloc_ex).
    ///
    /// # Errors
    /// As there.
    pub fn virtual_alloc2(
        &mut self,
        process: ProcessId,
        request: &AllocationRequest,
        requirements: &AddressRequirements,
    ) -> Result<AddressRange, Status> {
        let done = self
            .machine
            .virtual_alloc_ex(self.on(process), request, requirements);
        self.keep(done)
    }

    /// `VirtualFree`: [`Win32::virtual_free_ex`] for the process that calls.
    ///
    /// # Errors
    /// As [`Win32::virtual_free_ex`].
    pub fn virtual_free(
        &mut self,
        base: VirtAddr,
        size: u64,
        kind: FreeType,
    ) -> Result<AddressRange, Status> {
        self.virtual_free_ex(self.process, base, size, kind)
    }

    /// `VirtualFreeEx`: as [`Machine::virtual_free`], but a region is released whole.
    ///
    /// [`Machine::virtual_free`]: crate::Machine::virtual_free
    ///
    /// # Errors
    /// [`Status::InvalidParameter`] if it is released with a size; else as
    /// [`Machine::virtual_free`](crate::Machine::virtual_free).
    pub fn virtual_free_ex(
        &mut self,
        process: ProcessId,
        base: VirtAddr,
        size: u64,
        kind: FreeType,
    ) -> Result<AddressRange, Status> {
        let done = if kind == FreeType::RELEASE && size != 0 {
            Err(Status::InvalidParameter)
        } else {
            self.machine
                .virtual_free(self.on(process), base, size, kind)
        };
        self.keep(done)
    }

    /// `VirtualProtect`: [`Win32::virtual_protect_ex`] for the process that calls.
    ///
    /// # Errors
    /// As [`Win32::virtual_protect_ex`].
    pub fn virtual_protect(
        &mut self,
        base: VirtAddr,
        size: u64,
        protection: PageProtection,
        old: Option<&mut PageProtection>,
    ) -> Result<(), Status> {
        self.virtual_protect_ex(self.process, base, size, protection, old)
    }

    /// `VirtualProtectEx`: as [`Machine::virtual_protect`], which says in `old` what the first
    /// page had.
    ///
    /// [`Machine::virtual_protect`]: crate::Machine::virtual_protect
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidPageProtection`]: no page can be protected so.
    /// - [`Status::AccessViolation`]: there is no `old`, which it cannot do without.
    /// - As [`Machine::virtual_protect`](crate::Machine::virtual_protect).
    pub fn virtual_protect_ex(
        &mut self,
        process: ProcessId,
        base: VirtAddr,
        size: u64,
        protection: PageProtection,
        old: Option<&mut PageProtection>,
    ) -> Result<(), Status> {
        let place = Protection::new(protection).and(old.ok_or(Status::AccessViolation));
        let done = place.and_then(|old| {
            let done = self
                .machine
                .virtual_protect(self.on(process), base, size, protection);
            done.map(|(_, first)| *old = first)
        });
        self.keep(done)
    }

    /// `VirtualQuery`: [`Win32::virtual_query_ex`] for the process that calls.
    ///
    /// # Errors
    /// As [`Win32::virtual_query_ex`].
    pub fn virtual_query(
        &mut self,
        address: VirtAddr,
        length: usize,
    ) -> Result<MemoryInformation, Status> {
        self.virtual_query_ex(self.process, address, length)
    }

    /// `VirtualQueryEx`: as [`Machine::virtual_query`], into a buffer of so many bytes.
    ///
    /// [`Machine::virtual_query`]: crate::Machine::virtual_query
    ///
    /// # Errors
    /// [`Status::InfoLengthMismatch`] if that is less than [`MemoryInformation::BYTES`]; else
    /// as [`Machine::virtual_query`](crate::Machine::virtual_query).
    pub fn virtual_query_ex(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        length: usize,
    ) -> Result<MemoryInformation, Status> {
        let done = if length < MemoryInformation::BYTES {
            Err(Status::InfoLengthMismatch)
        } else {
            self.machine.virtual_query(process, address)
        };
        self.keep(done)
    }

    /// `QueryVirtualMemoryInformation`, `MemoryRegionInfo`:
    /// [`Machine::query_region`](crate::Machine::query_region).
    ///
    /// # Errors
    /// As there.
    pub fn query_virtual_memory_information(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        length: usize,
    ) -> Result<RegionInformation, Status> {
        let told = self.machine.query_region(process, address, length);
        self.keep(told)
    }

    /// `GetWriteWatch`: [`Machine::get_write_watch`](crate::Machine::get_write_watch).
    ///
    /// # Errors
    /// As there.
    pub fn get_write_watch(
        &mut self,
        base: VirtAddr,
        size: u64,
        flags: WatchFlags,
        limit: usize,
    ) -> Result<Vec<VirtAddr>, Status> {
        let written = self
            .machine
            .get_write_watch(self.own(), base, size, flags, limit);
        self.keep(written)
    }

    /// `ResetWriteWatch`: [`Machine::reset_write_watch`](crate::Machine::reset_write_watch).
    ///
    /// # Errors
    /// As there.
    pub fn reset_write_watch(&mut self, base: VirtAddr, size: u64) -> Result<(), Status> {
        let done = self.machine.reset_write_watch(self.own(), base, size);
        self.keep(done)
    }
}
