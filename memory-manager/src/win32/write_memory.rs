use mmu_core::VirtAddr;

use crate::{CopyError, MemoryKind, PageProtection, ProcessId, Status, Win32};

impl Win32<'_> {
    /// `WriteProcessMemory`: as [`Machine::write_virtual_memory`], by the protection of the
    /// first page. Pages of code, as far as they are like the first, are made writable for as
    /// long as the call takes.
    ///
    /// [`Machine::write_virtual_memory`]: crate::Machine::write_virtual_memory
    ///
    /// # Errors
    /// As [`Machine::write_virtual_memory`], and without a count:
    /// - [`Status::AccessViolation`]: the first page can be neither written nor executed.
    /// - As [`Machine::virtual_query`] and [`Machine::virtual_protect`].
    ///
    /// [`Machine::virtual_query`]: crate::Machine::virtual_query
    /// [`Machine::virtual_protect`]: crate::Machine::virtual_protect
    pub fn write_process_memory(
        &mut self,
        target: ProcessId,
        address: VirtAddr,
        bytes: &[u8],
    ) -> Result<(), CopyError> {
        const CODE: [PageProtection; 2] = [PageProtection::EXECUTE, PageProtection::EXECUTE_READ];
        const CLOSED: [PageProtection; 3] = [
            PageProtection::empty(),
            PageProtection::NOACCESS,
            PageProtection::READONLY,
        ];
        let machine = &mut *self.machine;
        let first = machine.virtual_query(target, address);
        let first = first.map_err(CopyError::refused)?;
        let base = first.protection & PageProtection::BASE;
        if CLOSED.contains(&base) {
            return Err(CopyError::refused(Status::AccessViolation));
        }
        let is_guarded = first.protection.contains(PageProtection::GUARD);
        if !CODE.contains(&base) || is_guarded || bytes.is_empty() {
            return machine.write_virtual_memory(target, address, bytes);
        }
        let writable = if first.kind == Some(MemoryKind::Private) {
            PageProtection::EXECUTE_READWRITE
        } else {
            PageProtection::EXECUTE_WRITECOPY
        };
        let alike = first.size - (address.as_u64() - first.base.as_u64());
        let size = alike.min(bytes.len() as u64);
        let (pages, old) = machine
            .virtual_protect(target, address, size, writable)
            .map_err(CopyError::refused)?;
        let written = machine.write_virtual_memory(target, address, bytes);
        let restored = machine.virtual_protect(target, pages.base, pages.size, old);
        written.and(restored.map(|_| ()).map_err(CopyError::refused))
    }
}
