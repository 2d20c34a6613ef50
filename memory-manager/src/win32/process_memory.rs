use mmu_core::VirtAddr;

use crate::{
    AddressRange, CopyError, Machine, MemoryKind, PageProtection, ProcessId, Status, Target, Win32,
};

impl Win32<'_> {
    /// `ReadProcessMemory`: [`Machine::read_virtual_memory`].
    ///
    /// # Errors
    /// As there.
    pub fn read_process_memory(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        bytes: &mut [u8],
    ) -> Result<(), CopyError> {
        let read = self
            .machine
            .read_virtual_memory(self.on(process), address, bytes);
        self.keep_copy(read)
    }

    /// `ReadProcessMemory` into a buffer of the process that calls:
    /// [`Machine::copy_virtual_memory`].
    ///
    /// # Errors
    /// As there.
    pub fn read_process_memory_into(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        buffer: AddressRange,
    ) -> Result<(), CopyError> {
        let target = (self.own(), buffer.base);
        let read =
            self.machine
                .copy_virtual_memory((self.on(process), address), target, buffer.size);
        self.keep_copy(read)
    }

    /// `WriteProcessMemory`: as [`Machine::write_virtual_memory`], if the first page can be
    /// written or is code. Pages of code, as far as they are like the first, are made writable
    /// for as long as the call takes.
    ///
    /// # Errors
    /// As [`Machine::write_virtual_memory`], and without a count:
    /// - [`Status::AccessViolation`]: the first page can be neither written nor executed.
    /// - As [`Machine::virtual_query`] and [`Machine::virtual_protect`].
    pub fn write_process_memory(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        bytes: &[u8],
    ) -> Result<(), CopyError> {
        let target = self.on(process);
        let write = |machine: &mut Machine| machine.write_virtual_memory(target, address, bytes);
        let size = bytes.len() as u64;
        let written = self.machine.write_or_patch(target, address, size, write);
        self.keep_copy(written)
    }

    /// `WriteProcessMemory` from a buffer of the process that calls.
    ///
    /// # Errors
    /// As [`Win32::write_process_memory`], and as [`Machine::copy_virtual_memory`] of the
    /// buffer.
    pub fn write_process_memory_from(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        buffer: AddressRange,
    ) -> Result<(), CopyError> {
        let (source, target) = ((self.own(), buffer.base), self.on(process));
        let write = |machine: &mut Machine| {
            machine.copy_virtual_memory(source, (target, address), buffer.size)
        };
        let written = self
            .machine
            .write_or_patch(target, address, buffer.size, write);
        self.keep_copy(written)
    }

    fn keep_copy(&mut self, result: Result<(), CopyError>) -> Result<(), CopyError> {
        result.inspect_err(|error| self.set_last_error(error.code.win32()))
    }
}

impl Machine {
    fn write_or_patch(
        &mut self,
        target: Target,
        address: VirtAddr,
        size: u64,
        write: impl FnOnce(&mut Self) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        const CODE: [PageProtection; 2] = [PageProtection::EXECUTE, PageProtection::EXECUTE_READ];
        const CLOSED: [PageProtection; 3] = [
            PageProtection::empty(),
            PageProtection::NOACCESS,
            PageProtection::READONLY,
        ];
        let first = self.virtual_query(target.process, address);
        let first = first.map_err(CopyError::refused)?;
        let base = first.protection & PageProtection::BASE;
        if CLOSED.contains(&base) {
            return Err(CopyError::refused(Status::AccessViolation));
        }
        let is_guarded = first.protection.contains(PageProtection::GUARD);
        if !CODE.contains(&base) || is_guarded || size == 0 {
            return write(self);
        }
        let writable = if first.kind == Some(MemoryKind::Private) {
            PageProtection::EXECUTE_READWRITE
        } else {
            PageProtection::EXECUTE_WRITECOPY
        };
        let alike = first.size - (address.as_u64() - first.base.as_u64());
        let size = alike.min(size);
        let (pages, old) = self
            .virtual_protect(target, address, size, writable)
            .map_err(CopyError::refused)?;
        let written = write(self);
        let restored = self.virtual_protect(target, pages.base, pages.size, old);
        written.and(restored.map(|_| ()).map_err(CopyError::refused))
    }
}
