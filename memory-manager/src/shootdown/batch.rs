use mmu_core::{Invalidation, ProcessorId};

use super::{Presence, ProcessorSet, pending::Pending};

/// What an initiator has issued, and the frames `F` that are to be kept until no processor can
/// reach them.
#[derive(Clone, Debug)]
pub struct Batch<F> {
    pub(super) stale: Pending,
    pub(super) targets: ProcessorSet,
    pub(super) deferred: u32,
    pub(super) kept: Vec<F>,
}

impl<F> Default for Batch<F> {
    fn default() -> Self {
        Self {
            stale: Pending::default(),
            targets: ProcessorSet::default(),
            deferred: 0,
            kept: Vec::new(),
        }
    }
}

impl<F> Batch<F> {
    /// A translation of a space is to be forgotten by all processors. Its entry has changed, and
    /// the initiator has forgotten it if it is a processor.
    ///
    /// The invalidation must do for a processor that runs another space by then: INVPCID, or
    /// INVLPG of a space with PCID 0.
    pub fn issue(&mut self, space: &Presence, stale: Invalidation, by: Option<ProcessorId>) {
        let reach = space.lost(by);
        self.deferred += reach.deferred;
        if !reach.targets.is_empty() {
            self.targets = self.targets.union(reach.targets);
            self.stale.push(stale);
        }
    }

    /// Keeps a frame that an invalidation which was issued is about.
    pub fn keep(&mut self, frame: F) {
        self.kept.push(frame);
    }

    /// Whether there is nobody to be told, so that nothing has to be kept.
    #[inline]
    pub fn is_coherent(&self) -> bool {
        self.targets.is_empty() && self.deferred == 0
    }
}
