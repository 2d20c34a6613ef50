//! What happens when the first cache does not answer on its own.

use assoc::{Place, Remark, Sought};

use super::{Reach, Response, coherence::Others, processors::Processors};
use crate::{
    CacheId, Inclusion, Prefetcher, Request, ServedBy,
    line::{Line, LineState, becomes},
    private::given_up,
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

    /// The state of a copy that is found for it, where it enters.
    #[inline]
    pub(super) const fn becomes(self) -> Remark {
        match self {
            Self::Read => becomes::READ,
            Self::Write => becomes::DIRTY,
            Self::Prefetch => becomes::SAME,
        }
    }

    /// The same below.
    #[inline]
    pub(super) const fn becomes_below(self) -> Remark {
        match self {
            Self::Read => becomes::READ,
            Self::Write => becomes::OWNED,
            Self::Prefetch => becomes::SAME,
        }
    }
}

#[expect(
    clippy::inline_always,
    reason = "a miss is one function, whatever it is made of"
)]
impl<P: Processors> Reach<'_, P> {
    /// The rest of an access that missed in its first cache. To write, it makes the
    /// line dirty there.
    #[inline(always)]
    pub(super) fn access_below(
        &mut self,
        first: CacheId,
        at: Place,
        request: Request,
        purpose: Purpose,
    ) -> Response {
        let response = self.bring(first, at, purpose);
        let counters = &mut self.processors.own().counters;
        counters.count_served(request, response.served_by);
        if request.trains_prefetchers() {
            self.prefetch_after_miss(Line::of_tag(at.tag()));
        }
        response
    }

    /// The rest of an access that found its line in its first cache. It has its new state
    /// already.
    #[inline(always)]
    pub(super) fn hit(
        &mut self,
        first: CacheId,
        line: Line,
        request: Request,
        found: LineState,
    ) -> Response {
        let is_more = if request.writes() {
            found.hinders_writes()
        } else {
            found.is_prefetched()
        };
        if is_more {
            return self.hit_at_last(first, line, request, found, Purpose::of(request));
        }
        let own = self.processors.own();
        own.counters.count_served(request, first.level());
        self.response_of(first)
    }

    /// The same, if the state that was found asks for more than an answer.
    #[cold]
    #[inline(never)]
    pub(super) fn hit_at_last(
        &mut self,
        first: CacheId,
        line: Line,
        request: Request,
        found: LineState,
        purpose: Purpose,
    ) -> Response {
        let mut response = self.response_of(first);
        let own = self.processors.own();
        own.counters.count_served(request, response.served_by);
        if found.is_prefetched() {
            own.counters.count_useful(Prefetcher::of(first));
        }
        if purpose == Purpose::Write && found.is_shared() {
            self.upgrade(line, &mut response);
        }
        response
    }

    /// Brings a line to its place in a cache of a processor that does not hold it, and into those
    /// on the way, the lowest first, so that a dirty line a fill pushes out finds the caches below
    /// already settled.
    #[inline(always)]
    pub(super) fn bring(&mut self, into: CacheId, at: Place, purpose: Purpose) -> Response {
        let line = Line::of_tag(at.tag());
        if into == CacheId::L2 {
            let (response, state) = self.bring_from_beyond(line, purpose);
            self.put(into, at, state.for_purpose(purpose));
            return response;
        }
        let in_l2 = self.processors.own().l2().place(line);
        let (response, state) = if let Some(found) = self.bring_from_l2(in_l2, purpose) {
            found
        } else {
            let (response, state) = self.bring_from_beyond(line, purpose);
            self.put(CacheId::L2, in_l2, state);
            (response, state)
        };
        let state = if state.is_shared() {
            LineState::SHARED
        } else {
            LineState::CLEAN
        };
        self.put(into, at, state.for_purpose(purpose));
        response
    }

    /// What the L2 answers to the L1s above it, and the state of its copy.
    #[inline(always)]
    fn bring_from_l2(&mut self, at: Place, purpose: Purpose) -> Option<(Response, LineState)> {
        let own = self.processors.own();
        let becomes = purpose.becomes_below();
        let found = own.l2().find(at, becomes)?;
        let after = found.after(becomes);
        if found.is_prefetched() && !after.is_prefetched() {
            own.counters.count_useful(Prefetcher::Stride);
        }
        let mut response = self.response_of(CacheId::L2);
        if purpose == Purpose::Write && found.is_shared() {
            self.upgrade(Line::of_tag(at.tag()), &mut response);
        }
        Some((response, after))
    }

    /// What the caches and memory beyond the L2 answer to it, and the state in which its copy
    /// comes.
    #[inline(always)]
    fn bring_from_beyond(&mut self, line: Line, purpose: Purpose) -> (Response, LineState) {
        let others = match purpose {
            Purpose::Write => self.take_from_others(line),
            Purpose::Read | Purpose::Prefetch => self.share_with_others(line),
        };
        let (served_by, dirty) = match self.shared.inclusion {
            Inclusion::Free | Inclusion::Inclusive => {
                (self.ask_the_llc(line, others), LineState::CLEAN)
            }
            Inclusion::Exclusive => self.take_from_the_llc(line, others, purpose),
        };
        let state = if others == Others::Nothing || purpose == Purpose::Write {
            dirty
        } else {
            LineState::SHARED
        };
        let latency = match served_by {
            ServedBy::Memory => self.shared.memory_latency,
            ServedBy::Peer => self.shared.peer_latency,
            _ if purpose == Purpose::Write && others != Others::Nothing => self.shared.peer_latency,
            _ => self.shared.llc.latency,
        };
        let response = Response { served_by, latency };
        (response, state)
    }

    /// Leaves the line in the LLC, and says who had it.
    #[inline(always)]
    fn ask_the_llc(&mut self, line: Line, others: Others) -> ServedBy {
        if others == Others::Dirty {
            return ServedBy::Peer;
        }
        let llc = &mut self.shared.llc;
        match llc.find_or_put(line, becomes::SAME, LineState::CLEAN) {
            Sought::Found(_) => return ServedBy::Llc,
            Sought::Put(None) => {}
            Sought::Put(Some(evicted)) => {
                let (evicted, state) = given_up(evicted);
                self.leave_llc(evicted, state);
            }
        }
        match others {
            Others::Nothing => ServedBy::Memory,
            Others::Clean | Others::Dirty => ServedBy::Peer,
        }
    }

    /// Takes the line out of the LLC, and says who had it, and in which state it comes if no
    /// other processor keeps a copy.
    fn take_from_the_llc(
        &mut self,
        line: Line,
        others: Others,
        purpose: Purpose,
    ) -> (ServedBy, LineState) {
        let taken = self.shared.llc.take(line);
        match (others, taken) {
            (Others::Dirty, _) | (Others::Clean, None) => (ServedBy::Peer, LineState::CLEAN),
            (Others::Nothing, None) => (ServedBy::Memory, LineState::CLEAN),
            (Others::Clean, Some(state)) if purpose != Purpose::Write => {
                // A line that several processors have is dirty nowhere but in the LLC.
                if state.is_dirty() {
                    self.processors.own().counters.count_peer_write_back();
                    self.processors.own().counters.count_memory_write_back();
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
    pub(super) const fn for_purpose(self, purpose: Purpose) -> Self {
        match purpose {
            Purpose::Read => self,
            Purpose::Write => Self::DIRTY,
            Purpose::Prefetch => self.prefetched(),
        }
    }
}
