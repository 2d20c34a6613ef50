//! What happens when the first cache does not answer on its own.

use super::{CacheSystem, Response, coherence::Others};
use crate::{
    CacheId, Inclusion, Prefetcher, Request, ServedBy,
    line::{Line, LineState},
};

/// What a line is brought for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A request that reads it.
    Read,
    /// A request that writes it where it enters.
    Write,
    /// A prefetcher.
    Prefetch,
}

impl Purpose {
    /// Of a request to write-back memory.
    #[inline]
    pub(super) const fn of(request: Request) -> Self {
        if request.writes() {
            Self::Write
        } else {
            Self::Read
        }
    }
}

impl CacheSystem {
    /// The rest of an access that missed in its first cache. To write, it makes the
    /// line dirty there.
    #[inline(never)]
    pub(super) fn access_below(
        &mut self,
        by: usize,
        first: CacheId,
        line: Line,
        request: Request,
        purpose: Purpose,
    ) -> Response {
        let response = self.bring(by, first, line, purpose);
        let counters = &mut self.processors[by].counters;
        counters.count_served(request, response.served_by);
        if request.trains_prefetchers() {
            self.prefetch_after_miss(by, line);
        }
        response
    }

    /// The rest of an access that found its line in its first cache, in a state that asks for
    /// more than an answer. It has its new state already.
    #[cold]
    #[inline(never)]
    pub(super) fn hit_at_last(
        &mut self,
        by: usize,
        first: CacheId,
        line: Line,
        request: Request,
        found: LineState,
        purpose: Purpose,
    ) -> Response {
        let mut response = self.response_of(by, first);
        let own = &mut self.processors[by];
        own.counters.count_served(request, response.served_by);
        if found.is_prefetched() {
            own.counters.count_useful(Prefetcher::of(first));
        }
        if purpose == Purpose::Write && found.is_shared() {
            self.upgrade(by, line, &mut response);
        }
        response
    }

    /// Brings a line into a cache of a processor that does not hold it, and into those on the
    /// way, the lowest first, so that a dirty line a fill pushes out finds the caches below
    /// already settled.
    #[inline]
    pub(super) fn bring(
        &mut self,
        by: usize,
        into: CacheId,
        line: Line,
        purpose: Purpose,
    ) -> Response {
        if into == CacheId::L2 {
            let (response, state) = self.bring_from_beyond(by, line, purpose);
            self.put(by, CacheId::L2, line, state.for_purpose(purpose));
            return response;
        }
        let (response, state) = if let Some(found) = self.bring_from_l2(by, line, purpose) {
            found
        } else {
            let (response, state) = self.bring_from_beyond(by, line, purpose);
            self.put(by, CacheId::L2, line, state);
            (response, state)
        };
        let state = if state.is_shared() {
            LineState::SHARED
        } else {
            LineState::CLEAN
        };
        self.put(by, into, line, state.for_purpose(purpose));
        response
    }

    /// What the L2 answers to the L1s above it, and the state of its copy.
    #[inline]
    fn bring_from_l2(
        &mut self,
        by: usize,
        line: Line,
        purpose: Purpose,
    ) -> Option<(Response, LineState)> {
        let own = &mut self.processors[by];
        let state = own.l2().find(line)?;
        let found = *state;
        if purpose != Purpose::Prefetch {
            *state = state.found();
        }
        if purpose == Purpose::Write {
            *state = state.unshared();
        }
        let after = *state;
        if found.is_prefetched() && !after.is_prefetched() {
            own.counters.count_useful(Prefetcher::Stride);
        }
        let mut response = self.response_of(by, CacheId::L2);
        if purpose == Purpose::Write && found.is_shared() {
            self.upgrade(by, line, &mut response);
        }
        Some((response, after))
    }

    /// What the caches and memory beyond the L2 answer to it, and the state in which its copy
    /// comes.
    #[inline]
    fn bring_from_beyond(
        &mut self,
        by: usize,
        line: Line,
        purpose: Purpose,
    ) -> (Response, LineState) {
        let others = match purpose {
            Purpose::Write => self.take_from_others(by, line),
            Purpose::Read | Purpose::Prefetch => self.share_with_others(by, line),
        };
        let (served_by, dirty) = match self.inclusion {
            Inclusion::Free | Inclusion::Inclusive => {
                (self.ask_the_llc(by, line, others), LineState::CLEAN)
            }
            Inclusion::Exclusive => self.take_from_the_llc(by, line, others, purpose),
        };
        let state = if others == Others::Nothing || purpose == Purpose::Write {
            dirty
        } else {
            LineState::SHARED
        };
        let latency = match served_by {
            ServedBy::Memory => self.memory_latency,
            ServedBy::Peer => self.peer_latency,
            _ if purpose == Purpose::Write && others != Others::Nothing => self.peer_latency,
            _ => self.llc.latency,
        };
        let response = Response { served_by, latency };
        (response, state)
    }

    /// Leaves the line in the LLC, and says who had it.
    #[inline]
    fn ask_the_llc(&mut self, by: usize, line: Line, others: Others) -> ServedBy {
        if others == Others::Dirty {
            return ServedBy::Peer;
        }
        if self.llc.find(line).is_some() {
            return ServedBy::Llc;
        }
        self.put_into_llc(by, line, LineState::CLEAN);
        match others {
            Others::Nothing => ServedBy::Memory,
            Others::Clean | Others::Dirty => ServedBy::Peer,
        }
    }

    /// Takes the line out of the LLC, and says who had it, and in which state it comes if no
    /// other processor keeps a copy.
    fn take_from_the_llc(
        &mut self,
        by: usize,
        line: Line,
        others: Others,
        purpose: Purpose,
    ) -> (ServedBy, LineState) {
        let taken = self.llc.take(line);
        match (others, taken) {
            (Others::Dirty, _) | (Others::Clean, None) => (ServedBy::Peer, LineState::CLEAN),
            (Others::Nothing, None) => (ServedBy::Memory, LineState::CLEAN),
            (Others::Clean, Some(state)) if purpose != Purpose::Write => {
                // A line that several processors have is dirty nowhere but in the LLC.
                if state.is_dirty() {
                    self.processors[by].counters.count_peer_write_back();
                    self.processors[by].counters.count_memory_write_back();
                }
                (ServedBy::Llc, LineState::CLEAN)
            }
            (Others::Nothing | Others::Clean, Some(state)) => (ServedBy::Llc, state),
        }
    }
}

impl LineState {
    /// The state of a copy that comes so, in the cache that it was brought for.
    #[inline]
    const fn for_purpose(self, purpose: Purpose) -> Self {
        match purpose {
            Purpose::Read => self,
            Purpose::Write => Self::DIRTY,
            Purpose::Prefetch => self.prefetched(),
        }
    }
}
