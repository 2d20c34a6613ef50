use mmu_core::{Invalidation, ProcessorId};

use super::{
    pending::Pending,
    sync::{AtomicU64, Mutex, Ordering, locked},
};

/// What a processor is asked to forget, by whomever. The processor itself looks at it, between
/// two of its accesses.
#[derive(Debug)]
pub struct Inbox {
    processor: ProcessorId,
    requests: Mutex<Requests>,
    /// How many requests there were; grows with the lock held only.
    requested: AtomicU64,
    /// Up to which of them the processor uses nothing any more that it was to forget; grows
    /// with the lock held only, and what it acknowledges happened before.
    acknowledged: AtomicU64,
}

#[derive(Debug, Default)]
struct Requests {
    pending: Pending,
    doing: Doing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doing {
    #[default]
    Running,
    /// All requests are acknowledged.
    Idle,
}

/// When the processor handles what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Posted {
    /// Once it is interrupted; it has acknowledged this request then.
    Awaited(u64),
    /// Before it runs anything again.
    Deferred,
}

impl Inbox {
    pub(super) fn new(processor: ProcessorId) -> Self {
        Self {
            processor,
            requests: Mutex::default(),
            requested: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
        }
    }

    /// Whose it is.
    pub const fn processor(&self) -> ProcessorId {
        self.processor
    }

    /// Whether somebody waits for the processor. Says so at some time after a request has come,
    /// and needs no lock.
    #[inline]
    pub fn is_pending(&self) -> bool {
        let requested = self.requested.load(Ordering::Relaxed);
        requested != self.acknowledged.load(Ordering::Relaxed)
    }

    /// Forgets what was asked for, and acknowledges it: the handler of the interrupt. `forget`
    /// executes an instruction on the processor's MMU, and must not touch the inbox.
    pub fn handle(&self, forget: impl FnMut(Invalidation)) {
        self.forget_all(&mut locked(&self.requests), forget);
    }

    /// The processor makes no access until it wakes; nobody waits for it.
    pub fn rest(&self) {
        let mut requests = locked(&self.requests);
        requests.doing = Doing::Idle;
        self.acknowledge();
    }

    /// Forgets what was asked for meanwhile; then the processor may make accesses again.
    pub fn wake(&self, forget: impl FnMut(Invalidation)) {
        let mut requests = locked(&self.requests);
        requests.doing = Doing::Running;
        self.forget_all(&mut requests, forget);
    }

    pub(super) fn post(&self, stale: &Pending) -> Posted {
        let mut requests = locked(&self.requests);
        requests.pending.push_all(stale);
        let request = self.requested.load(Ordering::Relaxed) + 1;
        self.requested.store(request, Ordering::Relaxed);
        match requests.doing {
            Doing::Running => Posted::Awaited(request),
            Doing::Idle => {
                self.acknowledge();
                Posted::Deferred
            }
        }
    }

    pub(super) fn has_acknowledged(&self, request: u64) -> bool {
        self.acknowledged.load(Ordering::Acquire) >= request
    }

    fn forget_all(&self, requests: &mut Requests, forget: impl FnMut(Invalidation)) {
        requests.pending.drain().for_each(forget);
        self.acknowledge();
    }

    fn acknowledge(&self) {
        let requested = self.requested.load(Ordering::Relaxed);
        self.acknowledged.store(requested, Ordering::Release);
    }

    /// What it would forget if it looked.
    #[cfg(test)]
    pub(crate) fn pending(&self) -> Vec<Invalidation> {
        locked(&self.requests).pending.clone().drain().collect()
    }
}
