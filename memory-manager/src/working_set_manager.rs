//! What the system does by itself about the pages that processes use: Windows' balance set
//! manager and working-set manager. What they go by is known from literature only.

use mmu_core::PhysAddr;

use crate::{
    Machine, Replacement, Status, WorkingSetCounters, WorkingSetLimits,
    kernel::Kernel,
    pte::{FrameOwner, Pte, PteState, ValidPte},
    user_space::UserSpace,
    working_set::{OLDEST, Use},
};

/// As long as so many pages can be had, memory is ample: working sets may outgrow their
/// maximum, and nothing is trimmed. As many must be left by the maximum of any
/// (Microsoft, `SetProcessWorkingSetSize`).
pub(crate) const AMPLE: u64 = 512;

/// How many pages are to be had once working sets were trimmed.
const GOAL: u64 = 2 * AMPLE;

/// The most free pages that are zeroed in a second.
const ZEROED: u64 = 4 * AMPLE;

/// The most pages that are looked at to find one that is replaced.
const SAMPLE: usize = 64;

impl Machine {
    /// Lets a second pass for the system: the balance set manager runs the working-set manager,
    /// which looks at what was used, and trims working sets if memory is short; and the
    /// zero-page thread gets its turn. What processes left behind that ended when their files
    /// could not be written, is tried again.
    ///
    /// # Errors
    /// [`Status::InternalError`]: page tables do not answer.
    pub fn tick(&mut self) -> Result<(), Status> {
        for space in self.spaces.values_mut() {
            space.age_pages(&mut self.kernel)?;
        }
        if self.kernel.physical.available() < AMPLE {
            self.trim_working_sets()?;
        }
        self.zero_free_pages(ZEROED)?;
        self.kernel.retire_left()
    }

    /// What came of working sets.
    pub fn working_set_counters(&self) -> WorkingSetCounters {
        self.kernel.working_sets
    }

    /// Takes the oldest pages out of those working sets that have more than their minimum, until
    /// enough pages can be had.
    fn trim_working_sets(&mut self) -> Result<(), Status> {
        for age in (0..=OLDEST).rev() {
            for space in self.spaces.values_mut() {
                space.trim_aged(&mut self.kernel, age)?;
            }
        }
        Ok(())
    }
}

impl UserSpace {
    /// Looks at which pages were used since the last pass. That the processor notes the next
    /// use it has to forget those that were.
    fn age_pages(&mut self, kernel: &mut Kernel) -> Result<(), Status> {
        let pages: Vec<_> = self.working_set.list.pages().collect();
        for page in pages {
            let Some((at, valid)) = self.resident(kernel, page)? else {
                continue;
            };
            let use_ = if valid.is_accessed() {
                kernel.physical.write_pte(at, valid.unaccessed().into())?;
                kernel.forget(&self.root, page)?;
                kernel.working_sets.cleared += 1;
                Use::Used
            } else {
                Use::Unused
            };
            self.working_set.list.grow_older(page, use_);
        }
        kernel.settle()
    }

    /// The entry of a page of the working set, and where it lies.
    fn resident(&self, kernel: &Kernel, page: u64) -> Result<Option<(PhysAddr, ValidPte)>, Status> {
        let at = self.deepest_entry(&kernel.physical, page)?.place;
        match kernel.physical.read_pte(at)?.state() {
            PteState::Valid(valid) => Ok(Some((at, valid))),
            _ => Ok(None),
        }
    }

    /// Trims pages of an age, the first one first, as long as memory is short.
    fn trim_aged(&mut self, kernel: &mut Kernel, age: u8) -> Result<(), Status> {
        let candidates = self.working_set.list.candidates();
        let mut old: Vec<_> = candidates.filter(|page| page.age == age).collect();
        old.sort_unstable_by_key(|page| page.added);
        for candidate in old {
            if self.working_set.spare() == 0 || kernel.physical.available() >= GOAL {
                break;
            }
            if self.can_leave(kernel, candidate.page) {
                self.trim_page(kernel, candidate.page)?;
                kernel.working_sets.trimmed += 1;
            }
        }
        kernel.settle()
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
        let Some((at, valid)) = self.resident(kernel, page)? else {
            return Ok(());
        };
        let left = match valid.owner() {
            FrameOwner::Process => Pte::transition(valid.frame(), valid.protection()),
            FrameOwner::Prototype => {
                let prototype = kernel.physical.prototype_of(valid.frame())?;
                Pte::prototype(prototype, valid.protection())
            }
        };
        self.put(kernel, page, at, left)?;
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
