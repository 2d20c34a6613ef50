use mmu_core::VirtAddr;

use crate::{
    AllocationType, Backing, FreeType, Machine, PageProtection, ProcessId, Range,
    SectionAttributes, SectionHandle, Status, ViewAccess, ViewRequest, protection::Protection,
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
            .create_section_as(self.process, backing, protection, attributes, size)
    }

    /// `MapViewOfFileEx`: as [`Machine::map_view`], with the protection that an access stands
    /// for, and in large pages if that is asked for.
    ///
    /// # Errors
    /// The first of these that is true, and else as [`Machine::map_view`].
    /// - [`Status::AccessDenied`]: the section does not permit the access.
    /// - [`Status::InvalidParameter9`]: it was not made for large pages.
    /// - [`Status::InvalidPageProtection`]: large pages are neither copied nor without access.
    /// - [`Status::MappedAlignment`], [`Status::InvalidViewSize`]: base and offset, or size,
    ///   are no multiples of [`LARGE_PAGE_MINIMUM`](crate::LARGE_PAGE_MINIMUM).
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
        let kind = if access.contains(ViewAccess::LARGE_PAGES) {
            AllocationType::LARGE_PAGES
        } else {
            AllocationType::empty()
        };
        self.machine.map(self.process, section, &request, kind)
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
        let (plain, executable) = if self - Self::EXECUTE - Self::LARGE_PAGES == Self::COPY {
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
