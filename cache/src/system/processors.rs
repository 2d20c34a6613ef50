//! The processors as one of them sees them that makes a request.

use super::coherence::Others;
use crate::{
    CacheId, Counters, Prefetcher,
    line::{Line, becomes},
    presence::Presence,
    private::Private,
};

/// A processor that makes a request, and the others.
pub(super) trait Processors {
    /// The one that makes the request.
    fn own(&mut self) -> &mut Private;

    /// Makes every copy that the others have a shared one.
    fn share(&mut self, line: Line) -> Others;

    /// Drops every copy that the others have.
    fn take(&mut self, line: Line) -> Others;

    /// Whether the L2 of another one has the line.
    fn another_l2_has(&self, line: Line) -> bool;

    /// Drops every copy that any of them has of the line, counts each so, and says what there
    /// was.
    fn drop_all(&mut self, line: Line, count: fn(&mut Counters, CacheId)) -> Others;

    /// A cache of the one that makes the request took the line.
    fn came(&mut self, line: Line);

    /// A cache of the one that makes the request lost the line.
    fn went(&mut self, line: Line);
}

/// There is but one, and nobody to ask.
#[derive(Debug)]
pub(super) struct Alone<'a>(pub(super) &'a mut Private);

/// There are several.
#[derive(Debug)]
pub(super) struct Several<'a> {
    /// By their numbers.
    pub(super) all: &'a mut [Private],
    pub(super) presence: &'a mut Presence,
    /// The one that makes the request.
    pub(super) by: usize,
}

impl Processors for Alone<'_> {
    #[inline]
    fn own(&mut self) -> &mut Private {
        self.0
    }

    #[inline]
    fn share(&mut self, _: Line) -> Others {
        Others::Nothing
    }

    #[inline]
    fn take(&mut self, _: Line) -> Others {
        Others::Nothing
    }

    #[inline]
    fn another_l2_has(&self, _: Line) -> bool {
        false
    }

    fn drop_all(&mut self, line: Line, count: fn(&mut Counters, CacheId)) -> Others {
        self.0.give_up(line, count, || {})
    }

    #[inline]
    fn came(&mut self, _: Line) {}

    #[inline]
    fn went(&mut self, _: Line) {}
}

impl Processors for Several<'_> {
    #[inline]
    fn own(&mut self) -> &mut Private {
        &mut self.all[self.by]
    }

    fn share(&mut self, line: Line) -> Others {
        let others = self.all.iter_mut().enumerate();
        let asked =
            others.filter(|&(other, _)| other != self.by && self.presence.may_have(other, line));
        let had = asked.map(|(_, caches)| caches.share(line));
        had.fold(Others::Nothing, Others::max)
    }

    fn take(&mut self, line: Line) -> Others {
        let mut had = Others::Nothing;
        for other in 0..self.all.len() {
            if other != self.by {
                had = had.max(self.give_up(other, line, Counters::count_invalidation));
            }
        }
        had
    }

    fn another_l2_has(&self, line: Line) -> bool {
        let mut processors = self.all.iter().enumerate();
        processors.any(|(index, other)| {
            let others = index != self.by && self.presence.may_have(index, line);
            others && other.caches[CacheId::L2.index()].peek(line).is_some()
        })
    }

    fn drop_all(&mut self, line: Line, count: fn(&mut Counters, CacheId)) -> Others {
        let mut had = Others::Nothing;
        for from in 0..self.all.len() {
            had = had.max(self.give_up(from, line, count));
        }
        had
    }

    #[inline]
    fn came(&mut self, line: Line) {
        self.presence.came(self.by, line);
    }

    #[inline]
    fn went(&mut self, line: Line) {
        self.presence.went(self.by, line);
    }
}

impl Several<'_> {
    /// Drops every copy that a processor has of the line, counts each so, and says what there
    /// was.
    fn give_up(&mut self, from: usize, line: Line, count: fn(&mut Counters, CacheId)) -> Others {
        if !self.presence.may_have(from, line) {
            return Others::Nothing;
        }
        self.all[from].give_up(line, count, || self.presence.went(from, line))
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
            if !state.is_shared() {
                cache.find(cache.place(line), becomes::SHARED);
            }
        }
        had
    }

    /// Drops every copy of the line, counts each so, calls `went` for each, and says what there
    /// was.
    fn give_up(
        &mut self,
        line: Line,
        count: fn(&mut Counters, CacheId),
        mut went: impl FnMut(),
    ) -> Others {
        let mut had = Others::Nothing;
        for (id, cache) in CacheId::PRIVATE.into_iter().zip(&mut self.caches) {
            let Some(state) = cache.take(line) else {
                continue;
            };
            went();
            count(&mut self.counters, id);
            if state.is_prefetched() {
                self.counters.count_useless(Prefetcher::of(id));
            }
            had = had.max(Others::with(state));
        }
        had
    }
}
