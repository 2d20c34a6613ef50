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
    /// What other processors have to forget, if somebody asks.
    pub(crate) recorded: Option<Vec<Invalidation>>,
}

impl Kernel {
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
