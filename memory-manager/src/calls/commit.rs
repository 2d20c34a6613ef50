use crate::{
    Status,
    kernel::Kernel,
    private::PrivateRules,
    protection::Protection,
    user_space::UserSpace,
    vad::{PAGE, Placeholder, VadKind},
};

impl UserSpace {
    pub(crate) fn commit(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        protection: Protection,
    ) -> Result<(), Status> {
        const CONFLICT: Status = Status::ConflictingAddresses;
        let vad = self.region(start, end, CONFLICT, CONFLICT)?;
        if vad.placeholder == Placeholder::Waiting {
            return Err(CONFLICT);
        }
        let private = match &vad.kind {
            VadKind::Private(_) if vad.is_fixed() => return Err(CONFLICT),
            VadKind::Private(private) => private,
            VadKind::View(_) => return self.commit_view(kernel, start, end, protection),
        };
        self.check_unsecured(start)?;
        if protection.copies_on_write() {
            return Err(Status::InvalidPageProtection);
        }
        let rules = PrivateRules::of(vad, private);
        let committed = self.committed_pages(kernel, rules, start, end)?;
        let new = (end - start) / PAGE - committed;
        kernel.charge(new)?;
        let done = self.commit_or_protect(kernel, rules, (start, end), protection);
        if done.is_err() {
            kernel.commit.release(new);
            return done;
        }
        if let Some(vad) = self.vads.find_mut(start) {
            vad.charge += new;
        }
        Ok(())
    }
}
