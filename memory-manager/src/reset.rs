//! Pages whose content nobody needs until somebody says so.

use std::collections::BTreeMap;

use mmu_core::PhysAddr;

use crate::{
    Status,
    kernel::Kernel,
    private::{PrivateRules, has_own_page, is_dirty},
    pte::PteState,
    user_space::UserSpace,
    vad::VadKind,
};

/// What became of a page that was reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reset {
    /// It holds what it held, unless its entry has nothing any more.
    Kept,
    /// It has become zeros.
    Lost,
}

/// The pages of a process that were reset, and what became of them since.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResetPages(BTreeMap<u64, Reset>);

impl ResetPages {
    /// A page was touched that held nothing.
    pub(crate) fn note_zeros(&mut self, page: u64) {
        if let Some(reset) = self.0.get_mut(&page) {
            *reset = Reset::Lost;
        }
    }

    /// The pages of a range are no pages that were reset any more.
    pub(crate) fn forget(&mut self, start: u64, end: u64) {
        if self.0.range(start..end).next().is_some() {
            self.0.retain(|page, _| !(start..end).contains(page));
        }
    }
}

impl UserSpace {
    /// What the private pages of a range hold is not needed: it is not written to a page file,
    /// nor read from one, and their frames can be taken, but those of locked pages. Views stay as
    /// they are, whose pages others may need.
    pub(crate) fn reset(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        let Some(rules) = self.resettable(kernel, start, end)? else {
            return Ok(());
        };
        let (mut written, mut reset) = (Vec::new(), Vec::new());
        self.rewrite_range(kernel, start, end, |space, page, pte| {
            if !has_own_page(pte) || space.working_set.list.is_locked(page) {
                return pte;
            }
            if is_dirty(pte) {
                written.push(page);
            }
            reset.push((page, pte.frame()));
            match pte.state() {
                PteState::Valid(valid) => valid.clean().into(),
                PteState::PageFile(_, protection) => rules.fresh(protection),
                _ => pte,
            }
        })?;
        self.note_writes(start, &written);
        for (page, frame) in reset {
            let what = match frame {
                Some(frame) => {
                    kernel.physical.note_unneeded(frame);
                    Reset::Kept
                }
                None => Reset::Lost,
            };
            self.reset_pages.0.insert(page, what);
        }
        Ok(())
    }

    /// What the pages of a range hold is needed again. All of it is there or nothing is done.
    pub(crate) fn undo_reset(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        if self.resettable(kernel, start, end)?.is_none() {
            return Ok(());
        }
        let mut frames: Vec<PhysAddr> = Vec::new();
        for (&page, &reset) in self.reset_pages.0.range(start..end) {
            let pte = self.entry(&kernel.physical, page)?;
            if reset == Reset::Lost || !has_own_page(pte) {
                return Err(Status::DeviceBusy);
            }
            frames.extend(pte.frame());
        }
        for frame in frames {
            kernel.physical.note_needed(frame);
        }
        self.reset_pages.forget(start, end);
        Ok(())
    }

    /// What decides on the entries of a range, if it is private memory that can be reset. None of
    /// its pages is being read then: a page that cannot be read has a frame that long, which holds
    /// nothing.
    fn resettable(
        &self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<Option<PrivateRules>, Status> {
        const CONFLICT: Status = Status::ConflictingAddresses;
        let vad = self.region(start, end, CONFLICT, CONFLICT)?;
        match &vad.kind {
            VadKind::View(view) if kernel.segments.is_file(view.segment) => {
                Err(Status::UserMappedFile)
            }
            VadKind::Private(_) if vad.is_fixed() => Err(CONFLICT),
            VadKind::Private(private) => {
                kernel.physical.complete_of(self.process)?;
                Ok(Some(PrivateRules::of(vad, private)))
            }
            VadKind::View(_) => Ok(None),
        }
    }
}
