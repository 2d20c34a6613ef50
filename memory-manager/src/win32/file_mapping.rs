use mmu_core::VirtAddr;

use crate::{
    AllocationType, Backing, PageProtection, ProcessId, Range, SectionAttributes, SectionHandle,
    Status, ViewAccess, ViewRequest, Win32, protection::Protection,
};

impl Win32<'_> {
    /// `CreateFileMapping`: as [`Machine::create_section_as`], with six protections, and
    /// committed at once if nothing is said.
    ///
    /// [`Machine::create_section_as`]: crate::Machine::create_section_as
    ///
    /// # Errors
    /// [`Status::InvalidParameter`] for any other protection; else as
    /// [`Machine::create_section_as`](crate::Machine::create_section_as).
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
        let attributes = if attributes.is_empty() {
            SectionAttributes::COMMIT
        } else {
            attributes
        };
        let made = if ALLOWED.contains(&protection) {
            self.machine
                .create_section_as(self.process, backing, protection, attributes, size)
        } else {
            Err(Status::InvalidParameter)
        };
        self.keep(made)
    }

    /// `CloseHandle` of a section: [`Machine::close_section`](crate::Machine::close_section).
    ///
    /// # Errors
    /// As there.
    pub fn close_handle(&mut self, section: SectionHandle) -> Result<(), Status> {
        let done = self.machine.close_section(section);
        self.keep(done)
    }

    /// `MapViewOfFile`: [`Win32::map_view_of_file_ex`], wherever there is room.
    ///
    /// # Errors
    /// As [`Win32::map_view_of_file_ex`].
    pub fn map_view_of_file(
        &mut self,
        section: SectionHandle,
        access: ViewAccess,
        offset: u64,
        size: u64,
    ) -> Result<Range, Status> {
        self.map_view_of_file_ex(section, access, offset, size, None)
    }

    /// `MapViewOfFileEx`: as [`Machine::map_view`], with the protection that an access stands
    /// for, and in large pages if that is asked for.
    ///
    /// [`Machine::map_view`]: crate::Machine::map_view
    ///
    /// # Errors
    /// - [`Status::AccessDenied`]: the section does not permit the access.
    /// - [`Status::InvalidParameter9`]: it was not made for large pages.
    /// - [`Status::InvalidPageProtection`]: large pages are neither copied nor without access.
    /// - [`Status::MappedAlignment`], [`Status::InvalidViewSize`]: base and offset, or size,
    ///   are no multiples of large pages.
    /// - As [`Machine::map_view`](crate::Machine::map_view).
    pub fn map_view_of_file_ex(
        &mut self,
        section: SectionHandle,
        access: ViewAccess,
        offset: u64,
        size: u64,
        base: Option<VirtAddr>,
    ) -> Result<Range, Status> {
        let protection = access.protection();
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
        let permitted = self.permits(section, protection);
        let done = permitted.and_then(|()| self.machine.map(self.process, section, &request, kind));
        self.keep(done)
    }

    fn permits(&self, section: SectionHandle, protection: PageProtection) -> Result<(), Status> {
        let own = self.machine.kernel.segments.section(section)?.protection;
        if own.covers(Protection::new(protection)?) {
            Ok(())
        } else {
            Err(Status::AccessDenied)
        }
    }

    /// `MapViewOfFile2`: as [`Machine::map_view`], in any process and with any protection.
    ///
    /// [`Machine::map_view`]: crate::Machine::map_view
    ///
    /// # Errors
    /// As [`Machine::map_view`](crate::Machine::map_view).
    pub fn map_view_of_file2(
        &mut self,
        process: ProcessId,
        section: SectionHandle,
        request: &ViewRequest,
    ) -> Result<Range, Status> {
        let done = self.machine.map_view(process, section, request);
        self.keep(done)
    }

    /// `UnmapViewOfFile`: [`Win32::unmap_view_of_file2`] for the process that calls.
    ///
    /// # Errors
    /// As [`Win32::unmap_view_of_file2`].
    pub fn unmap_view_of_file(&mut self, address: VirtAddr) -> Result<Range, Status> {
        self.unmap_view_of_file2(self.process, address)
    }

    /// `UnmapViewOfFile2`: [`Machine::unmap_view`](crate::Machine::unmap_view).
    ///
    /// # Errors
    /// As there.
    pub fn unmap_view_of_file2(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
    ) -> Result<Range, Status> {
        let done = self.machine.unmap_view(process, address);
        self.keep(done)
    }

    /// `FlushViewOfFile`: as [`Machine::flush_view`], but memory that is no file's has nothing
    /// to write.
    ///
    /// [`Machine::flush_view`]: crate::Machine::flush_view
    ///
    /// # Errors
    /// As [`Machine::flush_view`](crate::Machine::flush_view) otherwise.
    pub fn flush_view_of_file(&mut self, base: VirtAddr, size: u64) -> Result<(), Status> {
        let done = match self.machine.flush_view(self.process, base, size) {
            Ok(_) | Err(Status::NotMappedData) => Ok(()),
            Err(status) => Err(status),
        };
        self.keep(done)
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
