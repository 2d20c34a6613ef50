use std::fs::File;

use mmu_core::VirtAddr;

use crate::{
    AddressRange, AddressRequirements, AllocationType, Backing, PageProtection, Privileges,
    ProcessId, SectionAccess, SectionAttributes, SectionCreation, SectionHandle, SectionOpening,
    Status, UnmapFlags, ViewAccess, ViewRequest, Win32, placement::Placement,
};

/// `ERROR_ALREADY_EXISTS`.
const ALREADY_EXISTS: u32 = 183;

/// The handle that such a section comes with (ReactOS's kernel32, `CreateFileMapping`).
fn opening(
    protection: PageProtection,
    name: Option<&str>,
    privileges: Privileges,
) -> Result<SectionOpening<'_>, Status> {
    const READ: SectionAccess = SectionAccess::QUERY.union(SectionAccess::MAP_READ);
    const WRITE: SectionAccess = READ.union(SectionAccess::MAP_WRITE);
    let access = match protection {
        PageProtection::READONLY | PageProtection::WRITECOPY => READ,
        PageProtection::READWRITE => WRITE,
        PageProtection::EXECUTE_READ | PageProtection::EXECUTE_WRITECOPY => {
            READ | SectionAccess::MAP_EXECUTE
        }
        PageProtection::EXECUTE_READWRITE => WRITE | SectionAccess::MAP_EXECUTE,
        _ => return Err(Status::InvalidParameter),
    };
    let name = name.filter(|name| !name.is_empty());
    let name = name.map(in_session).transpose()?;
    Ok(SectionOpening {
        name,
        access,
        privileges,
    })
}

/// A name without its directory: a machine has one session, whose names are the global ones
/// (Microsoft, "Kernel object namespaces").
fn in_session(name: &str) -> Result<&str, Status> {
    let prefixes = ["Local\\", "Global\\"];
    let found = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    let plain = found.unwrap_or(name);
    if plain.contains('\\') {
        Err(Status::ObjectPathNotFound)
    } else {
        Ok(plain)
    }
}

impl Win32<'_> {
    /// `CreateFileMapping`: as [`Machine::create_section_as`], with six protections, and
    /// committed at once if nothing is said. Its handle is good for what the section permits.
    /// The last error says whether one of this name was there, 183, or not, 0; an empty name
    /// is none.
    ///
    /// [`Machine::create_section_as`]: crate::Machine::create_section_as
    ///
    /// # Errors
    /// - [`Status::InvalidParameter`]: any other protection.
    /// - [`Status::ObjectPathNotFound`]: a name in another directory than `Local` and
    ///   `Global`.
    /// - As [`Machine::create_section_as`](crate::Machine::create_section_as).
    pub fn create_file_mapping(
        &mut self,
        backing: Backing,
        protection: PageProtection,
        attributes: SectionAttributes,
        size: u64,
        name: Option<&str>,
    ) -> Result<SectionHandle, Status> {
        let privileges = self.machine.privileges(self.process);
        let opening = privileges.and_then(|own| opening(protection, name, own));
        let attributes = if attributes.is_empty() {
            SectionAttributes::COMMIT
        } else {
            attributes
        };
        let made = opening.and_then(|opening| {
            self.machine
                .create_section_as(opening, backing, protection, attributes, size)
        });
        let (handle, creation) = self.keep(made)?;
        self.set_last_error(match creation {
            SectionCreation::New => 0,
            SectionCreation::Existing => ALREADY_EXISTS,
        });
        Ok(handle)
    }

    /// `OpenFileMapping`: as [`Machine::open_section`], for what views are to be.
    ///
    /// [`Machine::open_section`]: crate::Machine::open_section
    ///
    /// # Errors
    /// - [`Status::InvalidParameter`]: no name.
    /// - [`Status::ObjectPathNotFound`]: a name in another directory than `Local` and
    ///   `Global`.
    /// - As [`Machine::open_section`](crate::Machine::open_section).
    pub fn open_file_mapping(
        &mut self,
        access: ViewAccess,
        name: Option<&str>,
    ) -> Result<SectionHandle, Status> {
        let name = name.ok_or(Status::InvalidParameter).and_then(in_session);
        let opened = name.and_then(|name| self.machine.open_section(name, access.section_access()));
        self.keep(opened)
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
    ) -> Result<AddressRange, Status> {
        self.map_view_of_file_ex(section, access, offset, size, None)
    }

    /// `MapViewOfFileEx`: as [`Machine::map_view`], with the protection that an access stands
    /// for, and in large pages if that is asked for.
    ///
    /// [`Machine::map_view`]: crate::Machine::map_view
    ///
    /// # Errors
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
    ) -> Result<AddressRange, Status> {
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
        let done = self
            .machine
            .map(self.own(), section, &request, kind, Placement::ANYWHERE);
        self.keep(done.map(|view| view.range))
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
    ) -> Result<AddressRange, Status> {
        let done = self.machine.map_view(self.on(process), section, request);
        self.keep(done.map(|view| view.range))
    }

    /// `MapViewOfFile3`: [`Machine::map_view_ex`](crate::Machine::map_view_ex).
    ///
    /// # Errors
    /// As there.
    pub fn map_view_of_file3(
        &mut self,
        process: ProcessId,
        section: SectionHandle,
        request: &ViewRequest,
        kind: AllocationType,
        requirements: &AddressRequirements,
    ) -> Result<AddressRange, Status> {
        let done = self
            .machine
            .map_view_ex(self.on(process), section, request, kind, requirements);
        self.keep(done.map(|view| view.range))
    }

    /// `UnmapViewOfFile`: [`Machine::unmap_view`](crate::Machine::unmap_view).
    ///
    /// # Errors
    /// As there.
    pub fn unmap_view_of_file(&mut self, address: VirtAddr) -> Result<AddressRange, Status> {
        let done = self.machine.unmap_view(self.own(), address);
        self.keep(done)
    }

    /// `UnmapViewOfFile2`: [`Machine::unmap_view_ex`](crate::Machine::unmap_view_ex).
    ///
    /// # Errors
    /// As there.
    pub fn unmap_view_of_file2(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        flags: UnmapFlags,
    ) -> Result<AddressRange, Status> {
        let done = self.machine.unmap_view_ex(self.on(process), address, flags);
        self.keep(done)
    }

    /// `ReadFile` of a file at an offset:
    /// [`Machine::read_file_into`](crate::Machine::read_file_into).
    ///
    /// # Errors
    /// As there.
    pub fn read_file(
        &mut self,
        file: &File,
        offset: u64,
        buffer: AddressRange,
    ) -> Result<u64, Status> {
        let read = self
            .machine
            .read_file_into(self.own(), file, offset, buffer);
        self.keep(read)
    }

    /// `SetEndOfFile`, as [`Machine::set_end_of_file`](crate::Machine::set_end_of_file).
    ///
    /// # Errors
    /// As there.
    pub fn set_end_of_file(&mut self, file: &File, length: u64) -> Result<(), Status> {
        let done = self.machine.set_end_of_file(file, length);
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
        let done = match self.machine.flush_view(self.own(), base, size) {
            Ok(_) | Err(Status::NotMappedData) => Ok(()),
            Err(status) => Err(status),
        };
        self.keep(done)
    }
}

impl ViewAccess {
    /// What a handle for such views is good for (ReactOS's kernel32, `OpenFileMapping`).
    fn section_access(self) -> SectionAccess {
        if self == Self::COPY {
            return SectionAccess::MAP_READ;
        }
        let mut access = SectionAccess::from_bits_retain((self - Self::EXECUTE).bits());
        if self.contains(Self::EXECUTE) {
            access |= SectionAccess::MAP_EXECUTE;
        }
        access
    }

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
