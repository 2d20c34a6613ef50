use std::fs::File;

use crate::{
    Machine, Status,
    section::{
        PageOrigin,
        mapped_file::{self, FileIdentity},
    },
};

impl Machine {
    /// Makes a file so many bytes long (`NtSetInformationFile`, `FileEndOfFileInformation`).
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidParameter`]: as a signed number, the length is negative.
    /// - [`Status::UserMappedFile`]: it would be shorter, and a section or a view of it is
    ///   open, or a page of it locked (Microsoft, `MmCanFileBeTruncated`).
    /// - What the host says of the file.
    pub fn set_end_of_file(&mut self, file: &File, length: u64) -> Result<(), Status> {
        if i64::try_from(length).is_err() {
            return Err(Status::InvalidParameter);
        }
        let segments = &mut self.kernel.segments;
        let segment = segments.of_file(FileIdentity::of(file));
        let mut segment = segment.and_then(|id| segments.get_mut(id));
        let is_mapped = segment
            .as_ref()
            .is_some_and(|segment| segment.is_in_use() || !segment.views.is_empty());
        if is_mapped && length < mapped_file::length(file)? {
            return Err(Status::UserMappedFile);
        }
        mapped_file::resize(file, length)?;
        if let Some(segment) = &mut segment
            && let PageOrigin::File(known) = &mut segment.origin
        {
            known.end = length;
        }
        Ok(())
    }
}
