//! Lines that come into caches, and where those go that have to make room.

use super::CacheSystem;
use crate::{
    CacheId, Inclusion, Prefetcher,
    line::{Line, LineState},
};

impl CacheSystem {
    /// Puts a line into a private cache that does not hold it.
    #[inline]
    pub(super) fn put(&mut self, by: usize, id: CacheId, line: Line, state: LineState) {
        self.presence.came(by, line);
        let own = &mut self.processors[by];
        let Some((evicted, state)) = own.caches[id.index()].put(line, state) else {
            return;
        };
        self.presence.went(by, evicted);
        own.counters.count_eviction(id);
        let goes_to_the_llc = id == CacheId::L2 && self.inclusion == Inclusion::Exclusive;
        if state != LineState::CLEAN || goes_to_the_llc {
            self.leave(by, id, evicted, state);
        }
    }

    /// Takes a line that a private cache gives up.
    #[inline(never)]
    fn leave(&mut self, by: usize, id: CacheId, line: Line, state: LineState) {
        let counters = &mut self.processors[by].counters;
        if state.is_prefetched() {
            counters.count_useless(Prefetcher::of(id));
        }
        if state.is_dirty() {
            counters.count_write_back(id);
        }
        if id == CacheId::L2 {
            self.leave_l2(by, line, state);
        } else if state.is_dirty() {
            self.write_back_to_l2(by, line);
        }
    }

    /// Puts a line into the LLC, which does not hold it.
    #[inline]
    pub(super) fn put_into_llc(&mut self, by: usize, line: Line, state: LineState) {
        let Some((evicted, mut state)) = self.llc.put(line, state) else {
            return;
        };
        if self.inclusion == Inclusion::Inclusive && self.drop_above_the_llc(evicted) {
            state = LineState::DIRTY;
        }
        let counters = &mut self.processors[by].counters;
        counters.count_eviction(CacheId::Llc);
        if state.is_dirty() {
            counters.count_write_back(CacheId::Llc);
            counters.count_memory_write_back();
        }
    }

    /// Takes a dirty line that an L1D gives up.
    fn write_back_to_l2(&mut self, by: usize, line: Line) {
        if let Some(state) = self.processors[by].l2().find(line) {
            *state = state.written_back();
            return;
        }
        if self.inclusion == Inclusion::Exclusive {
            self.llc.take(line);
        }
        self.put(by, CacheId::L2, line, LineState::DIRTY);
    }

    /// Takes a line that an L2 gives up.
    fn leave_l2(&mut self, by: usize, line: Line, state: LineState) {
        match self.inclusion {
            Inclusion::Free | Inclusion::Inclusive => {
                if state.is_dirty() {
                    self.write_back_to_llc(by, line);
                }
            }
            Inclusion::Exclusive => {
                if state.is_dirty() {
                    self.put_into_llc(by, line, LineState::DIRTY);
                } else if !(state.is_shared() && self.another_l2_has(by, line)) {
                    self.put_into_llc(by, line, LineState::CLEAN);
                }
            }
        }
    }

    /// Takes a dirty line that a processor gives up.
    pub(super) fn write_back_to_llc(&mut self, by: usize, line: Line) {
        match self.llc.find(line) {
            Some(state) => *state = LineState::DIRTY,
            None => self.put_into_llc(by, line, LineState::DIRTY),
        }
    }
}
