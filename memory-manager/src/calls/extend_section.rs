use super::section::LARGEST;
use crate::{Machine, SectionAccess, SectionHandle, Status, section::PageOrigin};

impl Machine {
    /// Makes a section of a file larger, and the file, if that is shorter (`NtExtendSection`);
    /// gives the size of the section, which is never made smaller. Of views that were reserved
    /// beyond the end, what it reaches to now can be used.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidHandle`]: no such section.
    /// - [`Status::AccessDenied`]: the handle of the section is not good for that.
    /// - [`Status::SectionNotExtended`]: it is memory, or an image.
    /// - [`Status::SectionTooBig`]: it would be larger than user space.
    /// - What the host says of the file.
    pub fn extend_section(&mut self, section: SectionHandle, size: u64) -> Result<u64, Status> {
        let kernel = &mut self.kernel;
        let known = kernel
            .sections
            .section(section, SectionAccess::EXTEND_SIZE)?;
        let segment = kernel.segment(known.segment)?;
        if !matches!(segment.origin, PageOrigin::File(_)) {
            return Err(Status::SectionNotExtended);
        }
        if size <= known.size {
            return Ok(known.size);
        }
        if size >= LARGEST {
            return Err(Status::SectionTooBig);
        }
        kernel.lengthen(known.segment, size)?;
        kernel.sections.resize(section, size);
        Ok(size)
    }
}
