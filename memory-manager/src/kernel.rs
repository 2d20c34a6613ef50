use mmu_core::{Invalidation, Level, PageSize, PhysAddr, VirtAddr};

use crate::{
    FaultCounters, Replacement, Status, WorkingSetCounters,
    commit::Commit,
    mdl::Mdls,
    paging::Awaited,
    physical::Physical,
    processor::SpaceRoot,
    processors::{Coherence, Processors},
    section::{SectionObjects, SegmentId, Segments},
    self_map::views,
    system_space::SystemSpace,
};

/// What all processes share.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) physical: Physical,
    pub(crate) processors: Processors,
    pub(crate) commit: Commit,
    pub(crate) segments: Segments,
    /// The page that all processes read, since there was one; gone if its segment is.
    pub(crate) shared_data: Option<SegmentId>,
    pub(crate) sections: SectionObjects,
    pub(crate) mdls: Mdls,
    /// Where the system sees locked pages, if it sees any.
    pub(crate) system: Option<SystemSpace>,
    pub(crate) faults: FaultCounters,
    pub(crate) working_sets: WorkingSetCounters,
    pub(crate) replacement: Replacement,
    /// How many pages ever came into a working set.
    pub(crate) pages_added: u64,
    /// How many calls and accesses there were.
    pub(crate) calls: u64,
    /// Why a page could not be read, until its thread is told.
    pub(crate) in_page_reason: Option<Status>,
    /// What a fault waits for, until its thread is told.
    pub(crate) awaited: Option<Awaited>,
    /// What processors of others have to forget, if somebody asks.
    pub(crate) recorded: Option<Vec<Invalidation>>,
}

impl Kernel {
    /// How many pages can be promised: as many as memory and page files hold as they are
    /// (Windows Internals; literature only).
    pub(crate) fn commit_limit(&self) -> u64 {
        self.commit.frames() + self.physical.page_files.pages()
    }

    /// How many of them are not promised yet.
    pub(crate) fn commit_left(&self) -> u64 {
        self.commit_limit().saturating_sub(self.commit.charged())
    }

    /// Promises memory. Page files grow if there is not enough.
    pub(crate) fn charge(&mut self, pages: u64) -> Result<(), Status> {
        let missing = pages.saturating_sub(self.commit_left());
        if (1..=self.physical.page_files.room()).contains(&missing) {
            // What the host does not give is missing below.
            self.extend_page_files(missing);
        }
        if self.commit_left() < pages {
            return Err(Status::CommitmentLimit);
        }
        self.commit.charge(pages);
        Ok(())
    }

    /// Promises the memory of a page table, if need be beyond the limit: who was promised memory
    /// is not refused when it is touched.
    pub(crate) fn charge_table(&mut self) {
        if self.charge(1).is_err() {
            self.commit.charge(1);
        }
    }

    /// Issues that all processors forget an address, whose entry has changed. They have with
    /// the next [`Kernel::make_coherent`], which must come before anything is done with what the
    /// entry led to: until then no frame is taken ([`Coherence`]).
    pub(crate) fn forget(&mut self, root: &SpaceRoot, address: u64) -> Result<(), Status> {
        let address = VirtAddr::new(address);
        if let Some(recorded) = &mut self.recorded {
            recorded.push(root.forgetting(address));
        }
        let forgotten = self.processors.forget(root, address);
        self.physical.coherence = self.processors.coherence();
        forgotten.map_err(|_| Status::InternalError)
    }

    /// Has processors of others forget where the system sees what an entry of this level led to,
    /// on the way to an address. No processor here looks there.
    pub(crate) fn forget_views(&mut self, root: &SpaceRoot, address: u64, level: Level) {
        if let Some(recorded) = &mut self.recorded {
            recorded.extend(views(address, level).map(|view| root.forgetting(view)));
        }
    }

    /// Gives memory back that entries led to, once no processor can reach it.
    pub(crate) fn give_back(&mut self, page: PhysAddr, size: PageSize) {
        match self.processors.coherence() {
            Coherence::Whole => self.physical.free_page(page, size),
            Coherence::Awaited => self.processors.keep((page, size)),
        }
    }

    /// Makes all processors forget what was issued. Every operation on the entries of a range
    /// ends with it, and so does every fault.
    #[inline]
    pub(crate) fn make_coherent(&mut self) -> Result<(), Status> {
        match self.processors.coherence() {
            Coherence::Whole => Ok(()),
            Coherence::Awaited => self.shoot_down(),
        }
    }

    #[cold]
    fn shoot_down(&mut self) -> Result<(), Status> {
        let free = self.processors.shoot_down();
        self.physical.coherence = self.processors.coherence();
        for (page, size) in free.map_err(|_| Status::InternalError)? {
            self.physical.free_page(page, size);
        }
        Ok(())
    }

    /// Drops what processors remember of a space that is gone, which none of them runs any
    /// more.
    pub(crate) fn leave(&mut self, root: &SpaceRoot) {
        if let Some(recorded) = &mut self.recorded {
            recorded.extend(root.leaving());
        }
        self.processors.remove_space(root);
    }
}
