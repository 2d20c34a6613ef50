//! The usual way of a request: through the caches of the only processor, above an LLC that
//! forces nothing on them. Then no cache looks into another while a line comes, so that each is
//! asked once: for the line, or else for the room that it will need. What had to make room goes
//! when the line is there, the lowest first, as it does [everywhere](super::below).

use assoc::{Evicted, Marks, Sought};

use super::{CacheSystem, Reach, Response, below::Purpose, processors::Alone};
use crate::{
    CacheId, Prefetcher, Request, ServedBy,
    line::{Line, LineState, becomes},
    private::given_up,
};

/// What a request is for: a function for each, since few requests of a place in a program differ
/// in it.
pub(super) trait For {
    const PURPOSE: Purpose;
}

/// It reads.
#[derive(Debug)]
pub(super) struct Read;

/// It writes, whatever else it does.
#[derive(Debug)]
pub(super) struct Write;

impl For for Read {
    const PURPOSE: Purpose = Purpose::Read;
}

impl For for Write {
    const PURPOSE: Purpose = Purpose::Write;
}

impl CacheSystem {
    /// An access to write-back memory, which enters at a first-level cache.
    #[inline(never)]
    pub(super) fn access_from_the_top<F: For>(
        &mut self,
        first: CacheId,
        line: Line,
        request: Request,
    ) -> Response {
        let shared = &mut self.shared;
        let [own] = &mut *self.processors else {
            return shared.response_of_memory();
        };
        let state = LineState::CLEAN.for_purpose(F::PURPOSE);
        let cache = &mut own.caches[first.index()];
        let latency = cache.latency;
        match cache.find_or_put_first(line, F::PURPOSE.becomes(), state) {
            Sought::Found(found) if !LineState::of(found).is_prefetched() => {
                own.counters.count_served(request, first.level());
                Response {
                    served_by: first.level(),
                    latency,
                }
            }
            Sought::Found(found) => {
                let (processors, found) = (Alone(own), LineState::of(found));
                let mut reach = Reach { processors, shared };
                reach.hit_at_last(first, line, request, found, F::PURPOSE)
            }
            Sought::Put(evicted) => {
                let processors = Alone(own);
                let mut reach = Reach { processors, shared };
                let response = reach.bring_to_the_top::<F>(line);
                reach.give_up(first, evicted);
                let counters = &mut reach.processors.0.counters;
                counters.count_served(request, response.served_by);
                if request.trains_prefetchers() {
                    reach.prefetch_after_miss(line);
                }
                response
            }
        }
    }
}

impl Reach<'_, Alone<'_>> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is called in one place")]
    fn bring_to_the_top<F: For>(&mut self, line: Line) -> Response {
        let own = &mut *self.processors.0;
        let l2 = own.l2();
        let evicted = match l2.find_or_put(line, F::PURPOSE.becomes_below(), LineState::CLEAN) {
            Sought::Found(found) => {
                if LineState::of(found).is_prefetched() {
                    own.counters.count_useful(Prefetcher::Stride);
                }
                return self.response_of(CacheId::L2);
            }
            Sought::Put(evicted) => evicted,
        };
        let llc = &mut self.shared.llc;
        let response = match llc.find_or_put(line, becomes::SAME, LineState::CLEAN) {
            Sought::Found(_) => Response {
                served_by: ServedBy::Llc,
                latency: llc.latency,
            },
            Sought::Put(evicted) => {
                if let Some(evicted) = evicted {
                    let (evicted, state) = given_up(evicted);
                    self.leave_llc(evicted, state);
                }
                self.shared.response_of_memory()
            }
        };
        self.give_up(CacheId::L2, evicted);
        response
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it counts, and no more")]
    fn give_up(&mut self, id: CacheId, evicted: Option<Evicted<Marks>>) {
        if let Some(evicted) = evicted {
            let (evicted, state) = given_up(evicted);
            self.made_room(id, evicted, state);
        }
    }
}
