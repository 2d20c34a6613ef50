//! What is done to the pages of a view.

use mmu_core::{PageSize, PhysAddr};

use crate::{
    ExceptionAccess, Status,
    fault::FaultedPage,
    kernel::Kernel,
    page_tables::AlikePages,
    paging::Patience,
    private::has_own_page,
    protection::{Caching, Protection},
    pte::{FrameOwner, Pte, PteState, ValidPte},
    section::{EVERYWHERE, PageOrigin, SegmentId, Whereabouts},
    user_space::UserSpace,
    vad::{Entries, PAGE, Placeholder, Vad, VadKind, View},
};

impl Kernel {
    /// The protection of the first pages of a view among those whose entries say the same, if
    /// they are committed; and where those end that are alike.
    pub(crate) fn view_run(
        &self,
        vad: &Vad,
        pages: AlikePages,
    ) -> Result<(Option<Protection>, u64), Status> {
        let untouched = || self.untouched_run(vad, pages.start, pages.end);
        match pages.pte.state() {
            PteState::Valid(valid) => Ok((Some(valid.protection()), pages.end)),
            PteState::Transition(_, protection)
            | PteState::PageFile(_, protection)
            | PteState::Prototype(_, protection) => Ok((Some(protection), pages.end)),
            PteState::Lookup(protection) => {
                let (own, end) = untouched()?;
                Ok((own.and(Some(protection)), end))
            }
            PteState::Zero | PteState::DemandZero(_) | PteState::Decommitted => untouched(),
        }
    }

    /// The protection of a page of a view of which its entry says nothing, if it is committed.
    pub(crate) fn untouched_page(
        &self,
        vad: &Vad,
        page: u64,
    ) -> Result<Option<Protection>, Status> {
        let (protection, _) = self.untouched_run(vad, page, page + PAGE)?;
        Ok(protection)
    }

    /// The same of the first pages of a range, and where those end that are alike.
    pub(crate) fn untouched_run(
        &self,
        vad: &Vad,
        start: u64,
        end: u64,
    ) -> Result<(Option<Protection>, u64), Status> {
        let (segment, first) = vad.view_index(start).ok_or(Status::InternalError)?;
        let pages = (first, (end - start) / PAGE);
        let segment = self.segment(segment)?;
        let run = segment.protection_run(&self.physical, pages, vad.protection)?;
        Ok((run.0, start + run.1 * PAGE))
    }
}

impl Vad {
    /// Which page of its segment a page of a view is.
    pub(crate) fn view_index(&self, page: u64) -> Option<(SegmentId, u64)> {
        match &self.kind {
            VadKind::View(view) => Some((view.segment, view.first + (page - self.start) / PAGE)),
            VadKind::Private(_) => None,
        }
    }
}

/// Pages of a view that all have one protection and are all to have another.
#[derive(Clone, Copy, Debug)]
struct Reprotection {
    start: u64,
    end: u64,
    own: Protection,
    new: Protection,
}

impl UserSpace {
    /// The first touch of a shared page by this process.
    pub(crate) fn view_page(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        (segment, index, protection): (SegmentId, u64, Protection),
        access: ExceptionAccess,
        patience: &Patience,
    ) -> Result<(), Status> {
        self.admit(kernel, page, protection, access, Pte::lookup)?;
        let reader = self.reader(patience);
        let found = kernel.find_shared(segment, index, EVERYWHERE, reader)?;
        self.show_shared(kernel, page, found, protection, access)
    }

    /// A touch of a shared page that this process had in use, and whose prototype entry its own
    /// entry names: no region is asked.
    pub(crate) fn pointed_page(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        (prototype, protection): (PhysAddr, Protection),
        access: ExceptionAccess,
        patience: &Patience,
    ) -> Result<(), Status> {
        let guarded = |protection| Pte::prototype(prototype, protection);
        self.admit(kernel, page, protection, access, guarded)?;
        let found = kernel.follow_prototype(prototype, self.reader(patience))?;
        self.show_shared(kernel, page, found, protection, access)
    }

    /// Lets the process use a shared page, to which the kernel holds a reference until then.
    fn show_shared(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        (frame, found): (PhysAddr, Whereabouts),
        protection: Protection,
        access: ExceptionAccess,
    ) -> Result<(), Status> {
        let valid = Pte::valid(frame, protection, FrameOwner::Prototype);
        let made = self.make_valid(kernel, page, valid, access);
        kernel.physical.release(frame);
        kernel.faults.soft += u64::from(found == Whereabouts::InMemory);
        made
    }

    /// A write to a page that copies itself: from now on the process has a page of its own.
    pub(crate) fn copy_page(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        shared: ValidPte,
    ) -> Result<(), Status> {
        let own = match page.own {
            None => {
                let vad = self.vads.find(page.address);
                kernel.untouched_page(vad.ok_or(Status::AccessViolation)?, page.address)?
            }
            own => own,
        };
        let is_paid = own.is_some_and(Protection::copies_on_write);
        let charge = u64::from(!is_paid);
        kernel.charge(charge)?;
        let copied = self.put_copy(kernel, page, shared);
        if copied.is_err() {
            kernel.commit.release(charge);
        } else if charge > 0
            && let Some(vad) = self.vads.find_mut(page.address)
        {
            vad.charge += charge;
        }
        copied
    }

    fn put_copy(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        shared: ValidPte,
    ) -> Result<(), Status> {
        let frame = kernel.physical.allocate_copy(shared.frame())?;
        let entry = self.faulted_entry(kernel, page);
        let entry = entry.inspect_err(|_| kernel.physical.free(frame))?;
        let protection = shared.protection().after_copy();
        let own = Pte::valid(frame, protection, FrameOwner::Process);
        let written = self.enforced(own).written();
        self.put(kernel, page.address, entry, written.into())?;
        kernel.faults.write_copies += 1;
        Ok(())
    }

    /// Protects pages of a view.
    pub(crate) fn protect_view(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        protection: Protection,
    ) -> Result<Protection, Status> {
        let (_, protection) = self.check_view_protection(kernel, start, protection)?;
        let Some(vad) = self.vads.find(start) else {
            return Err(Status::ConflictingAddresses);
        };
        let mut old = None;
        for own in self.protections(kernel, vad, (start, end)) {
            old = old.or(Some(own?));
        }
        self.reprotect_view(kernel, (start, end), protection)?;
        old.ok_or(Status::InternalError)
    }

    /// Commits pages of a view of a section for all who map them, and gives them a protection
    /// here. Only what is reserved of a file can be, which gets as long then.
    pub(crate) fn commit_view(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        protection: Protection,
    ) -> Result<(), Status> {
        let vad = self.vads.find(start).ok_or(Status::ConflictingAddresses)?;
        let Some((segment, first)) = vad.view_index(start) else {
            return Err(Status::ConflictingAddresses);
        };
        let last = first + (end - start) / PAGE;
        let known = kernel.segment(segment)?;
        let is_file = match known.origin {
            PageOrigin::Image(_) => return Err(Status::AlreadyCommitted),
            PageOrigin::File(_) if last <= known.pages => return Err(Status::AlreadyCommitted),
            PageOrigin::File(_) => true,
            PageOrigin::Committed | PageOrigin::Reserved => false,
        };
        let (own, protection) = self.check_view_protection(kernel, start, protection)?;
        if protection != own {
            self.make_entries(kernel, start, end)?;
        }
        let committed = if is_file {
            kernel.lengthen(segment, last * PAGE)
        } else {
            kernel.commit_segment(segment, first, last)
        };
        if let Err(status) = committed {
            self.prune_range(kernel, start, end)?;
            return Err(status);
        }
        self.reprotect_view(kernel, (start, end), protection)
    }

    /// The view's own protection, and the one that a page gets for which another is asked,
    /// if the view permits that: how it is cached is settled by the section.
    fn check_view_protection(
        &self,
        kernel: &Kernel,
        page: u64,
        asked: Protection,
    ) -> Result<(Protection, Protection), Status> {
        self.check_unsecured(page)?;
        if asked.caching() != Caching::Usual {
            return Err(Status::InvalidParameter4);
        }
        let vad = self.vads.find(page).ok_or(Status::ConflictingAddresses)?;
        let (segment, _) = vad.view_index(page).ok_or(Status::ConflictingAddresses)?;
        let own = vad.protection;
        if kernel.segment(segment)?.permits(own, asked) {
            Ok((own, asked.cached(own.caching())))
        } else {
            Err(Status::SectionProtection)
        }
    }

    /// Gives committed pages of a view another protection. Either all is done or nothing.
    fn reprotect_view(
        &mut self,
        kernel: &mut Kernel,
        (start, end): (u64, u64),
        protection: Protection,
    ) -> Result<(), Status> {
        let parts = self.reprotections(kernel, (start, end), protection)?;
        for part in parts.iter().filter(|part| part.new != part.own) {
            if let Err(status) = self.make_entries(kernel, part.start, part.end) {
                self.prune_range(kernel, start, end)?;
                return Err(status);
            }
        }
        for part in parts {
            let shared = if part.new == part.own {
                Pte::ZERO
            } else {
                Pte::lookup(part.new)
            };
            let new = |space: &Self, _, pte: Pte| match pte.state() {
                PteState::Valid(valid)
                    if valid.owner() == FrameOwner::Prototype && part.new.is_accessible() =>
                {
                    space.protected(pte, part.new)
                }
                // A page that was copied is the process's own for good.
                _ if has_own_page(pte) => space.protected(pte, part.new.after_copy()),
                _ => shared,
            };
            self.change_range(kernel, part.start, part.end, new)?;
        }
        kernel.make_coherent()
    }

    /// What a protection is for each part of a view.
    fn reprotections(
        &self,
        kernel: &Kernel,
        (start, end): (u64, u64),
        asked: Protection,
    ) -> Result<Vec<Reprotection>, Status> {
        let vad = self.vads.find(start).ok_or(Status::ConflictingAddresses)?;
        let mut parts = Vec::new();
        let mut next = start;
        while next < end {
            let (own, part_end) = kernel.untouched_run(vad, next, end)?;
            let (segment, index) = vad.view_index(next).ok_or(Status::InternalError)?;
            parts.push(Reprotection {
                start: next,
                end: part_end,
                own: own.ok_or(Status::NotCommitted)?,
                new: kernel.segment(segment)?.effective(index, asked),
            });
            next = part_end;
        }
        Ok(parts)
    }

    /// Adds a view to the address space, where nothing is but what it replaces.
    pub(crate) fn add_view(
        &mut self,
        kernel: &mut Kernel,
        (start, end): (u64, u64),
        protection: Protection,
        (segment, first): (SegmentId, u64),
        (page, placeholder): (PageSize, Placeholder),
    ) -> Result<(), Status> {
        let pages = (end - start) / PAGE;
        let known = kernel.segment(segment)?;
        let charge = known.pages_to_copy(first, first + pages, protection);
        kernel.charge(charge)?;
        kernel
            .segment_mut(segment)?
            .views
            .insert((self.process, start));
        self.add(Vad {
            start,
            end,
            protection,
            charge,
            placeholder,
            entries: Entries::None,
            kind: VadKind::View(View {
                segment,
                first,
                page,
            }),
        });
        Ok(())
    }

    /// Takes the view that starts at an address out of the address space, which leaves a
    /// placeholder that waits, or nothing.
    pub(crate) fn drop_view(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        left: Placeholder,
    ) -> Result<(), Status> {
        let vad = self.vads.find(start).ok_or(Status::NotMappedView)?;
        let (end, segment) = (vad.end, vad.view_index(start));
        let Some((segment, _)) = segment else {
            return Err(Status::NotMappedView);
        };
        let cleared = self.clear(kernel, start, end, Pte::ZERO);
        if let Some(vad) = self.vads.remove(start) {
            kernel.commit.release(vad.charge);
        }
        if left == Placeholder::Waiting {
            self.vads.insert(Vad::placeholder(start, end));
        }
        let views = &mut kernel.segment_mut(segment)?.views;
        views.remove(&(self.process, start));
        cleared
    }

    /// Lets the next write to each page of a range be noticed again.
    pub(crate) fn clean_view(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        self.rewrite_range(kernel, start, end, |_, _, pte| match pte.state() {
            PteState::Valid(valid) if valid.owner() == FrameOwner::Prototype => {
                valid.clean().into()
            }
            _ => pte,
        })
    }
}
