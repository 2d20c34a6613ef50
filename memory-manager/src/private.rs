//! What the calls do to the pages of private memory.

use mmu_core::{PageSize, PhysAddr};

use crate::{
    Status,
    kernel::Kernel,
    page_tables::{Alikes, PageEntry, Piece, Pieces},
    protection::{Caching, Protection},
    pte::{FrameOwner, Pte, PteState, ValidPte},
    user_space::UserSpace,
    vad::{PAGE, Private, Untouched, Vad, VadKind, WriteWatch},
};

/// What decides on the entries of a private region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrivateRules {
    pub(crate) untouched: Untouched,
    pub(crate) protection: Protection,
    caching: Caching,
}

impl PrivateRules {
    pub(crate) fn of(vad: &Vad, private: &Private) -> Self {
        Self {
            untouched: private.untouched,
            protection: vad.protection,
            caching: private.caching,
        }
    }

    /// The protection that a page gets which is asked to have this one: how a region is
    /// cached is settled when it is reserved.
    pub(crate) fn effective(self, asked: Protection) -> Protection {
        asked.cached(self.caching)
    }

    /// The protection of a committed page; none of a reserved one.
    pub(crate) fn committed(self, pte: Pte) -> Option<Protection> {
        match pte.state() {
            PteState::Zero if self.untouched == Untouched::Committed => Some(self.protection),
            PteState::Zero | PteState::Decommitted => None,
            PteState::DemandZero(protection)
            | PteState::PageFile(_, protection)
            | PteState::Transition(_, protection)
            | PteState::Lookup(protection)
            | PteState::Prototype(_, protection) => Some(protection),
            PteState::Valid(valid) => Some(valid.protection()),
        }
    }

    /// The entry of a committed page that was not touched.
    pub(crate) fn fresh(self, protection: Protection) -> Pte {
        if self.untouched == Untouched::Committed && protection == self.protection {
            Pte::ZERO
        } else {
            Pte::demand_zero(protection)
        }
    }

    /// The entry of a page that is not committed.
    fn reserved(self) -> Pte {
        match self.untouched {
            Untouched::Reserved => Pte::ZERO,
            Untouched::Committed => Pte::DECOMMITTED,
        }
    }
}

/// Whether an entry has a page that is the process's own, be it in memory or not.
pub(crate) fn has_own_page(pte: Pte) -> bool {
    owned_frame(pte).is_some() || matches!(pte.state(), PteState::PageFile(..))
}

/// The frame that an entry owns.
pub(crate) fn owned_frame(pte: Pte) -> Option<PhysAddr> {
    match pte.state() {
        PteState::Valid(valid) if valid.owner() == FrameOwner::Process => Some(valid.frame()),
        PteState::Transition(frame, _) => Some(frame),
        _ => None,
    }
}

/// Whether a page was written since its entry was last clean.
pub(crate) fn is_dirty(pte: Pte) -> bool {
    matches!(pte.state(), PteState::Valid(valid) if valid.is_dirty())
}

impl UserSpace {
    /// As the processor is to see a valid entry.
    pub(crate) fn enforced(&self, valid: ValidPte) -> ValidPte {
        if self.dep.prevents_execution() {
            valid
        } else {
            valid.executable()
        }
    }

    /// The entry of a page that has a frame, with another protection.
    pub(crate) fn protected(&self, pte: Pte, protection: Protection) -> Pte {
        match pte.state() {
            PteState::Valid(valid) if protection.is_accessible() => {
                self.enforced(valid.protected(protection)).into()
            }
            PteState::Valid(valid) => Pte::transition(valid.frame(), protection),
            PteState::Transition(frame, _) => Pte::transition(frame, protection),
            PteState::PageFile(slot, _) => Pte::page_file(slot, protection),
            _ => pte,
        }
    }

    /// How many pages of a range are committed.
    pub(crate) fn committed_pages(
        &self,
        kernel: &Kernel,
        rules: PrivateRules,
        start: u64,
        end: u64,
    ) -> Result<u64, Status> {
        let mut pages = 0;
        let mut alikes = Alikes::new(start, end);
        while let Some(alike) = alikes.next(self, &kernel.physical)? {
            if rules.committed(alike.pte).is_some() {
                pages += (alike.end - alike.start) / PAGE;
            }
        }
        Ok(pages)
    }

    /// Gives all pages of a range a protection, and commits those that are not. Charging is
    /// the caller's. Either all is done or nothing.
    pub(crate) fn commit_or_protect(
        &mut self,
        kernel: &mut Kernel,
        rules: PrivateRules,
        (start, end): (u64, u64),
        asked: Protection,
    ) -> Result<(), Status> {
        let protection = rules.effective(asked);
        let fresh = rules.fresh(protection);
        if fresh != Pte::ZERO {
            self.make_entries(kernel, start, end)?;
        }
        let mut written = Vec::new();
        self.rewrite_range(kernel, start, end, |space, page, pte| {
            if is_dirty(pte) {
                written.push(page);
            }
            if has_own_page(pte) {
                space.protected(pte, protection)
            } else {
                fresh
            }
        })?;
        self.note_writes(start, &written);
        Ok(())
    }

    /// Takes the pages of a range back; what they held is gone. Either all is done or nothing.
    pub(crate) fn decommit(
        &mut self,
        kernel: &mut Kernel,
        rules: PrivateRules,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        let reserved = rules.reserved();
        if reserved != Pte::ZERO {
            self.make_entries(kernel, start, end)?;
        }
        self.clear(kernel, start, end, reserved)
    }

    /// Empties a range of all that it holds, with the tables that were for it alone.
    pub(crate) fn clear(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        left: Pte,
    ) -> Result<(), Status> {
        self.reset_pages.forget(start, end);
        let mut pieces = Pieces::new(start, end);
        let mut large = Vec::new();
        while let Some(piece) = pieces.next(self, &kernel.physical)? {
            self.rewrite(kernel, piece, |_, _, pte| {
                if piece.size != PageSize::Size4KiB {
                    large.extend(owned_frame(pte));
                }
                left
            })?;
            for page in large.drain(..) {
                kernel.give_back(page, piece.size);
            }
        }
        kernel.make_coherent()
    }

    /// Writes each entry of a range anew, and prunes what is empty then. No processor uses the
    /// old ones any more.
    pub(crate) fn rewrite_range(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        new: impl FnMut(&Self, u64, Pte) -> Pte,
    ) -> Result<(), Status> {
        self.change_range(kernel, start, end, new)?;
        kernel.make_coherent()
    }

    /// As [`UserSpace::rewrite_range`], but the kernel is to be made coherent then.
    pub(crate) fn change_range(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        mut new: impl FnMut(&Self, u64, Pte) -> Pte,
    ) -> Result<(), Status> {
        let mut pieces = Pieces::new(start, end);
        while let Some(piece) = pieces.next(self, &kernel.physical)? {
            self.rewrite(kernel, piece, &mut new)?;
        }
        Ok(())
    }

    /// Writes each entry of a piece anew, and prunes what is empty then.
    fn rewrite(
        &mut self,
        kernel: &mut Kernel,
        piece: Piece,
        mut new: impl FnMut(&Self, u64, Pte) -> Pte,
    ) -> Result<(), Status> {
        let mut used = None;
        for (page, at) in piece.entries() {
            let entry = PageEntry::read(&kernel.physical, at)?;
            let new = new(self, page, entry.pte);
            if new != entry.pte {
                used = Some(self.put(kernel, page, entry, new)?);
            }
        }
        if used == Some(0) {
            self.prune(kernel, piece.start)?;
        }
        Ok(())
    }

    /// Keeps in mind that pages of a region were written, if it is watched.
    pub(crate) fn note_writes(&mut self, region: u64, pages: &[u64]) {
        if let Some(vad) = self.vads.find_mut(region)
            && let VadKind::Private(private) = &mut vad.kind
            && let WriteWatch::On(written) = &mut private.watch
        {
            written.extend(pages);
        }
    }
}
