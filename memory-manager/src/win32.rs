//! The calls of the Win32 API, where they differ from the native ones below them.

use mmu_core::VirtAddr;

use crate::{
    Backing, FreeType, Machine, PageProtection, ProcessId, Range, SectionAttributes, SectionHandle,
    Status, ViewAccess,
};

/// The Win32 calls of one process.
#[derive(Debug)]
pub struct Win32<'m> {
    /// The machine it runs on.
    pub machine: &'m mut Machine,
    /// The process.
    pub process: ProcessId,
}

impl Win32<'_> {
    /// `VirtualFree`: as the native call, but a region is released whole, with a size of 0.
    pub fn virtual_free(
        &mut self,
        base: VirtAddr,
        size: u64,
        kind: FreeType,
    ) -> Result<Range, Status> {
        let _ = (base, size, kind);
        todo!()
    }
    /// `CreateFileMapping`.
    pub fn create_file_mapping(
        &mut self,
        backing: Backing,
        protection: PageProtection,
        attributes: SectionAttributes,
        size: u64,
    ) -> Result<SectionHandle, Status> {
        let _ = (backing, protection, attributes, size);
        todo!()
    }
    /// `MapViewOfFileEx`.
    pub fn map_view_of_file(
        &mut self,
        section: SectionHandle,
        access: ViewAccess,
        offset: u64,
        size: u64,
        base: Option<VirtAddr>,
    ) -> Result<Range, Status> {
        let _ = (section, access, offset, size, base);
        todo!()
    }
    /// `UnmapViewOfFile`.
    pub fn unmap_view_of_file(&mut self, address: VirtAddr) -> Result<Range, Status> {
        self.machine.unmap_view(self.process, address)
    }
    /// `FlushViewOfFile`.
    pub fn flush_view_of_file(&mut self, base: VirtAddr, size: u64) -> Result<(), Status> {
        let _ = (base, size);
        todo!()
    }
}
