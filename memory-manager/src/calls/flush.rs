use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    Machine, Range, Status, Target,
    section::SegmentId,
    vad::{PAGE, USER_LIMIT},
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
    ) -> Result<Range, Status> {
        const NOT_MAPPED: Status = Status::NotMappedView;
        let (space, kernel) = self.space(target)?;
        let start = base.as_u64() & !(PAGE - 1);
        let end = base.as_u64().checked_add(size);
        let end = end.filter(|&end| end <= USER_LIMIT).ok_or(NOT_MAPPED)?;
        let vad = space.region(start, end, NOT_MAPPED, NOT_MAPPED)?;
        let end = if size == 0 {
            vad.end
        } else {
            end.next_multiple_of(PAGE)
        };
        let (segment, first) = vad
            .view_index(start)
            .filter(|&(segment, _)| kernel.segments.is_file(segment))
            .ok_or(Status::NotMappedData)?;
        self.flush_segment(segment, first, first + (end - start) / PAGE)?;
        Ok(range(start, end))
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
