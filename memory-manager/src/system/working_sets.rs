//! The working-set manager: pages grow older while they are not used, and the oldest ones leave
//! when memory is short.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{SystemTask, Trigger};
use crate::{
    Machine, MemoryPriority, ProcessId, Status, WorkingSetCounters, kernel::Kernel,
    user_space::UserSpace, working_set::Use,
};

/// As long as so many pages can be had, memory is ample: working sets may outgrow their
/// maximum, and nothing is trimmed. As many must be left by the maximum of any
/// (Microsoft, `SetProcessWorkingSetSize`).
pub(crate) const AMPLE: u64 = 512;

/// How many pages are to be had once working sets were trimmed.
pub(super) const GOAL: u64 = 2 * AMPLE;

/// A page that can be trimmed. The greatest one goes first: the oldest; of one age, that of the
/// process with the lowest memory priority; and of these, the one that came first.
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
                trimmed += space.trim_unless_used(&mut self.kernel, page)?;
            }
            self.kernel.make_coherent()?;
        }
        self.kernel.working_sets.trimmed += trimmed;
        let tasks = &mut self.kernel.tasks;
        tasks.note(SystemTask::WorkingSetManager, trigger, trimmed, 0);
        Ok(trimmed)
    }

    fn trimmable(&self) -> BinaryHeap<Trimmable> {
        let spaces = self.spaces.iter();
        let spaces = spaces.filter(|(_, space)| space.working_set.spare() > 0);
        let pages = spaces.flat_map(|(&process, space)| {
            let set = &space.working_set;
            set.list.candidates().map(move |page| Trimmable {
                age: page.age,
                priority: Reverse(set.priority),
                added: Reverse(page.added),
                process,
                page: page.page,
            })
        });
        pages.collect()
    }
}

impl UserSpace {
    /// Gives how many pages were used.
    fn age_pages(&mut self, kernel: &mut Kernel) -> Result<u64, Status> {
        let mut used = 0;
        let pages: Vec<_> = self.working_set.list.pages().collect();
        for page in pages {
            if let Some(use_) = self.look_at(kernel, page)? {
                self.working_set.list.grow_older(page, use_);
                used += u64::from(use_ == Use::Used);
            }
        }
        kernel.make_coherent()?;
        Ok(used)
    }

    /// Whether a page was used since somebody looked. That the processor notes the next use, it
    /// has to forget the page: the kernel is to be made coherent then.
    fn look_at(&self, kernel: &mut Kernel, page: u64) -> Result<Option<Use>, Status> {
        let Some((at, valid)) = self.resident(kernel, page)? else {
            return Ok(None);
        };
        if !valid.is_accessed() {
            return Ok(Some(Use::Unused));
        }
        kernel.physical.write_pte(at, valid.unaccessed().into())?;
        kernel.forget(&self.root, page)?;
        kernel.working_sets.cleared += 1;
        Ok(Some(Use::Used))
    }

    /// Gives how many pages left.
    fn trim_unless_used(&mut self, kernel: &mut Kernel, page: u64) -> Result<u64, Status> {
        if self.working_set.spare() == 0 || !self.can_leave(kernel, page) {
            return Ok(0);
        }
        match self.look_at(kernel, page)? {
            Some(Use::Unused) => {
                self.trim_page(kernel, page)?;
                Ok(1)
            }
            Some(Use::Used) => {
                self.working_set.list.grow_older(page, Use::Used);
                Ok(0)
            }
            None => Ok(0),
        }
    }
}
