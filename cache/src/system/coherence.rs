//! What processors do to each other's lines.

use super::{CacheSystem, Response};
use crate::{
    CacheId, Counters, Inclusion, Prefetcher,
    line::{Line, LineState},
    private::Private,
};

/// What the private caches of the other processors had of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Others {
    Nothing,
    Clean,
    Dirty,
}

impl Others {
    /// There is a copy in this state.
    pub(super) const fn with(state: LineState) -> Self {
        if state.is_dirty() {
            Self::Dirty
        } else {
            Self::Clean
        }
    }
}

impl CacheSystem {
    /// Makes every copy that other processors have a shared one, for a read.
    #[inline]
    pub(super) fn share_with_others(&mut self, by: usize, line: Line) -> Others {
        if self.is_of_one_processor() {
            return Others::Nothing;
        }
        self.share_with_each_other(by, line)
    }

    fn is_of_one_processor(&self) -> bool {
        self.processors.len() == 1
    }

    fn share_with_each_other(&mut self, by: usize, line: Line) -> Others {
        let mut had = Others::Nothing;
        for (other, caches) in self.processors.iter_mut().enumerate() {
            if other != by && self.presence.may_have(other, line) {
                had = had.max(caches.share(line));
            }
        }
        self.write_back_for(by, line, had);
        had
    }

    /// Drops every copy that other processors have, for a write.
    #[inline]
    pub(super) fn take_from_others(&mut self, by: usize, line: Line) -> Others {
        if self.is_of_one_processor() {
            return Others::Nothing;
        }
        self.take_from_each_other(by, line)
    }

    fn take_from_each_other(&mut self, by: usize, line: Line) -> Others {
        let mut had = Others::Nothing;
        for other in 0..self.processors.len() {
            if other != by {
                had = had.max(self.give_up(other, line, Counters::count_invalidation));
            }
        }
        self.write_back_for(by, line, had);
        had
    }

    /// What another processor had dirty goes to the LLC; if that is exclusive, through it to
    /// memory, since an L2 is about to take the line.
    fn write_back_for(&mut self, by: usize, line: Line, had: Others) {
        if had != Others::Dirty {
            return;
        }
        let counters = &mut self.processors[by].counters;
        counters.count_peer_write_back();
        if self.inclusion == Inclusion::Exclusive {
            counters.count_memory_write_back();
        } else {
            self.write_back_to_llc(by, line);
        }
    }

    /// A write found a shared copy in a cache of its own processor.
    pub(super) fn upgrade(&mut self, by: usize, line: Line, response: &mut Response) {
        self.processors[by].counters.count_upgrade();
        if self.take_from_others(by, line) != Others::Nothing {
            response.latency = self.peer_latency;
        }
    }

    /// Whether the L2 of another processor has the line.
    pub(super) fn another_l2_has(&self, by: usize, line: Line) -> bool {
        let mut processors = self.processors.iter().enumerate();
        processors.any(|(index, other)| {
            let others = index != by && self.presence.may_have(index, line);
            others && other.caches[CacheId::L2.index()].peek(line).is_some()
        })
    }

    /// Drops a line that an inclusive LLC gives up from all caches above it, and says whether
    /// one of them had it dirty.
    pub(super) fn drop_above_the_llc(&mut self, line: Line) -> bool {
        let mut had = Others::Nothing;
        for above in 0..self.processors.len() {
            had = had.max(self.give_up(above, line, Counters::count_back_invalidation));
        }
        had == Others::Dirty
    }

    /// Drops every copy that a processor has of the line, counts each so, and says what there
    /// was.
    pub(super) fn give_up(
        &mut self,
        from: usize,
        line: Line,
        count: fn(&mut Counters, CacheId),
    ) -> Others {
        let mut had = Others::Nothing;
        if !self.presence.may_have(from, line) {
            return had;
        }
        let own = &mut self.processors[from];
        for (id, cache) in CacheId::PRIVATE.into_iter().zip(&mut own.caches) {
            let Some(state) = cache.take(line) else {
                continue;
            };
            self.presence.went(from, line);
            count(&mut own.counters, id);
            if state.is_prefetched() {
                own.counters.count_useless(Prefetcher::of(id));
            }
            had = had.max(Others::with(state));
        }
        had
    }
}

impl Private {
    /// Makes every copy of the line a shared one, and says what there was.
    fn share(&mut self, line: Line) -> Others {
        let mut had = Others::Nothing;
        for cache in &mut self.caches {
            let Some(state) = cache.peek(line) else {
                continue;
            };
            had = had.max(Others::with(state));
            if !state.is_shared()
                && let Some(copy) = cache.find(line)
            {
                *copy = state.shared();
            }
        }
        had
    }
}
