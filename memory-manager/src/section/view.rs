//! What is done to the pages of a view.

use mmu_core::PageSize;

use crate::{
    ExceptionAccess, Status,
    fault::FaultedPage,
    kernel::Kernel,
    private::owned_frame,
    protection::{Caching, Protection},
    pte::{FrameOwner, Pte, PteState, ValidPte},
    section::{Committed, SegmentId},
    user_space::UserSpace,
    vad::{Copies, PAGE, Placeholder, Vad, VadKind, View},
};

impl Kernel {
    /// The protection of a page of a view, if it is committed; `untouched` is that of a page
    /// whose entry says nothing.
    pub(crate) fn view_protection(
        &self,
        id: SegmentId,
        index: u64,
        untouched: Protection,
        pte: Pte,
    ) -> Result<Option<Protection>, Status> {
        let shared = match pte.state() {
            PteState::Valid(valid) => return Ok(Some(valid.protection())),
            PteState::Transition(_, protection) => return Ok(Some(protection)),
            PteState::Lookup(protection) => protection,
            PteState::Zero | PteState::DemandZero(_) | PteState::Decommitted => untouched,
        };
        let (committed, _) = self.committed_run(id, index, 1)?;
        Ok((committed == Committed::Yes).then_some(shared))
    }

    /// Whether pages of a segment are committed, and how many are alike.
    pub(crate) fn committed_run(
        &self,
        id: SegmentId,
        first: u64,
        most: u64,
    ) -> Result<(Committed, u64), Status> {
        self.segment(id)?.committed_run(&self.physical, first, most)
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

impl UserSpace {
    /// The first touch of a shared page by this process.
    pub(crate) fn view_page(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        (segment, index): (SegmentId, u64),
        protection: Protection,
        access: ExceptionAccess,
    ) -> Result<(), Status> {
        if kernel.committed_run(segment, index, 1)?.0 == Committed::No {
            return Err(Status::AccessViolation);
        }
        self.admit(kernel, page, protection, access, Pte::lookup)?;
        let frame = kernel.shared_frame(segment, index)?;
        let valid = Pte::valid(frame, protection, FrameOwner::Prototype);
        self.make_valid(kernel, page, valid, access)
    }

    /// A write to a page that copies itself: from now on the process has a page of its own.
    pub(crate) fn copy_page(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        shared: ValidPte,
    ) -> Result<(), Status> {
        let vad = self.vads.find(page.address);
        let Some(VadKind::View(view)) = vad.map(|vad| &vad.kind) else {
            return Err(Status::AccessViolation);
        };
        match view.copies {
            Copies::Prepaid => self.put_copy(kernel, page, shared),
            Copies::Single => {
                kernel.commit.charge(1)?;
                let copied = self.put_copy(kernel, page, shared);
                if copied.is_err() {
                    kernel.commit.release(1);
                } else if let Some(vad) = self.vads.find_mut(page.address) {
                    vad.charge += 1;
                }
                copied
            }
        }
    }

    fn put_copy(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        shared: ValidPte,
    ) -> Result<(), Status> {
        let at = self.faulted_entry(kernel, page)?;
        let frame = kernel.physical.allocate_copy(shared.frame())?;
        let protection = shared.protection().after_copy();
        let own = Pte::valid(frame, protection, FrameOwner::Process);
        self.put(
            kernel,
            page.address,
            at,
            self.enforced(own).written().into(),
        )?;
        kernel.faults.write_copies += 1;
        Ok(())
    }

    /// The first write through this view to a shared page.
    pub(crate) fn note_shared_write(
        &mut self,
        kernel: &mut Kernel,
        page: u64,
    ) -> Result<(), Status> {
        let vad = self.vads.find(page);
        match vad.and_then(|vad| vad.view_index(page)) {
            Some((segment, index)) => kernel.dirty_shared(segment, index),
            None => Err(Status::AccessViolation),
        }
    }

    /// Protects pages of a view.
    pub(crate) fn protect_view(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        protection: Protection,
    ) -> Result<Protection, Status> {
        let (own, protection) = self.check_view_protection(start, protection)?;
        let Some(vad) = self.vads.find(start) else {
            return Err(Status::ConflictingAddresses);
        };
        let mut old = None;
        let mut page = start;
        while page < end {
            let (committed, next) = self.run(kernel, vad, page)?;
            let committed = committed.ok_or(Status::NotCommitted)?;
            old = old.or(Some(committed));
            page = next;
        }
        self.reprotect_view(kernel, (start, end), own, protection)?;
        Ok(old.unwrap_or(own))
    }

    /// Commits pages of a view of a section that is no file, for all who map them, and gives
    /// them a protection here.
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
        if kernel.segments.is_file(segment) {
            return Err(Status::AlreadyCommitted);
        }
        let (own, protection) = self.check_view_protection(start, protection)?;
        if protection != own {
            self.make_entries(kernel, start, end)?;
        }
        let committed = kernel.commit_segment(segment, first, first + (end - start) / PAGE);
        if let Err(status) = committed {
            self.prune_range(kernel, start, end)?;
            return Err(status);
        }
        self.reprotect_view(kernel, (start, end), own, protection)
    }

    /// The view's own protection, and the one that a page gets for which another is asked,
    /// if the view permits that: how it is cached is settled by the section.
    fn check_view_protection(
        &self,
        page: u64,
        asked: Protection,
    ) -> Result<(Protection, Protection), Status> {
        self.check_unsecured(page)?;
        if asked.caching() != Caching::Usual {
            return Err(Status::InvalidParameter4);
        }
        match self.vads.find(page) {
            Some(vad) if vad.protection.covers(asked) => {
                let own = vad.protection;
                Ok((own, asked.cached(own.caching())))
            }
            Some(_) => Err(Status::SectionProtection),
            None => Err(Status::ConflictingAddresses),
        }
    }

    fn reprotect_view(
        &mut self,
        kernel: &mut Kernel,
        (start, end): (u64, u64),
        own: Protection,
        protection: Protection,
    ) -> Result<(), Status> {
        let shared = if protection == own {
            Pte::ZERO
        } else {
            self.make_entries(kernel, start, end)?;
            Pte::lookup(protection)
        };
        self.rewrite_range(kernel, start, end, |space, _, pte| match pte.state() {
            PteState::Valid(valid)
                if valid.owner() == FrameOwner::Prototype && protection.is_accessible() =>
            {
                space.protected(pte, protection)
            }
            // A page that was copied is the process's own for good.
            _ if owned_frame(pte).is_some() => space.protected(pte, protection.after_copy()),
            _ => shared,
        })
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
        let (copies, charge) = if protection.copies_on_write() {
            (Copies::Prepaid, pages)
        } else {
            (Copies::Single, 0)
        };
        kernel.commit.charge(charge)?;
        kernel
            .segment_mut(segment)?
            .views
            .insert((self.process, start));
        if placeholder == Placeholder::Replaced {
            self.vads.remove(start);
        }
        self.vads.insert(Vad {
            start,
            end,
            protection,
            charge,
            placeholder,
            kind: VadKind::View(View {
                segment,
                first,
                copies,
                page,
            }),
        });
        Ok(())
    }

    /// Takes the view that starts at an address out of the address space.
    pub(crate) fn drop_view(&mut self, kernel: &mut Kernel, start: u64) -> Result<(), Status> {
        let vad = self.vads.find(start).ok_or(Status::NotMappedView)?;
        let (end, segment) = (vad.end, vad.view_index(start));
        let Some((segment, _)) = segment else {
            return Err(Status::NotMappedView);
        };
        self.clear(kernel, start, end, Pte::ZERO)?;
        if let Some(vad) = self.vads.remove(start) {
            kernel.commit.release(vad.charge);
        }
        kernel
            .segment_mut(segment)?
            .views
            .remove(&(self.process, start));
        Ok(())
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
