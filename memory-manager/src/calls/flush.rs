use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    AddressRange, Machine, SectionAccess, SectionHandle, Status, Target, Trigger,
    section::{PageOrigin, SegmentId},
    user_range::WrongRange,
    vad::PAGE,
};

impl Machine {
    /// Writes what was written to a view, by whomever, to its file (`NtFlushVirtualMemory`);
    /// a size of 0 is up to the view's end.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::NotMappedView`]: the range is in no region, or reaches out of it.
    /// - [`Status::NotMappedData`]: it is no file's.
    /// - As writing to the file fails; what was not written is written another time.
    pub fn flush_view(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        size: u64,
    ) -> Result<AddressRange, Status> {
        const NOT_MAPPED: Status = Status::NotMappedView;
        let (space, kernel) = self.space(target)?;
        let (start, end) = WrongRange::just(NOT_MAPPED).pages(base, size)?;
        let vad = space.region(start, end, NOT_MAPPED, NOT_MAPPED)?;
        let end = if size == 0 { vad.end } else { end };
        let (segment, first) = vad
            .view_index(start)
            .filter(|&(segment, _)| kernel.segments.is_file(segment))
            .ok_or(Status::NotMappedData)?;
        self.flush_segment(segment, first, first + (end - start) / PAGE)?;
        Ok(range(start, end))
    }

    /// Writes what was written to views of files, by whomever, to those files: also what a process
    /// left that ended when its file could not be written.
    ///
    /// # Errors
    /// As writing to a file fails first. The others are written, and what was not is written
    /// another time: by this call, by [`Machine::tick`], or for the next section of its file.
    pub fn flush_files(&mut self) -> Result<(), Status> {
        self.kernel.retire_left(Trigger::Call)?;
        let files = self.kernel.segments.iter().filter_map(|(id, segment)| {
            matches!(segment.origin, PageOrigin::File(_)).then_some((id, segment.pages))
        });
        let files: Vec<_> = files.collect();
        let mut result = Ok(());
        for (id, pages) in files {
            result = result.and(self.flush_segment(id, 0, pages));
        }
        result
    }

    /// Has the device of a section's file keep what is in the file, so that it outlasts the host
    /// (`FlushFileBuffers`): what views were flushed to it, and not what was written to them since.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such section.
    /// - [`Status::AccessDenied`]: the handle of the section is not good for writing.
    /// - [`Status::NotMappedData`]: it is memory, or an image.
    /// - As the device fails.
    pub fn flush_file_buffers(&self, section: SectionHandle) -> Result<(), Status> {
        let kernel = &self.kernel;
        let known = kernel.sections.section(section, SectionAccess::MAP_WRITE)?;
        match &kernel.segment(known.segment)?.origin {
            PageOrigin::File(file) => file.sync(),
            _ => Err(Status::NotMappedData),
        }
    }

    /// Writes pages of a file back. Every view is told first to notice the next write.
    fn flush_segment(&mut self, segment: SegmentId, first: u64, end: u64) -> Result<(), Status> {
        let views: Vec<_> = self
            .kernel
            .segment(segment)?
            .views
            .iter()
            .copied()
            .collect();
        for (process, start) in views {
            let Some(space) = self.spaces.get_mut(&process) else {
                continue;
            };
            let Some(vad) = space.vads.find(start) else {
                continue;
            };
            let Some((_, own)) = vad.view_index(start) else {
                continue;
            };
            let own_end = own + vad.pages();
            let (low, high) = (first.max(own), end.min(own_end));
            if low < high {
                let at = |index: u64| start + (index - own) * PAGE;
                space.clean_view(&mut self.kernel, at(low), at(high))?;
            }
        }
        self.kernel.write_back(segment, first, end)
    }
}
