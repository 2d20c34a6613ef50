//! The working-set manager: pages grow older while they are not used, and the oldest ones leave
//! when memory is short.

use std::{cmp::Reverse, collections::BinaryHeap};

use mmu_core::PhysAddr;

use super::{SystemTask, Trigger};
use crate::{
    Machine, MemoryPriority, ProcessId, Status, WorkingSetCounters, kernel::Kernel, pte::ValidPte,
    user_space::UserSpace, working_set::Use,
};

/// As long as so many pages can be had, memory is ample: working sets may outgrow their
/// maximum, and nothing is trimmed. As many must be left by the maximum of any
/// (Microsoft, `SetProcessWorkingSetSize`).
pub(crate) const AMPLE: u64 = 512;

/// How many pages are to be had once working sets were trimmed.
pub(super) const GOAL: u64 = 2 * AMPLE;

/// The page of a process that goes before its others. The greatest one goes first: the oldest;
/// of one age, that of the process with the lowest memory priority; and of these, the one that
/// came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Trimmable {
    age: u8,
    priority: Reverse<MemoryPriority>,
    added: Reverse<u64>,
    process: ProcessId,
    page: u64,
}

impl Machine {
    /// What came of working sets.
    pub fn working_set_counters(&self) -> WorkingSetCounters {
        self.kernel.working_sets
    }

    /// Looks at which pages were used since the last second, and which processes.
    pub(super) fn age_working_sets(&mut self) -> Result<(), Status> {
        let mut pages = 0;
        for space in self.spaces.values_mut() {
            let used = space.age_pages(&mut self.kernel)?;
            space.usage.pass_second(used);
            pages += space.working_set.list.length() as u64;
        }
        let tasks = &mut self.kernel.tasks;
        tasks.note(SystemTask::WorkingSetManager, Trigger::Time, pages, 0);
        Ok(())
    }

    /// Takes so many pages out of working sets, the oldest ones, as far as these have more than
    /// their minimum. A page that was used since somebody looked is young, and leaves only if
    /// there are too few others. Gives how many left.
    pub(crate) fn trim_working_sets(&mut self, trigger: Trigger, most: u64) -> Result<u64, Status> {
        let mut trimmed = 0;
        for _ in 0..2 {
            if trimmed == most {
                break;
            }
            let mut oldest = self.trimmable();
            while trimmed < most
                && let Some(Trimmable { process, page, .. }) = oldest.pop()
            {
                let space = self.spaces.get_mut(&process).ok_or(Status::InternalError)?;
                space.working_set.list.pass_oldest();
                trimmed += space.trim_unless_used(&mut self.kernel, page)?;
                if let Some(next) = space.trimmable() {
                    oldest.push(next);
                }
            }
            self.kernel.settle()?;
        }
        self.kernel.working_sets.trimmed += trimmed;
        let tasks = &mut self.kernel.tasks;
        tasks.note(SystemTask::WorkingSetManager, trigger, trimmed, 0);
        Ok(trimmed)
    }

    /// Of each process the page that goes first, where all of them begin anew.
    fn trimmable(&mut self) -> BinaryHeap<Trimmable> {
        let spaces = self.spaces.values_mut();
        let first = spaces.filter_map(|space| {
            space.working_set.list.begin_pass();
            space.trimmable()
        });
        first.collect()
    }
}

impl UserSpace {
    /// The page that goes next, if the working set has more than its minimum.
    fn trimmable(&mut self) -> Option<Trimmable> {
        let set = &mut self.working_set;
        if set.spare() == 0 {
            return None;
        }
        let page = set.list.oldest()?;
        Some(Trimmable {
            age: page.age,
            priority: Reverse(set.priority),
            added: Reverse(page.added),
            process: self.process,
            page: page.page,
        })
    }

    /// Gives how many pages were used.
    fn age_pages(&mut self, kernel: &mut Kernel) -> Result<u64, Status> {
        let mut used = 0;
        let pages: Vec<_> = self.working_set.list.pages().collect();
        for page in pages {
            if let Some(found) = self.resident(kernel, page)? {
                let look = self.look_at(kernel, page, found)?;
                self.working_set.list.grow_older(page, look);
                used += u64::from(look == Use::Used);
            }
        }
        kernel.settle()?;
        Ok(used)
    }

    /// Whether a page was used since somebody looked. That the processor notes the next use, it
    /// has to forget the page: the kernel is to settle then.
    fn look_at(
        &self,
        kernel: &mut Kernel,
        page: u64,
        (place, valid): (PhysAddr, ValidPte),
    ) -> Result<Use, Status> {
        if !valid.is_accessed() {
            return Ok(Use::Unused);
        }
        let unaccessed = valid.unaccessed().into();
        kernel
            .physical
            .replace_pte(place, valid.into(), unaccessed)?;
        kernel.forget(&self.root, page)?;
        kernel.working_sets.cleared += 1;
        Ok(Use::Used)
    }

    /// Gives how many pages left.
    fn trim_unless_used(&mut self, kernel: &mut Kernel, page: u64) -> Result<u64, Status> {
        if self.working_set.spare() == 0 || !self.can_leave(kernel, page) {
            return Ok(0);
        }
        let Some(found) = self.resident(kernel, page)? else {
            return Ok(0);
        };
        match self.look_at(kernel, page, found)? {
            Use::Unused => {
                self.trim_resident(kernel, page, found)?;
                Ok(1)
            }
            Use::Used => {
                self.working_set.list.rejuvenate(page);
                Ok(0)
            }
        }
    }
}
