use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    Bitness, ImageMachine, Machine, MappedView, MappingNote, ProcessId, SectionAccess,
    SectionHandle, Status, ViewRequest,
    protection::{Caching, Protection},
    section::PageOrigin,
    user_space::UserSpace,
    vad::{GRANULARITY, PAGE, USER_LIMIT, USER_START, VAD_LIMIT},
    vad_tree::{Direction, GapRequest},
};

impl Machine {
    /// Maps a view of a section (`NtMapViewOfSection`); gives its pages.
    ///
    /// The protection of a view of an image is what the image says, whatever is asked for;
    /// it is where the image wants to be, if no other base is asked for and that is free.
    /// Nothing is relocated if it is elsewhere: that is told, and for the loader.
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
    ) -> Result<MappedView, Status> {
        let asked = Protection::new(request.protection)?;
        if asked.is_guard() || asked.caching() != Caching::Usual {
            return Err(Status::InvalidPageProtection);
        }
        let base = request.base.map(VirtAddr::as_u64).filter(|&base| base != 0);
        let room = USER_LIMIT.checked_sub(base.unwrap_or(USER_START));
        if room.is_none_or(|room| room < request.size.max(1)) {
            return Err(Status::InvalidParameter3);
        }
        let (space, kernel) = self.space(process)?;
        let needed = SectionAccess::of_view(asked);
        let section = kernel.sections.section(section, needed)?;
        let image = match &kernel.segment(section.segment)?.origin {
            PageOrigin::Image(image) => Some(image.layout.information),
            _ => None,
        };
        let protection = match image {
            Some(_) => Protection::EXECUTE_WRITE_COPY,
            None if section.protection.covers(asked) => asked,
            None => return Err(Status::SectionProtection),
        };
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
        let wanted = image.map(|image| image.base.wrapping_add(request.offset).as_u64());
        let start = if let Some(base) = base.or(own) {
            let end = base.checked_add(size).filter(|&end| end <= VAD_LIMIT);
            let end = end.ok_or(Status::InvalidParameter3)?;
            if base < USER_START || space.vads.is_taken(base, end) {
                return Err(Status::ConflictingAddresses);
            }
            base
        } else if let Some(wanted) = wanted.filter(|&wanted| space.has_room(wanted, size)) {
            wanted
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
        let note = match image {
            Some(image) if !space.runs(image.machine) => MappingNote::OtherMachine,
            Some(_) if wanted != Some(start) => MappingNote::NotAtBase,
            _ => MappingNote::None,
        };
        Ok(MappedView {
            range: range(start, start + size),
            note,
        })
    }
}

impl UserSpace {
    /// Whether a region can be at these addresses.
    fn has_room(&self, start: u64, size: u64) -> bool {
        let end = start.checked_add(size).filter(|&end| end <= VAD_LIMIT);
        end.is_some_and(|end| start >= USER_START && !self.vads.is_taken(start, end))
    }

    /// Whether programs of the process are for a processor like this.
    fn runs(&self, machine: ImageMachine) -> bool {
        match self.bitness {
            Bitness::Bits64 => machine == ImageMachine::Amd64,
            Bitness::Bits32 => machine == ImageMachine::I386,
        }
    }
}
