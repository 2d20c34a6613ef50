//! Large pages: each lies in one piece of memory, and is there as long as its region is.

use mmu_core::{Feature, Level, PageSize, VirtAddr};

use crate::{
    AddressRange, AllocationType, Machine, PageProtection, Privileges, SectionAttributes, Status,
    Target,
    calls::alloc::WRONG,
    kernel::Kernel,
    physical::frames_of,
    placement::Placement,
    protection::Protection,
    pte::{FrameOwner, Pte, ValidPte},
    section::{Section, SegmentId},
    user_space::UserSpace,
    vad::{
        Entries, PAGE, Placeholder, Private, PrivateMemory, USER_START, Untouched, VAD_LIMIT, Vad,
        VadKind, WriteWatch,
    },
    vad_tree::Direction,
};

/// The usual size of a large page.
pub(crate) const LARGE: PageSize = PageSize::Size2MiB;

/// The smallest large page in bytes: bases and sizes of large pages are multiples of it
/// (Microsoft, `GetLargePageMinimum`).
pub const LARGE_PAGE_MINIMUM: u64 = LARGE.bytes();

/// Memory in large pages that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LargeRequest {
    pub(crate) base: Option<u64>,
    pub(crate) size: u64,
    pub(crate) kind: AllocationType,
    pub(crate) protection: Protection,
    pub(crate) placement: Placement,
    pub(crate) page: PageSize,
}

/// That pages of a size can be protected so: larger ones only whole, and so that they can be
/// read.
pub(crate) fn check_protection(
    page: PageSize,
    (start, end): (u64, u64),
    protection: Protection,
) -> Result<(), Status> {
    if page == PageSize::Size4KiB {
        Ok(())
    } else if (start | end) & page.offset_mask() != 0 {
        Err(Status::ConflictingAddresses)
    } else if !protection.is_accessible() || protection.copies_on_write() {
        Err(Status::InvalidParameter4)
    } else {
        Ok(())
    }
}

/// The size of the pages that a view of a section has.
pub(crate) fn page_of_view(
    kind: AllocationType,
    section: Section,
    protection: Protection,
) -> Result<PageSize, Status> {
    if !kind.contains(AllocationType::LARGE_PAGES) {
        Ok(PageSize::Size4KiB)
    } else if !section.attributes.contains(SectionAttributes::LARGE_PAGES) {
        Err(Status::InvalidParameter9)
    } else if !protection.is_accessible() || protection.copies_on_write() {
        Err(Status::InvalidPageProtection)
    } else {
        Ok(LARGE)
    }
}

/// The level whose entries map pages of a size.
fn level_of(page: PageSize) -> Level {
    match page {
        PageSize::Size4KiB => Level::Pte,
        PageSize::Size2MiB | PageSize::Size4MiB => Level::Pde,
        PageSize::Size1GiB => Level::Pdpte,
    }
}

impl Machine {
    /// As [`Machine::virtual_alloc`] of [`AllocationType::LARGE_PAGES`], reserved and
    /// committed, in pages of 1 GiB (`NtAllocateVirtualMemoryEx` with
    /// `MEM_EXTENDED_PARAMETER_NONPAGED_HUGE`).
    ///
    /// # Errors
    /// [`Status::NotSupported`]: the processor has no such pages; else as
    /// [`Machine::virtual_alloc`].
    pub fn virtual_alloc_huge(
        &mut self,
        target: impl Into<Target>,
        base: Option<VirtAddr>,
        size: u64,
        protection: PageProtection,
    ) -> Result<AddressRange, Status> {
        let protection = Protection::new(protection)?;
        let base = base.map(VirtAddr::as_u64).filter(|&base| base != 0);
        let start = base.unwrap_or(USER_START);
        WRONG.check(start, size, VAD_LIMIT)?;
        if !self.features.has(Feature::PAGES_1_GIB) {
            return Err(Status::NotSupported);
        }
        let (space, kernel) = self.space(target)?;
        WRONG.check(start, size, space.layout.region_limit())?;
        let request = LargeRequest {
            base,
            size,
            kind: AllocationType::empty(),
            protection,
            placement: Placement::ANYWHERE,
            page: PageSize::Size1GiB,
        };
        space.allocate_large(kernel, request)
    }
}

impl UserSpace {
    /// Reserves and commits memory in large pages.
    pub(crate) fn allocate_large(
        &mut self,
        kernel: &mut Kernel,
        request: LargeRequest,
    ) -> Result<AddressRange, Status> {
        let LargeRequest {
            size, protection, ..
        } = request;
        self.privileges.check(Privileges::LOCK_MEMORY)?;
        if !protection.is_accessible() || protection.copies_on_write() {
            return Err(Status::InvalidPageProtection);
        }
        let start = self.place_large(request)?;
        let end = start + size;
        kernel.charge(size / PAGE)?;
        let made = self.put_large(kernel, (start, end), request.page, |kernel, _| {
            let frame = kernel.physical.allocate_page(request.page)?;
            Ok(Pte::valid(frame, protection, FrameOwner::Process))
        });
        if let Err(status) = made {
            kernel.commit.release(size / PAGE);
            return Err(status);
        }
        self.vads.insert(Vad {
            start,
            end,
            protection,
            charge: size / PAGE,
            placeholder: Placeholder::No,
            entries: Entries::Some,
            kind: VadKind::Private(Private {
                untouched: Untouched::Committed,
                caching: protection.caching(),
                memory: PrivateMemory::Large(request.page),
                watch: WriteWatch::Off,
            }),
        });
        Ok(AddressRange {
            base: VirtAddr::new(start),
            size,
        })
    }

    /// Where memory in large pages starts.
    fn place_large(&self, request: LargeRequest) -> Result<u64, Status> {
        let LargeRequest { size, page, .. } = request;
        if size & page.offset_mask() != 0 {
            return Err(Status::InvalidParameter4);
        }
        let Some(base) = request.base else {
            let direction = if request.kind.contains(AllocationType::TOP_DOWN) {
                Direction::TopDown
            } else {
                Direction::BottomUp
            };
            let placement = request.placement.aligned(page.bytes());
            return self.room(size, placement, direction);
        };
        if base < USER_START || base & page.offset_mask() != 0 {
            return Err(Status::InvalidParameter2);
        }
        if self.vads.is_taken(base, base + size) {
            return Err(Status::ConflictingAddresses);
        }
        Ok(base)
    }

    /// Maps the pages of a large section in large pages.
    pub(crate) fn map_large(
        &mut self,
        kernel: &mut Kernel,
        (start, end): (u64, u64),
        (segment, first): (SegmentId, u64),
        protection: Protection,
    ) -> Result<(), Status> {
        self.put_large(kernel, (start, end), LARGE, |kernel, page| {
            let index = first + (page - start) / PAGE;
            let frame = kernel.shared_frame(segment, index)?;
            // It is held anyway.
            kernel.physical.release(frame);
            Ok(Pte::valid(frame, protection, FrameOwner::Prototype))
        })
    }

    /// Makes the entries of large pages where there is nothing; all of them or none.
    fn put_large(
        &mut self,
        kernel: &mut Kernel,
        (start, end): (u64, u64),
        size: PageSize,
        mut entry: impl FnMut(&mut Kernel, u64) -> Result<ValidPte, Status>,
    ) -> Result<(), Status> {
        let pages = (0..(end - start) / size.bytes()).map(|index| start + index * size.bytes());
        for page in pages {
            let made = self.make_entry_at(kernel, page, level_of(size));
            let put = made.and_then(|at| {
                let valid = self.enforced(entry(kernel, page)?.large());
                self.put(kernel, page, at, valid.into())
            });
            if let Err(status) = put {
                self.prune(kernel, page)?;
                self.clear(kernel, start, page, Pte::ZERO)?;
                return Err(status);
            }
        }
        Ok(())
    }
}

impl Kernel {
    /// Gives a segment all its pages, in pieces as large pages need them.
    pub(crate) fn fill_large(&mut self, id: SegmentId) -> Result<(), Status> {
        let pages = self.segment(id)?.pages;
        for first in (0..pages).step_by((LARGE.bytes() / PAGE) as usize) {
            // The entries first, so that every frame has an owner at once.
            self.make_prototype(id, first)?;
            let page = self.physical.allocate_page(LARGE)?;
            for (index, frame) in (first..).zip(frames_of(page, LARGE)) {
                let place = self.make_prototype(id, index)?;
                self.physical.hold_for_prototype(frame, place)?;
            }
        }
        Ok(())
    }
}
