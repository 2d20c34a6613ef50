use mmu_core::{Invalidation, ProcessorId};
use smallvec::SmallVec;

use super::{Batch, Inbox, ProcessorSet, inbox::Posted, sync::yield_now};

/// The inboxes of all processors of a machine.
#[derive(Debug)]
pub struct Shootdowns {
    inboxes: Box<[Inbox]>,
}

/// A batch that was dispatched. Who drops it loses the frames that it keeps.
#[derive(Debug)]
#[must_use = "the processors still use what they are to forget"]
pub struct Ticket<F> {
    /// Who has to acknowledge which request.
    awaited: SmallVec<[(ProcessorId, u64); 8]>,
    deferred: u32,
    kept: Vec<F>,
}

/// The proof that no processor uses the translations of a ticket any more.
#[derive(Debug)]
#[must_use = "the frames of the translations are in it"]
pub struct Synced<F> {
    kept: Vec<F>,
}

impl Shootdowns {
    /// Of so many processors, or of [`ProcessorId::COUNT`] if that is less, all of which run.
    pub fn new(processors: u32) -> Self {
        Self {
            inboxes: ProcessorId::first(processors).map(Inbox::new).collect(),
        }
    }

    /// The inbox of a processor; none if there is no such processor.
    pub fn inbox(&self, processor: ProcessorId) -> Option<&Inbox> {
        self.inboxes.get(processor.index())
    }

    /// Puts what was issued into the inboxes of the processors that may use it; the batch is
    /// empty then. All spaces must have been entered with inboxes of this very machine.
    pub fn dispatch<F>(&self, batch: &mut Batch<F>) -> Ticket<F> {
        let Batch {
            stale,
            targets,
            deferred,
            kept,
        } = batch;
        let mut ticket = Ticket {
            awaited: SmallVec::new(),
            deferred: std::mem::take(deferred),
            kept: std::mem::take(kept),
        };
        for inbox in targets.iter().filter_map(|target| self.inbox(target)) {
            match inbox.post(stale) {
                Posted::Awaited(request) => ticket.awaited.push((inbox.processor(), request)),
                Posted::Deferred => ticket.deferred += 1,
            }
        }
        *targets = ProcessorSet::default();
        stale.clear();
        ticket
    }

    /// Waits until every target has acknowledged. An initiator that is a processor handles its
    /// own inbox meanwhile, with `forget` as in [`Inbox::handle`].
    pub fn sync<F>(
        &self,
        ticket: Ticket<F>,
        by: Option<ProcessorId>,
        mut forget: impl FnMut(Invalidation),
    ) -> Synced<F> {
        let own = by.and_then(|processor| self.inbox(processor));
        while !self.is_acknowledged(&ticket) {
            if let Some(own) = own
                && own.is_pending()
            {
                own.handle(&mut forget);
            }
            yield_now();
        }
        Synced { kept: ticket.kept }
    }

    fn is_acknowledged<F>(&self, ticket: &Ticket<F>) -> bool {
        ticket.awaited.iter().all(|&(processor, request)| {
            let inbox = self.inbox(processor);
            inbox.is_none_or(|inbox| inbox.has_acknowledged(request))
        })
    }
}

impl<F> Ticket<F> {
    /// The processors that have to be interrupted.
    pub fn targets(&self) -> impl ExactSizeIterator<Item = ProcessorId> + '_ {
        self.awaited.iter().map(|&(processor, _)| processor)
    }

    /// How many need not be: idle ones, and for each invalidation those that ran another space.
    pub const fn deferred(&self) -> u32 {
        self.deferred
    }
}

impl<F> Synced<F> {
    /// The frames that were kept: they can be used for something else.
    pub fn into_kept(self) -> Vec<F> {
        self.kept
    }
}
