//! How faults are resolved.

use mmu_core::{Level, PageFault};

use crate::{
    Exception, ExceptionAccess, Status, ThreadId,
    kernel::Kernel,
    page_tables::PageEntry,
    paging::{Patience, Reader},
    protection::Protection,
    pte::{FrameOwner, Pte, PteState, ValidPte},
    section::Whereabouts,
    user_space::UserSpace,
    vad::{Entries, PAGE, USER_LIMIT, Untouched, VadKind},
};

/// A page whose use faulted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultedPage {
    pub(crate) address: u64,
    /// Its entry, if the walk came that far.
    pub(crate) entry: Option<PageEntry>,
    /// What its region says of it, if that was asked.
    pub(crate) own: Option<Protection>,
}

impl UserSpace {
    /// The entry of a page, with the tables on the way made if the walk found none.
    pub(crate) fn faulted_entry(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
    ) -> Result<PageEntry, Status> {
        if let Some(entry) = page.entry {
            return Ok(entry);
        }
        let place = self.make_entry(kernel, page.address)?;
        PageEntry::read(&kernel.physical, place)
    }

    /// Resolves a page fault of a program, so that the access can be tried again.
    ///
    /// # Errors
    /// The exception that the program gets instead; [`Status::InPageError`], too, of one that
    /// does not stay until its page is read, and is told what it waits for.
    pub(crate) fn resolve(
        &mut self,
        kernel: &mut Kernel,
        thread: Option<ThreadId>,
        fault: &PageFault,
        access: ExceptionAccess,
        patience: &Patience,
    ) -> Result<(), Exception> {
        kernel.faults.faults += 1;
        let settled = match (self.settle(kernel, fault, access, patience), thread) {
            (Err(Status::GuardPageViolation), Some(thread)) => {
                self.guard_touched(kernel, thread, fault.address.as_u64())
            }
            (settled, _) => settled,
        };
        let coherent = kernel.make_coherent();
        let reason = kernel.in_page_reason.take();
        settled.and(coherent).map_err(|code| Exception {
            reason: reason.filter(|_| code == Status::InPageError),
            ..Exception::at(fault.address, access)(code)
        })
    }

    fn settle(
        &mut self,
        kernel: &mut Kernel,
        fault: &PageFault,
        access: ExceptionAccess,
        patience: &Patience,
    ) -> Result<(), Status> {
        let address = fault.address.as_u64() & !(PAGE - 1);
        if address >= USER_LIMIT {
            return Err(Status::AccessViolation);
        }
        let found = PageEntry {
            place: fault.entry_address,
            pte: Pte::from_bits(fault.entry.bits()),
        };
        let entry = (fault.level == Level::Pte).then_some(found);
        if entry.is_none() && found.pte != Pte::ZERO {
            // A large page is all there is ever to it.
            return Err(Status::AccessViolation);
        }
        let page = FaultedPage {
            address,
            entry,
            own: None,
        };
        match found.pte.state() {
            PteState::Valid(valid) => self.settle_valid(kernel, page, valid, access),
            PteState::Zero => self.settle_by_region(kernel, page, None, access, patience),
            PteState::Lookup(protection) => {
                self.settle_by_region(kernel, page, Some(protection), access, patience)
            }
            PteState::Decommitted => Err(Status::AccessViolation),
            PteState::Prototype(prototype, protection) => {
                let pointed = (prototype, protection);
                self.pointed_page(kernel, page, pointed, access, patience)
            }
            PteState::PageFile(slot, protection) => {
                let guarded = |protection| Pte::page_file(slot, protection);
                self.admit(kernel, page, protection, access, guarded)?;
                let reader = self.reader(patience);
                let frame = kernel.page_in(found.place, FrameOwner::Process, reader)?;
                let page = FaultedPage {
                    entry: Some(PageEntry::read(&kernel.physical, found.place)?),
                    ..page
                };
                let valid = Pte::valid(frame, protection, FrameOwner::Process);
                self.make_valid(kernel, page, valid, access)
            }
            PteState::DemandZero(protection) => self.zero_page(kernel, page, protection, access),
            PteState::Transition(frame, protection) => {
                let guarded = |protection| Pte::transition(frame, protection);
                self.admit(kernel, page, protection, access, guarded)?;
                let was = kernel.land(frame, patience)?;
                let valid = Pte::valid(frame, protection, FrameOwner::Process);
                self.make_valid(kernel, page, valid, access)?;
                kernel.faults.soft += u64::from(was == Whereabouts::InMemory);
                Ok(())
            }
        }
    }

    /// Somebody for whom pages of the process are read.
    pub(crate) fn reader<'a>(&self, patience: &'a Patience) -> Reader<'a> {
        Reader {
            priority: self.working_set.priority,
            patience,
        }
    }

    /// A page that the processor can use, but not so.
    fn settle_valid(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        valid: ValidPte,
        access: ExceptionAccess,
    ) -> Result<(), Status> {
        match access {
            ExceptionAccess::Write if valid.is_writable() => self.write_page(kernel, page, valid),
            ExceptionAccess::Write if valid.copies_on_write() => {
                self.copy_page(kernel, page, valid)
            }
            ExceptionAccess::Write => Err(Status::AccessViolation),
            ExceptionAccess::Execute if !valid.lets_execute() => Err(Status::AccessViolation),
            // Somebody else has resolved it.
            ExceptionAccess::Read | ExceptionAccess::Execute => Ok(()),
        }
    }

    /// A page of which its entry says nothing but perhaps its protection.
    fn settle_by_region(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        protection: Option<Protection>,
        access: ExceptionAccess,
        patience: &Patience,
    ) -> Result<(), Status> {
        let vad = self
            .vads
            .find_mut(page.address)
            .ok_or(Status::AccessViolation)?;
        vad.entries = Entries::Some;
        match &vad.kind {
            VadKind::Private(private) if private.untouched == Untouched::Committed => {
                let protection = protection.unwrap_or(vad.protection);
                self.zero_page(kernel, page, protection, access)
            }
            VadKind::View(view) => {
                let own = kernel.untouched_page(vad, page.address)?;
                let own = own.ok_or(Status::AccessViolation)?;
                let index = view.first + (page.address - vad.start) / PAGE;
                let shared = (view.segment, index, protection.unwrap_or(own));
                let page = FaultedPage {
                    own: Some(own),
                    ..page
                };
                self.view_page(kernel, page, shared, access, patience)
            }
            VadKind::Private(_) => Err(Status::AccessViolation),
        }
    }

    /// Checks an access against a protection. A guard is taken off, and `guarded` is what is
    /// left of the entry then.
    pub(crate) fn admit(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        protection: Protection,
        access: ExceptionAccess,
        guarded: impl FnOnce(Protection) -> Pte,
    ) -> Result<(), Status> {
        if protection.is_guard() {
            let entry = self.faulted_entry(kernel, page)?;
            let unguarded = guarded(protection.without_guard());
            self.put(kernel, page.address, entry, unguarded)?;
            return Err(Status::GuardPageViolation);
        }
        let wanted = match access {
            ExceptionAccess::Execute if !self.dep.prevents_execution() => ExceptionAccess::Read,
            access => access,
        };
        if protection.allows(wanted) {
            Ok(())
        } else {
            Err(Status::AccessViolation)
        }
    }

    /// The first touch of private memory.
    fn zero_page(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        protection: Protection,
        access: ExceptionAccess,
    ) -> Result<(), Status> {
        self.admit(kernel, page, protection, access, Pte::demand_zero)?;
        let frame = kernel.physical.allocate()?;
        let valid = Pte::valid(frame, protection, FrameOwner::Process);
        let made = self.make_valid(kernel, page, valid, access);
        match made {
            Ok(()) => {
                kernel.faults.demand_zero += 1;
                self.reset_pages.note_zeros(page.address);
            }
            Err(_) => kernel.physical.free(frame),
        }
        made
    }

    /// Lets the processor use a page that it could not use.
    pub(crate) fn make_valid(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        valid: ValidPte,
        access: ExceptionAccess,
    ) -> Result<(), Status> {
        self.make_room(kernel)?;
        let valid = self.enforced(valid);
        if access == ExceptionAccess::Write {
            return self.settle_valid(kernel, page, valid, access);
        }
        let entry = self.faulted_entry(kernel, page)?;
        self.put(kernel, page.address, entry, valid.into())?;
        Ok(())
    }

    /// The first write to a page since it was clean.
    fn write_page(
        &mut self,
        kernel: &mut Kernel,
        page: FaultedPage,
        valid: ValidPte,
    ) -> Result<(), Status> {
        kernel.physical.note_written(valid.frame());
        let entry = self.faulted_entry(kernel, page)?;
        self.put(kernel, page.address, entry, valid.written().into())?;
        Ok(())
    }
}
