use crate::{CacheId, Request, ServedBy, WalkPort};

/// What a hierarchy has done since it was built, or its counters were last reset.
///
/// Only the level that served is counted per request: since a request misses in every cache
/// it meets before that one, the hits and misses of each cache follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    walks_enter: WalkPort,
    served: [[u64; ServedBy::ALL.len()]; Request::ALL.len()],
    evictions: [u64; CacheId::ALL.len()],
    write_backs: [u64; CacheId::ALL.len()],
}

impl Counters {
    pub(crate) const fn new(walks_enter: WalkPort) -> Self {
        Self {
            walks_enter,
            served: [[0; ServedBy::ALL.len()]; Request::ALL.len()],
            evictions: [0; CacheId::ALL.len()],
            write_backs: [0; CacheId::ALL.len()],
        }
    }

    #[inline]
    pub(crate) fn count_served(&mut self, request: Request, by: ServedBy) {
        self.served[request.index()][by.index()] += 1;
    }

    #[inline]
    pub(crate) fn count_eviction(&mut self, from: CacheId) {
        self.evictions[from.index()] += 1;
    }

    #[inline]
    pub(crate) fn count_write_back(&mut self, from: CacheId) {
        self.write_backs[from.index()] += 1;
    }

    /// How many requests of this kind this level served.
    pub fn served(&self, request: Request, by: ServedBy) -> u64 {
        self.served[request.index()][by.index()]
    }

    /// How many requests of this kind there were.
    pub fn requests(&self, request: Request) -> u64 {
        self.served[request.index()].iter().sum()
    }

    /// How many requests of this kind found their line in this cache.
    pub fn hits(&self, cache: CacheId, request: Request) -> u64 {
        if self.meets(cache, request) {
            self.served(request, cache.level())
        } else {
            0
        }
    }

    /// How many requests of this kind looked in this cache in vain. A write-back that has to
    /// be allocated is not among them: it is not a request.
    pub fn misses(&self, cache: CacheId, request: Request) -> u64 {
        if self.meets(cache, request) {
            let beyond = ServedBy::ALL.into_iter().filter(|&by| by > cache.level());
            beyond.map(|by| self.served(request, by)).sum()
        } else {
            0
        }
    }

    /// How many lines, clean or dirty, this cache gave up to make room.
    pub fn evictions(&self, cache: CacheId) -> u64 {
        self.evictions[cache.index()]
    }

    /// How many of the [evictions](Self::evictions) were of dirty lines, written to the next
    /// cache, or from the last to memory.
    pub fn write_backs(&self, cache: CacheId) -> u64 {
        self.write_backs[cache.index()]
    }

    /// How many lines were read from memory.
    pub fn memory_reads(&self) -> u64 {
        let reads = Request::ALL.into_iter();
        reads.map(|kind| self.served(kind, ServedBy::Memory)).sum()
    }

    /// How many lines were written back to memory.
    pub fn memory_write_backs(&self) -> u64 {
        self.write_backs(CacheId::Llc)
    }

    /// Whether the cache lies on the way of such requests.
    fn meets(&self, cache: CacheId, request: Request) -> bool {
        let first = request.enters(self.walks_enter);
        cache == first || first.below().contains(&cache)
    }
}
