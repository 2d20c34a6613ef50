use mmu_core::VirtAddr;

use crate::{
    Backing, FreeType, Machine, PageProtection, ProcessId, Range, SectionAttributes, SectionHandle,
    Status, ViewAccess, ViewRequest, protection::Protection,
};

/// The calls of the Win32 API where they differ from the native ones; for one process.
#[derive(Debug)]
pub struct Win32<'m> {
    /// The machine it runs on.
    pub machine: &'m mut Machine,
    /// The process.
    pub process: ProcessId,
}

impl Win32<'_> {
    /// `VirtualFree`: as [`Machine::virtual_free`], but a region is released whole.
    ///
    /// # Errors
    /// [`Status::InvalidParameter`] if it is released with a size; else as
    /// [`Machine::virtual_free`].
    pub fn virtual_free(
        &mut self,
        base: VirtAddr,
        size: u64,
        kind: FreeType,
    ) -> Result<Range, Status> {
        if kind == FreeType::RELEASE && size != 0 {
            return Err(Status::InvalidParameter);
        }
        self.machine.virtual_free(self.process, base, size, kind)
    }

    /// `CreateFileMapping`: as [`Machine::create_section`], with six protections, and
    /// committed at once if nothing is said.
    ///
    /// # Errors
    /// [`Status::InvalidParameter`] for any other protection; else as
    /// [`Machine::create_section`].
    pub fn create_file_mapping(
        &mut self,
        backing: Backing,
        protection: PageProtection,
        attributes: SectionAttributes,
        size: u64,
    ) -> Result<SectionHandle, Status> {
        const ALLOWED: [PageProtection; 6] = [
            PageProtection::READONLY,
            PageProtection::READWRITE,
            PageProtection::WRITECOPY,
            PageProtection::EXECUTE_READ,
            PageProtection::EXECUTE_READWRITE,
            PageProtection::EXECUTE_WRITECOPY,
        ];
        if !ALLOWED.contains(&protection) {
            return Err(Status::InvalidParameter);
        }
        let attributes = if attributes.is_empty() {
            SectionAttributes::COMMIT
        } else {
            attributes
        };
        self.machine
            .create_section(backing, protection, attributes, size)
    }

    /// `MapViewOfFileEx`: as [`Machine::map_view`], with the protection that an access stands
    /// for.
    ///
    /// # Errors
    /// [`Status::AccessDenied`] if the section does not permit the access; else as
    /// [`Machine::map_view`].
    pub fn map_view_of_file(
        &mut self,
        section: SectionHandle,
        access: ViewAccess,
        offset: u64,
        size: u64,
        base: Option<VirtAddr>,
    ) -> Result<Range, Status> {
        let protection = access.protection();
        let own = self.machine.kernel.segments.section(section)?.protection;
        if !own.covers(Protection::new(protection)?) {
            return Err(Status::AccessDenied);
        }
        let request = ViewRequest {
            base,
            offset,
            size,
            commit: 0,
            protection,
        };
        let mapped = self.machine.map_view(self.process, section, &request)?;
        Ok(mapped.range)
    }

    /// `UnmapViewOfFile`.
    ///
    /// # Errors
    /// As [`Machine::unmap_view`].
    pub fn unmap_view_of_file(&mut self, address: VirtAddr) -> Result<Range, Status> {
        self.machine.unmap_view(self.process, address)
    }

    /// `FlushViewOfFile`.
    ///
    /// # Errors
    /// As [`Machine::flush_view`].
    pub fn flush_view_of_file(&mut self, base: VirtAddr, size: u64) -> Result<(), Status> {
        self.machine.flush_view(self.process, base, size)?;
        Ok(())
    }
}

impl ViewAccess {
    /// The protection of the view (Wine's tests, kernel32 `file_access_to_prot`).
    fn protection(self) -> PageProtection {
        let executes = self.contains(Self::EXECUTE);
        let (plain, executable) = if self - Self::EXECUTE == Self::COPY {
            (PageProtection::WRITECOPY, PageProtection::EXECUTE_WRITECOPY)
        } else if self.contains(Self::WRITE) {
            (PageProtection::READWRITE, PageProtection::EXECUTE_READWRITE)
        } else if self.contains(Self::READ) {
            (PageProtection::READONLY, PageProtection::EXECUTE_READ)
        } else {
            (PageProtection::NOACCESS, PageProtection::NOACCESS)
        };
        if executes { executable } else { plain }
    }
}
