//! Lines that come into caches, and where those go that have to make room.

use assoc::Place;

use super::{Reach, coherence::Others, processors::Processors};
use crate::{
    CacheId, Counters, Inclusion, Prefetcher,
    line::{Line, LineState, becomes},
};

impl<P: Processors> Reach<'_, P> {
    /// Puts a line into a private cache that does not hold it.
    #[inline]
    pub(super) fn put(&mut self, id: CacheId, at: Place, state: LineState) {
        self.processors.came(Line::of_tag(at.tag()));
        let own = self.processors.own();
        if let Some((evicted, state)) = own.caches[id.index()].put(at, state) {
            self.made_room(id, evicted, state);
        }
    }

    /// A private cache gave up a line to make room.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it counts, and no more")]
    pub(super) fn made_room(&mut self, id: CacheId, evicted: Line, state: LineState) {
        self.processors.went(evicted);
        self.processors.own().counters.count_eviction(id);
        let goes_to_the_llc = id == CacheId::L2 && self.shared.inclusion == Inclusion::Exclusive;
        if state != LineState::CLEAN || goes_to_the_llc {
            self.leave(id, evicted, state);
        }
    }

    /// Takes a line that a private cache gives up.
    #[inline(never)]
    fn leave(&mut self, id: CacheId, line: Line, state: LineState) {
        let counters = &mut self.processors.own().counters;
        if state.is_prefetched() {
            counters.count_useless(Prefetcher::of(id));
        }
        if state.is_dirty() {
            counters.count_write_back(id);
        }
        if id == CacheId::L2 {
            self.leave_l2(line, state);
        } else if state.is_dirty() {
            self.write_back_to_l2(line);
        }
    }

    /// Puts a line into the LLC, which does not hold it.
    #[inline(never)]
    pub(super) fn put_into_llc(&mut self, at: Place, state: LineState) {
        if let Some((evicted, state)) = self.shared.llc.put(at, state) {
            self.leave_llc(evicted, state);
        }
    }

    /// Takes a line that the LLC gives up.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it counts, and no more")]
    pub(super) fn leave_llc(&mut self, evicted: Line, mut state: LineState) {
        if self.shared.inclusion == Inclusion::Inclusive && self.drop_above_the_llc(evicted) {
            state = LineState::DIRTY;
        }
        let counters = &mut self.processors.own().counters;
        counters.count_eviction(CacheId::Llc);
        if state.is_dirty() {
            counters.count_write_back(CacheId::Llc);
            counters.count_memory_write_back();
        }
    }

    /// Takes a dirty line that an L1D gives up.
    fn write_back_to_l2(&mut self, line: Line) {
        let l2 = self.processors.own().l2();
        let at = l2.place(line);
        if l2.find(at, becomes::WRITTEN_BACK).is_some() {
            return;
        }
        if self.shared.inclusion == Inclusion::Exclusive {
            self.shared.llc.take(line);
        }
        self.put(CacheId::L2, at, LineState::DIRTY);
    }

    /// Takes a line that an L2 gives up.
    fn leave_l2(&mut self, line: Line, state: LineState) {
        match self.shared.inclusion {
            Inclusion::Free | Inclusion::Inclusive => {
                if state.is_dirty() {
                    self.write_back_to_llc(line);
                }
            }
            Inclusion::Exclusive => {
                let at = self.shared.llc.place(line);
                if state.is_dirty() {
                    self.put_into_llc(at, LineState::DIRTY);
                } else if !(state.is_shared() && self.processors.another_l2_has(line)) {
                    self.put_into_llc(at, LineState::CLEAN);
                }
            }
        }
    }

    /// Takes a dirty line that a processor gives up.
    pub(super) fn write_back_to_llc(&mut self, line: Line) {
        let at = self.shared.llc.place(line);
        if self.shared.llc.find(at, becomes::DIRTY).is_none() {
            self.put_into_llc(at, LineState::DIRTY);
        }
    }

    /// Drops a line that an inclusive LLC gives up from all caches above it, and says whether
    /// one of them had it dirty.
    fn drop_above_the_llc(&mut self, line: Line) -> bool {
        let count = Counters::count_back_invalidation;
        self.processors.drop_all(line, count) == Others::Dirty
    }
}
