use mmu_core::{Invalidation, VirtAddr};

use crate::{
    FaultCounters, Status,
    commit::Commit,
    physical::Physical,
    processor::{Processor, SpaceRoot},
    section::{SectionObjects, SegmentId, Segments},
};

/// What all processes share.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) physical: Physical,
    pub(crate) processor: Processor,
    pub(crate) commit: Commit,
    pub(crate) segments: Segments,
    /// The page that all processes read, since there was one; gone if its segment is.
    pub(crate) shared_data: Option<SegmentId>,
    pub(crate) sections: SectionObjects,
    pub(crate) faults: FaultCounters,
    /// Why a page could not be read, until its thread is told.
    pub(crate) in_page_reason: Option<Status>,
    /// What other processors have to forget, if somebody asks.
    pub(crate) recorded: Option<Vec<Invalidation>>,
}

impl Kernel {
    /// Promises memory. Page files grow if there is not enough (Windows Internals: the limit is
    /// as much as they are now; literature only).
    pub(crate) fn charge(&mut self, pages: u64) -> Result<(), Status> {
        let missing = pages.saturating_sub(self.commit.limit() - self.commit.charged());
        let files = &mut self.physical.page_files;
        if (1..=files.room()).contains(&missing) {
            // What the host does not give is missing below.
            let gained = files.grow(missing).unwrap_or(0);
            self.commit.raise(gained);
        }
        self.commit.charge(pages)
    }

    /// Drops what the processor remembers of an address; must come between a change of its
    /// entries and the next use of what they led to.
    pub(crate) fn forget(&mut self, root: SpaceRoot, address: u64) -> Result<(), Status> {
        let address = VirtAddr::new(address);
        if let Some(recorded) = &mut self.recorded {
            recorded.push(root.forgetting(address));
        }
        let forgotten = self.processor.forget(root, address);
        forgotten.map_err(|_| Status::InternalError)
    }

    /// Drops what the processor remembers of a space that is gone.
    pub(crate) fn leave(&mut self, root: SpaceRoot) -> Result<(), Status> {
        if let Some(recorded) = &mut self.recorded {
            recorded.extend(root.leaving());
        }
        let left = self.processor.leave(root);
        left.map_err(|_| Status::InternalError)
    }
}
