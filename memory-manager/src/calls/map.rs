use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    AddressRequirements, AllocationType, Bitness, ImageMachine, Machine, MappedView, MappingNote,
    ProcessId, SectionAccess, SectionHandle, Status, ViewRequest,
    placement::Placement,
    protection::{Caching, Protection},
    section::PageOrigin,
    user_space::UserSpace,
    vad::{GRANULARITY, PAGE, Placeholder, USER_LIMIT, USER_START, VAD_LIMIT, Vad},
    vad_tree::Direction,
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
        let kind = AllocationType::empty();
        self.map(process, section, request, kind, Placement::ANYWHERE)
    }

    /// As [`Machine::map_view`], in the place of a placeholder with
    /// [`AllocationType::REPLACE_PLACEHOLDER`], from the top down with
    /// [`AllocationType::TOP_DOWN`], and with requirements on the address
    /// (`NtMapViewOfSectionEx`, which has no size to commit).
    ///
    /// # Errors
    /// As [`Machine::map_view`], but no wrong argument is named:
    /// - [`Status::InvalidParameter`]: any of them, requirements that no address meets, those
    ///   of an address that is given, and an alignment, which views have of their own.
    /// - [`Status::NotSupported`]: reserved views and large pages are not there yet.
    /// - [`Status::MappedAlignment`]: where a placeholder is replaced, base or offset are no
    ///   multiples of 4 KiB.
    /// - [`Status::ConflictingAddresses`]: the view would not be all of a placeholder.
    pub fn map_view_ex(
        &mut self,
        process: ProcessId,
        section: SectionHandle,
        request: &ViewRequest,
        kind: AllocationType,
        requirements: &AddressRequirements,
    ) -> Result<MappedView, Status> {
        type Type = AllocationType;
        let placement = requirements.placement(request.base)?;
        let known = Type::REPLACE_PLACEHOLDER | Type::TOP_DOWN;
        let missing = Type::RESERVE | Type::LARGE_PAGES;
        if requirements.alignment != 0 || !(known | missing).contains(kind) {
            return Err(Status::InvalidParameter);
        }
        if kind.intersects(missing) {
            return Err(Status::NotSupported);
        }
        self.map(process, section, request, kind, placement)
            .map_err(Status::unnumbered)
    }

    fn map(
        &mut self,
        process: ProcessId,
        section: SectionHandle,
        request: &ViewRequest,
        kind: AllocationType,
        placement: Placement,
    ) -> Result<MappedView, Status> {
        let (placeholder, unit) = if kind.contains(AllocationType::REPLACE_PLACEHOLDER) {
            (Placeholder::Replaced, PAGE)
        } else {
            (Placeholder::No, GRANULARITY)
        };
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
        if !base.unwrap_or(0).is_multiple_of(unit) || !request.offset.is_multiple_of(unit) {
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
        let free = wanted.filter(|&wanted| space.permits(placement, wanted, size));
        let start = match base.or(own) {
            base if placeholder == Placeholder::Replaced => {
                let start = base.unwrap_or(0);
                space.check_replaceable(start, start + size)?;
                start
            }
            Some(base) => {
                let end = base.checked_add(size).filter(|&end| end <= VAD_LIMIT);
                let end = end.ok_or(Status::InvalidParameter3)?;
                if base < USER_START || space.vads.is_taken(base, end) {
                    return Err(Status::ConflictingAddresses);
                }
                base
            }
            None if let Some(wanted) = free => wanted,
            None if kind.contains(AllocationType::TOP_DOWN) => {
                space.room(size, placement, Direction::TopDown)?
            }
            None => space.room(size, placement, Direction::BottomUp)?,
        };
        let first = request.offset / PAGE;
        let committed = first + request.commit.div_ceil(PAGE);
        let addresses = (start, start + size);
        let pages = (section.segment, first);
        space.add_view(kernel, addresses, protection, pages, placeholder)?;
        if let Err(status) = kernel.commit_segment(section.segment, first, committed) {
            space.drop_view(kernel, start)?;
            if placeholder == Placeholder::Replaced {
                space.vads.insert(Vad::placeholder(start, start + size));
            }
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
    /// Whether programs of the process are for a processor like this.
    fn runs(&self, machine: ImageMachine) -> bool {
        match self.bitness {
            Bitness::Bits64 => machine == ImageMachine::Amd64,
            Bitness::Bits32 => machine == ImageMachine::I386,
        }
    }
}
