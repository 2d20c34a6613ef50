use mmu_core::VirtAddr;

use crate::{
    Status,
    commit::Commit,
    physical::Physical,
    processor::{Processor, SpaceRoot},
    section::{SectionObjects, Segments},
};

/// What all processes share.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) physical: Physical,
    pub(crate) processor: Processor,
    pub(crate) commit: Commit,
    pub(crate) segments: Segments,
    pub(crate) sections: SectionObjects,
}

impl Kernel {
    /// Drops what the processor remembers of an address; must come between a change of its
    /// entries and the next use of what they led to.
    pub(crate) fn forget(&mut self, root: SpaceRoot, address: u64) -> Result<(), Status> {
        self.processor
            .forget(root, VirtAddr::new(address))
            .map_err(|_| Status::InternalError)
    }
}
