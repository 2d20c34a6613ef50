use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    AddressRange, Machine, PageProtection, Status, Target,
    kernel::Kernel,
    large,
    private::PrivateRules,
    protection::Protection,
    user_range::WrongRange,
    user_space::UserSpace,
    vad::{PAGE, VadKind},
};

const WRONG: WrongRange = WrongRange {
    base: Status::InvalidParameter2,
    size: Status::InvalidParameter3,
    empty: Some(Status::InvalidParameter3),
};

impl Machine {
    /// Changes the protection of committed pages (`NtProtectVirtualMemory`); gives the pages
    /// and what the first of them had. How private memory is cached stays as it was reserved.
    /// A guard page inside the stack of the thread that calls makes the stack end above it.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidPageProtection`]: no page can be protected so, or it is one of a
    ///   PEB or TEB.
    /// - [`Status::InvalidParameter2`], [`Status::InvalidParameter3`]: base or size are not
    ///   in user space, or the size is 0.
    /// - [`Status::InvalidHandle`]: no such process or thread.
    /// - [`Status::ConflictingAddresses`]: the pages are not in one region, or are a part of a
    ///   large page, or in a window.
    /// - [`Status::InvalidParameter4`]: private memory cannot be write-copy, a large page not
    ///   without access, and a view not cached in a special way.
    /// - [`Status::SectionProtection`]: it is a view, which does not permit the protection.
    /// - [`Status::NotCommitted`]: a page is not committed.
    /// - [`Status::CommitmentLimit`], [`Status::NoMemory`]: there is no memory for the page
    ///   tables.
    pub fn virtual_protect(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        size: u64,
        protection: PageProtection,
    ) -> Result<(AddressRange, PageProtection), Status> {
        let target = target.into();
        let protection = Protection::new(protection)?;
        let (start, end) = WRONG.pages(base, size)?;
        let (space, kernel) = self.space(target)?;
        let what = ((start, end), protection);
        let old = space.protecting(kernel, target, what, |space, kernel| {
            space.protect(kernel, start, end, protection)
        })?;
        Ok((range(start, end), old.flags()))
    }
}

impl UserSpace {
    fn protect(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        protection: Protection,
    ) -> Result<Protection, Status> {
        const CONFLICT: Status = Status::ConflictingAddresses;
        let vad = self.region(start, end, CONFLICT, CONFLICT)?;
        if vad.is_window() {
            return Err(CONFLICT);
        }
        large::check_protection(vad.page(), (start, end), protection)?;
        match &vad.kind {
            VadKind::Private(private) => {
                if protection.copies_on_write() {
                    return Err(Status::InvalidParameter4);
                }
                self.check_unsecured(start)?;
                let rules = PrivateRules::of(vad, private);
                let committed = self.committed_pages(kernel, rules, start, end)?;
                let first = rules.committed(self.entry(&kernel.physical, start)?);
                let old = first.ok_or(Status::NotCommitted)?;
                if committed < (end - start) / PAGE {
                    return Err(Status::NotCommitted);
                }
                self.commit_or_protect(kernel, rules, (start, end), protection)?;
                Ok(old)
            }
            VadKind::View(_) => self.protect_view(kernel, start, end, protection),
        }
    }
}
