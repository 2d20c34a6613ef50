use mmu_core::VirtAddr;

use crate::{
    Machine, PageProtection, Status, Target,
    kernel::Kernel,
    private::{PrivateRules, has_own_page, is_dirty},
    protection::Protection,
    user_range::WrongRange,
    user_space::UserSpace,
    vad::VadKind,
};

impl Machine {
    /// Gives the frames of private pages back and keeps the pages (`DiscardVirtualMemory`).
    /// What they hold then is not defined: zeros, or what they held if they are locked.
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidParameter`]: the range is not made of whole pages of user space, or
    ///   empty; or it is a view, whose pages others may need.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::ConflictingAddresses`]: the pages are not in one region.
    /// - [`Status::NotCommitted`]: a page is not committed.
    /// - [`Status::InvalidPageProtection`]: a page can not just be read and written.
    pub fn discard(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        size: u64,
    ) -> Result<(), Status> {
        const WRONG: Status = Status::InvalidParameter;
        let wrong = WrongRange::just(WRONG).or_empty(WRONG);
        let (start, end) = wrong.pages(base, size)?;
        if (start, end - start) != (base.as_u64(), size) {
            return Err(WRONG);
        }
        let (space, kernel) = self.space(target)?;
        space.discard(kernel, start, end)
    }
}

impl UserSpace {
    fn discard(&mut self, kernel: &mut Kernel, start: u64, end: u64) -> Result<(), Status> {
        const CONFLICT: Status = Status::ConflictingAddresses;
        let wanted = Protection::new(PageProtection::READWRITE)?;
        let vad = self.region(start, end, CONFLICT, CONFLICT)?;
        if vad.is_fixed() {
            return Err(CONFLICT);
        }
        let VadKind::Private(private) = &vad.kind else {
            return Err(Status::InvalidParameter);
        };
        let rules = PrivateRules::of(vad, private);
        for protection in self.protections(kernel, vad, (start, end)) {
            if protection? != wanted {
                return Err(Status::InvalidPageProtection);
            }
        }
        let fresh = rules.fresh(wanted);
        let mut written = Vec::new();
        self.rewrite_range(kernel, start, end, |space, page, pte| {
            if !has_own_page(pte) || space.working_set.list.is_locked(page) {
                return pte;
            }
            if is_dirty(pte) {
                written.push(page);
            }
            fresh
        })?;
        self.note_writes(start, &written);
        Ok(())
    }
}
