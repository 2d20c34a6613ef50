use mmu_core::{Pcid, ProcessorId};

use super::{
    Inbox, ProcessorSet,
    sync::{Mutex, locked},
};

/// Which processors may have translations of an address space cached. Every processor that runs
/// the space does so between [`Presence::enter`] and [`Presence::leave`].
#[derive(Debug)]
pub struct Presence {
    pcid: Pcid,
    places: Mutex<Places>,
}

/// No processor is in the first set and not in the second.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    /// Those that run the space.
    running: ProcessorSet,
    /// Those whose cached translations of it hold.
    holding: ProcessorSet,
}

/// How a processor loads CR3 for a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "what is not dropped may be stale"]
pub enum Entered {
    /// With bit 63: what it has cached of the space's PCID holds.
    Keeping,
    /// Without it: what it may have cached of the PCID is stale, or another space's.
    Dropping,
}

/// Where an invalidation has to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Those that run the space.
    pub(super) targets: ProcessorSet,
    /// How many others drop all of it before they enter it again.
    pub(super) deferred: u32,
}

impl Presence {
    /// Of a space that no processor has run. Spaces that share PCID 0 keep nothing.
    pub fn new(pcid: Pcid) -> Self {
        Self {
            pcid,
            places: Mutex::default(),
        }
    }

    /// The space's PCID.
    pub const fn pcid(&self) -> Pcid {
        self.pcid
    }

    /// A processor is about to load CR3 for the space, and to access it.
    pub fn enter(&self, inbox: &Inbox) -> Entered {
        let processor = ProcessorSet::of(inbox.processor());
        let mut places = locked(&self.places);
        let holds = places.holding.contains(inbox.processor());
        places.running = places.running.union(processor);
        places.holding = places.holding.union(processor);
        if holds && self.pcid != Pcid::ZERO {
            Entered::Keeping
        } else {
            Entered::Dropping
        }
    }

    /// A processor accesses the space no more until it enters it again.
    pub fn leave(&self, inbox: &Inbox) {
        let processor = ProcessorSet::of(inbox.processor());
        let mut places = locked(&self.places);
        places.running = places.running.without(processor);
    }

    /// A translation of the space is gone, by a processor that has forgotten it already.
    pub(super) fn lost(&self, by: Option<ProcessorId>) -> Reach {
        let initiator = ProcessorSet::from(by);
        let mut places = locked(&self.places);
        let elsewhere = places.holding.without(places.running).without(initiator);
        places.holding = places.holding.without(elsewhere);
        Reach {
            targets: places.running.without(initiator),
            deferred: elsewhere.len(),
        }
    }

    /// How a processor would enter now.
    #[cfg(test)]
    pub(crate) fn is_held_by(&self, processor: ProcessorId) -> bool {
        self.pcid != Pcid::ZERO && locked(&self.places).holding.contains(processor)
    }
}
