use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    Machine, ProcessId, Range, SectionAccess, SectionHandle, Status, ViewRequest,
    protection::{Caching, Protection},
    vad::{GRANULARITY, PAGE, USER_LIMIT, USER_START, VAD_LIMIT},
    vad_tree::{Direction, GapRequest},
};

impl Machine {
    /// Maps a view of a section (`NtMapViewOfSection`); gives its pages.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidPageProtection`]: no view can be protected so.
    /// - [`Status::InvalidParameter3`]: base or size are not in user space.
    /// - [`Status::InvalidHandle`]: no such process or section.
    /// - [`Status::AccessDenied`]: the handle of the section is not good for that.
    /// - [`Status::SectionProtection`]: the section does not permit the protection.
    /// - [`Status::MappedAlignment`]: base or offset are no multiples of 64 KiB.
    /// - [`Status::InvalidViewSize`]: the view would reach past the section.
    /// - [`Status::InvalidParameter5`]: more is to be committed than is in the view, or a
    ///   part of a file.
    /// - [`Status::ConflictingAddresses`]: the addresses are not free.
    /// - [`Status::NoMemory`]: there is no room for it.
    /// - [`Status::CommitmentLimit`]: it is too much.
    pub fn map_view(
        &mut self,
        process: ProcessId,
        section: SectionHandle,
        request: &ViewRequest,
    ) -> Result<Range, Status> {
        let protection = Protection::new(request.protection)?;
        if protection.is_guard() || protection.caching() != Caching::Usual {
            return Err(Status::InvalidPageProtection);
        }
        let base = request.base.map(VirtAddr::as_u64).filter(|&base| base != 0);
        let room = USER_LIMIT.checked_sub(base.unwrap_or(USER_START));
        if room.is_none_or(|room| room < request.size.max(1)) {
            return Err(Status::InvalidParameter3);
        }
        let (space, kernel) = self.space(process)?;
        let needed = SectionAccess::of_view(protection);
        let section = kernel.sections.section(section, needed)?;
        if !section.protection.covers(protection) {
            return Err(Status::SectionProtection);
        }
        if !base.unwrap_or(0).is_multiple_of(GRANULARITY)
            || !request.offset.is_multiple_of(GRANULARITY)
        {
            return Err(Status::MappedAlignment);
        }
        let rest = section.size.checked_sub(request.offset);
        let rest = rest.filter(|&rest| rest > 0 && rest >= request.size);
        let rest = rest.ok_or(Status::InvalidViewSize)?;
        let size = if request.size == 0 {
            rest
        } else {
            request.size
        };
        let size = size.next_multiple_of(PAGE);
        let is_file = kernel.segments.is_file(section.segment);
        if request.commit > size || request.commit > 0 && is_file {
            return Err(Status::InvalidParameter5);
        }
        let own = section.base.map(|own| own + request.offset);
        let start = if let Some(base) = base.or(own) {
            let end = base.checked_add(size).filter(|&end| end <= VAD_LIMIT);
            let end = end.ok_or(Status::InvalidParameter3)?;
            if base < USER_START || space.vads.is_taken(base, end) {
                return Err(Status::ConflictingAddresses);
            }
            base
        } else {
            let gap = GapRequest::anywhere(size, Direction::BottomUp);
            space.vads.gap(&gap).ok_or(Status::NoMemory)?
        };
        let first = request.offset / PAGE;
        let committed = first + request.commit.div_ceil(PAGE);
        let addresses = (start, start + size);
        space.add_view(kernel, addresses, protection, (section.segment, first))?;
        if let Err(status) = kernel.commit_segment(section.segment, first, committed) {
            space.drop_view(kernel, start)?;
            return Err(status);
        }
        Ok(range(start, start + size))
    }
}
