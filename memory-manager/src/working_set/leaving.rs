//! How pages leave the working set of a process.

use mmu_core::PhysAddr;

use crate::{
    Replacement, Status, WorkingSetLimits,
    kernel::Kernel,
    page_tables::PageEntry,
    pte::{FrameOwner, Pte, PteState, ValidPte},
    system::AMPLE,
    user_space::UserSpace,
};

/// The most pages that are looked at to find one that is replaced.
const SAMPLE: usize = 64;

impl UserSpace {
    /// The entry of a page of the working set, and where it lies.
    pub(crate) fn resident(
        &self,
        kernel: &Kernel,
        page: u64,
    ) -> Result<Option<(PhysAddr, ValidPte)>, Status> {
        let at = self.deepest_entry(&kernel.physical, page)?.place;
        match kernel.physical.read_pte(at)?.state() {
            PteState::Valid(valid) => Ok(Some((at, valid))),
            _ => Ok(None),
        }
    }

    /// Whether a page that is not locked can leave the working set: environment blocks stay,
    /// where the system looks for them, and pages where a device does.
    pub(crate) fn can_leave(&self, kernel: &Kernel, page: u64) -> bool {
        self.check_unsecured(page).is_ok() && !self.is_kept(kernel, page)
    }

    /// Whether a device is busy with a page.
    fn is_kept(&self, kernel: &Kernel, page: u64) -> bool {
        !kernel.mdls.is_empty()
            && self.resident(kernel, page).is_ok_and(|found| {
                found.is_some_and(|(_, valid)| kernel.physical.is_kept(valid.frame()))
            })
    }

    /// Takes a page out of the working set: the next touch faults, and finds it in memory as it
    /// was, if it is still there. The kernel is to settle then.
    pub(crate) fn trim_page(&mut self, kernel: &mut Kernel, page: u64) -> Result<(), Status> {
        match self.resident(kernel, page)? {
            Some(found) => self.trim_resident(kernel, page, found),
            None => Ok(()),
        }
    }

    /// The same, of a page whose entry is known.
    pub(crate) fn trim_resident(
        &mut self,
        kernel: &mut Kernel,
        page: u64,
        (place, valid): (PhysAddr, ValidPte),
    ) -> Result<(), Status> {
        let left = match valid.owner() {
            FrameOwner::Process => Pte::transition(valid.frame(), valid.protection()),
            FrameOwner::Prototype => {
                let prototype = kernel.physical.prototype_of(valid.frame())?;
                Pte::prototype(prototype, valid.protection())
            }
        };
        let entry = PageEntry {
            place,
            pte: valid.into(),
        };
        self.put(kernel, page, entry, left)?;
        if valid.is_dirty()
            && let Some(vad) = self.vads.find(page)
        {
            self.note_writes(vad.start, &[page]);
        }
        Ok(())
    }

    /// Makes room for another page of the process, if it has as many as it may have and memory
    /// is not ample: one of its own leaves.
    pub(crate) fn make_room(&mut self, kernel: &mut Kernel) -> Result<(), Status> {
        let set = &self.working_set;
        let is_soft = !set.limits.contains(WorkingSetLimits::HARD_MAXIMUM);
        if set.bytes() < set.size.maximum || is_soft && kernel.physical.available() >= AMPLE {
            return Ok(());
        }
        if let Some(page) = self.replaceable(kernel)? {
            self.trim_page(kernel, page)?;
            kernel.working_sets.replaced += 1;
            kernel.settle()?;
        }
        Ok(())
    }

    /// The page that is to leave for another one.
    pub(crate) fn replaceable(&self, kernel: &Kernel) -> Result<Option<u64>, Status> {
        let candidates = self.working_set.list.candidates();
        let candidates = candidates.filter(|page| self.can_leave(kernel, page.page));
        if kernel.replacement == Replacement::FirstIn {
            let first = candidates.min_by_key(|page| page.added);
            return Ok(first.map(|page| page.page));
        }
        let mut best = None;
        for page in candidates.take(SAMPLE) {
            let used = self.resident(kernel, page.page)?;
            let is_used = used.is_some_and(|(_, valid)| valid.is_accessed());
            let age = if is_used { None } else { Some(page.age) };
            let rank = (age, u64::MAX - page.added);
            if best.is_none_or(|(other, _)| rank > other) {
                best = Some((rank, page.page));
            }
        }
        Ok(best.map(|(_, page)| page))
    }
}
