use mmu_core::VirtAddr;

use crate::{
    ImageInformation, Machine, SectionAccess, SectionAttributes, SectionHandle, Status,
    section::PageOrigin,
};

/// What is said of a section (Microsoft, `SECTION_BASIC_INFORMATION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SectionInformation {
    /// `BaseAddress`: the address of its own, of a based section.
    pub base: Option<VirtAddr>,
    /// `AllocationAttributes`: of a section of a file that it is one, else how it is committed;
    /// and how it is cached.
    pub attributes: SectionAttributes,
    /// `MaximumSize`, in bytes: of memory whole pages, of a file to the byte.
    pub size: u64,
}

impl SectionInformation {
    /// How many bytes it has in a 64-bit program: `sizeof(SECTION_BASIC_INFORMATION)`.
    pub const BYTES: usize = 24;
}

impl Machine {
    /// What is known of a section (`NtQuerySection`, `SectionBasicInformation`), into a buffer
    /// of so many bytes.
    ///
    /// # Errors
    /// - [`Status::InfoLengthMismatch`]: that is less than [`SectionInformation::BYTES`].
    /// - [`Status::InvalidHandle`]: no such section.
    /// - [`Status::AccessDenied`]: its handle is not good for [`SectionAccess::QUERY`].
    pub fn query_section(
        &self,
        handle: SectionHandle,
        length: usize,
    ) -> Result<SectionInformation, Status> {
        if length < SectionInformation::BYTES {
            return Err(Status::InfoLengthMismatch);
        }
        let section = self.kernel.sections.section(handle, SectionAccess::QUERY)?;
        Ok(SectionInformation {
            base: section.base.map(VirtAddr::new),
            attributes: section.attributes,
            size: section.size,
        })
    }

    /// What an image says of itself (`NtQuerySection`, `SectionImageInformation`), into a
    /// buffer of so many bytes.
    ///
    /// # Errors
    /// As [`Machine::query_section`], of [`ImageInformation::BYTES`]; then
    /// [`Status::SectionNotImage`] if it is no image.
    pub fn query_image(
        &self,
        handle: SectionHandle,
        length: usize,
    ) -> Result<ImageInformation, Status> {
        if length < ImageInformation::BYTES {
            return Err(Status::InfoLengthMismatch);
        }
        let section = self.kernel.sections.section(handle, SectionAccess::QUERY)?;
        match &self.kernel.segment(section.segment)?.origin {
            PageOrigin::Image(image) => Ok(image.layout.information),
            _ => Err(Status::SectionNotImage),
        }
    }
}
