use mmu_core::{PageSize, VirtAddr};

use super::alloc::range;
use crate::{
    AddressRequirements, AllocationType, Bitness, ImageInformation, ImageMachine, Machine,
    MappedView, MappingNote, SectionAccess, SectionAttributes, SectionHandle, Status, Target,
    ViewRequest, large,
    placement::Placement,
    protection::{Caching, Protection},
    section::{PageOrigin, Section},
    user_space::UserSpace,
    vad::{GRANULARITY, PAGE, Placeholder, USER_LIMIT, USER_START},
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
        target: impl Into<Target>,
        section: SectionHandle,
        request: &ViewRequest,
    ) -> Result<MappedView, Status> {
        let kind = AllocationType::empty();
        self.map(target, section, request, kind, Placement::ANYWHERE)
    }

    /// As [`Machine::map_view`], in the place of a placeholder with
    /// [`AllocationType::REPLACE_PLACEHOLDER`], from the top down with
    /// [`AllocationType::TOP_DOWN`], in large pages with
    /// [`AllocationType::LARGE_PAGES`], and with requirements on the address
    /// (`NtMapViewOfSectionEx`, which has no size to commit). With
    /// [`AllocationType::RESERVE`] it may reach beyond the end of its file, where it is reserved
    /// until [`Machine::extend_section`] goes that far.
    ///
    /// # Errors
    /// As [`Machine::map_view`], but no wrong argument is named:
    /// - [`Status::InvalidParameter`]: any of them, requirements that no address meets, those
    ///   of an address that is given, and an alignment, which views have of their own.
    /// - [`Status::InvalidParameter`]: the section is no file's, or an image, and its views
    ///   cannot be reserved; or the view is in large pages.
    /// - [`Status::SectionProtection`]: a section cannot be written whose view is to be
    ///   reserved.
    /// - [`Status::MappedAlignment`]: where a placeholder is replaced, base or offset are no
    ///   multiples of 4 KiB.
    /// - [`Status::ConflictingAddresses`]: the view would not be all of a placeholder.
    pub fn map_view_ex(
        &mut self,
        target: impl Into<Target>,
        section: SectionHandle,
        request: &ViewRequest,
        kind: AllocationType,
        requirements: &AddressRequirements,
    ) -> Result<MappedView, Status> {
        type Type = AllocationType;
        let placement = requirements.placement(request.base)?;
        let known = Type::REPLACE_PLACEHOLDER | Type::TOP_DOWN | Type::LARGE_PAGES | Type::RESERVE;
        if requirements.alignment != 0 || !known.contains(kind) {
            return Err(Status::InvalidParameter);
        }
        self.map(target, section, request, kind, placement)
            .map_err(Status::unnumbered)
    }

    pub(crate) fn map(
        &mut self,
        target: impl Into<Target>,
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
        let (space, kernel) = self.space(target)?;
        let needed = SectionAccess::of_view(asked);
        let section = kernel.sections.section(section, needed)?;
        let is_file = kernel.segments.is_file(section.segment);
        let origin = &kernel.segment(section.segment)?.origin;
        let reserves = kind.contains(AllocationType::RESERVE);
        if reserves {
            check_reserving(kind, section, origin)?;
        }
        let image = match origin {
            PageOrigin::Image(image) => Some(image.layout.information),
            _ => None,
        };
        let is_executed = !section
            .attributes
            .contains(SectionAttributes::IMAGE_NO_EXECUTE);
        let protection = match image {
            Some(_) if is_executed => Protection::EXECUTE_WRITE_COPY,
            Some(_) => Protection::WRITE_COPY,
            None if section.protection.covers(asked) => asked.cached(section.protection.caching()),
            None => return Err(Status::SectionProtection),
        };
        let page = large::page_of_view(kind, section, protection)?;
        let unit = unit.max(page.bytes());
        if !base.unwrap_or(0).is_multiple_of(unit) || !request.offset.is_multiple_of(unit) {
            return Err(Status::MappedAlignment);
        }
        let rest = section.size.checked_sub(request.offset);
        let rest = rest.filter(|&rest| rest > 0 && (reserves || rest >= request.size));
        let rest = rest.ok_or(Status::InvalidViewSize)?;
        let size = if request.size == 0 {
            rest
        } else {
            request.size
        };
        let size = size.next_multiple_of(PAGE);
        if size & page.offset_mask() != 0 {
            return Err(Status::InvalidViewSize);
        }
        if request.commit > size || request.commit > 0 && is_file && !reserves {
            return Err(Status::InvalidParameter5);
        }
        let own = section.base.map(|own| own + request.offset);
        let wanted = image.map(|image| image.base.wrapping_add(request.offset).as_u64());
        let place = ViewPlace {
            base: base.or(own),
            wanted: wanted.filter(|&wanted| space.permits(placement, wanted, size)),
            size,
            page,
            direction: if kind.contains(AllocationType::TOP_DOWN) {
                Direction::TopDown
            } else {
                Direction::BottomUp
            },
            placement: placement.aligned(unit),
        };
        let start = space.place_view(&place, placeholder)?;
        let first = request.offset / PAGE;
        let committed = first + request.commit.div_ceil(PAGE);
        let addresses = (start, start + size);
        let place = (section.segment, first);
        space.add_view(kernel, addresses, protection, place, (page, placeholder))?;
        let mapped = if page == PageSize::Size4KiB {
            kernel.commit_segment(section.segment, first, committed)
        } else {
            space.map_large(kernel, addresses, place, protection)
        };
        if let Err(status) = mapped {
            space.drop_view(kernel, start, placeholder.before())?;
            return Err(status);
        }
        let note = match image {
            Some(image) => space.note(image, start.wrapping_sub(request.offset)),
            None => MappingNote::None,
        };
        Ok(MappedView {
            range: range(start, start + size),
            note,
        })
    }
}

/// That a view of a section can be reserved.
fn check_reserving(
    kind: AllocationType,
    section: Section,
    origin: &PageOrigin,
) -> Result<(), Status> {
    let own = section.protection;
    if kind.contains(AllocationType::LARGE_PAGES) {
        Err(Status::InvalidParameter)
    } else if !matches!(origin, PageOrigin::File(_)) {
        Err(Status::InvalidParameter9)
    } else if own.is_writable() && !own.copies_on_write() {
        Ok(())
    } else {
        Err(Status::SectionProtection)
    }
}

/// Where a view can be.
struct ViewPlace {
    /// Nowhere else.
    base: Option<u64>,
    /// Rather than elsewhere; it is free.
    wanted: Option<u64>,
    size: u64,
    page: PageSize,
    direction: Direction,
    placement: Placement,
}

impl UserSpace {
    fn place_view(&self, place: &ViewPlace, placeholder: Placeholder) -> Result<u64, Status> {
        let size = place.size;
        let Some(base) = place.base else {
            return match (placeholder, place.wanted) {
                (Placeholder::Replaced, _) => Err(Status::ConflictingAddresses),
                (_, Some(wanted)) => Ok(wanted),
                (_, None) => self.room(size, place.placement, place.direction),
            };
        };
        if placeholder == Placeholder::Replaced {
            self.check_replaceable(base, base + size)?;
            return Ok(base);
        }
        let limit = self.layout.region_limit();
        let end = base.checked_add(size).filter(|&end| end <= limit);
        let end = end.ok_or(Status::InvalidParameter3)?;
        if base & place.page.offset_mask() != 0 {
            return Err(Status::MappedAlignment);
        }
        if base < USER_START || self.vads.is_taken(base, end) {
            return Err(Status::ConflictingAddresses);
        }
        Ok(base)
    }

    /// What there is to know of an image that starts at an address.
    fn note(&self, image: ImageInformation, start: u64) -> MappingNote {
        let machine = match self.layout.bitness() {
            Bitness::Bits64 => ImageMachine::Amd64,
            Bitness::Bits32 => ImageMachine::I386,
        };
        if image.machine != machine {
            MappingNote::OtherMachine
        } else if image.base.as_u64() != start {
            MappingNote::NotAtBase
        } else {
            MappingNote::None
        }
    }
}
