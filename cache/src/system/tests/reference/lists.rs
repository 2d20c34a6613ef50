//! Caches as lists, and what is counted of each processor.

use alloc::{vec, vec::Vec};

use crate::{CacheId, Counters, LevelConfig, Prefetcher, Request, ServedBy};

/// A copy of a line.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::system::tests) struct Held {
    pub(in crate::system::tests) line: u64,
    pub(in crate::system::tests) dirty: bool,
    pub(in crate::system::tests) shared: bool,
    /// Prefetched, and not asked for since.
    pub(in crate::system::tests) fresh: bool,
}

impl Held {
    pub(super) const fn clean(line: u64) -> Self {
        Self {
            line,
            dirty: false,
            shared: false,
            fresh: false,
        }
    }

    pub(super) const fn dirty(line: u64) -> Self {
        Self {
            dirty: true,
            ..Self::clean(line)
        }
    }
}

/// What processors had of a line.
#[derive(Clone, Copy, PartialEq, PartialOrd, Ord, Eq)]
pub(super) enum Had {
    Nothing,
    Clean,
    Dirty,
}

impl Had {
    pub(super) const fn of(copy: Held) -> Self {
        if copy.dirty { Self::Dirty } else { Self::Clean }
    }
}

/// A cache: of each set its copies, the least recently used first.
pub(in crate::system::tests) struct List {
    sets: Vec<Vec<Held>>,
    ways: usize,
}

impl List {
    pub(super) fn new(config: &LevelConfig) -> Self {
        Self {
            sets: vec![Vec::new(); config.geometry.sets() as usize],
            ways: config.geometry.ways() as usize,
        }
    }

    fn set_of(&self, line: u64) -> usize {
        usize::try_from(line % self.sets.len() as u64).unwrap()
    }

    pub(super) fn copy(&self, line: u64) -> Option<&Held> {
        let mut set = self.sets[self.set_of(line)].iter();
        set.find(|copy| copy.line == line)
    }

    pub(super) fn copy_mut(&mut self, line: u64) -> Option<&mut Held> {
        let set = self.set_of(line);
        let mut set = self.sets[set].iter_mut();
        set.find(|copy| copy.line == line)
    }

    /// The copy of a line, which becomes the most recent.
    pub(super) fn used(&mut self, line: u64) -> Option<&mut Held> {
        let copy = self.without(line)?;
        let set = self.set_of(line);
        self.sets[set].push(copy);
        self.sets[set].last_mut()
    }

    /// Adds a copy; returns the one this pushes out.
    pub(super) fn add(&mut self, copy: Held) -> Option<Held> {
        assert!(self.copy(copy.line).is_none(), "held twice");
        let ways = self.ways;
        let set = self.set_of(copy.line);
        let set = &mut self.sets[set];
        set.push(copy);
        (set.len() > ways).then(|| set.remove(0))
    }

    /// Takes the copy of a line out.
    pub(super) fn without(&mut self, line: u64) -> Option<Held> {
        let set = self.set_of(line);
        let set = &mut self.sets[set];
        let place = set.iter().position(|copy| copy.line == line)?;
        Some(set.remove(place))
    }

    /// Every copy, by the number of its line.
    pub(in crate::system::tests) fn held(&self) -> Vec<Held> {
        let mut held: Vec<_> = self.sets.iter().flatten().copied().collect();
        held.sort_unstable_by_key(|copy| copy.line);
        held
    }
}

/// What is counted of a processor. Caches are in the order of [`CacheId::ALL`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::system::tests) struct Tally {
    pub(super) served: [[u64; 5]; 6],
    pub(super) evictions: [u64; 4],
    pub(super) write_backs: [u64; 4],
    pub(super) drops: [u64; 4],
    pub(super) invalidations: [u64; 4],
    pub(super) back_invalidations: [u64; 4],
    pub(super) upgrades: u64,
    pub(super) peer_write_backs: u64,
    pub(super) snoop_write_backs: u64,
    pub(super) memory_write_backs: u64,
    pub(super) prefetched: [[u64; 5]; 2],
    pub(super) useful: [u64; 2],
    pub(super) useless: [u64; 2],
    pub(super) uncached_reads: u64,
    pub(super) uncached_writes: u64,
    pub(super) combined_writes: u64,
    pub(super) opened_buffers: u64,
    pub(super) flushed_buffers: u64,
    pub(super) write_throughs: u64,
}

impl Tally {
    /// A copy left a private cache.
    pub(super) fn lost(&mut self, id: usize, copy: Held) {
        if copy.fresh {
            self.useless[usize::from(id == super::L2)] += 1;
        }
    }

    pub(in crate::system::tests) fn of(counters: &Counters) -> Self {
        Self {
            served: Request::ALL
                .map(|request| ServedBy::ALL.map(|by| counters.served(request, by))),
            evictions: CacheId::ALL.map(|id| counters.evictions(id)),
            write_backs: CacheId::ALL.map(|id| counters.write_backs(id)),
            drops: CacheId::ALL.map(|id| counters.drops(id)),
            invalidations: CacheId::ALL.map(|id| counters.invalidations(id)),
            back_invalidations: CacheId::ALL.map(|id| counters.back_invalidations(id)),
            upgrades: counters.upgrades(),
            peer_write_backs: counters.peer_write_backs(),
            snoop_write_backs: counters.snoop_write_backs(),
            memory_write_backs: counters.memory_write_backs(),
            prefetched: Prefetcher::ALL
                .map(|prefetcher| ServedBy::ALL.map(|by| counters.prefetched_from(prefetcher, by))),
            useful: Prefetcher::ALL.map(|prefetcher| counters.useful_prefetches(prefetcher)),
            useless: Prefetcher::ALL.map(|prefetcher| counters.useless_prefetches(prefetcher)),
            uncached_reads: counters.uncached_reads(),
            uncached_writes: counters.uncached_writes(),
            combined_writes: counters.combined_writes(),
            opened_buffers: counters.opened_buffers(),
            flushed_buffers: counters.flushed_buffers(),
            write_throughs: counters.write_throughs(),
        }
    }
}
