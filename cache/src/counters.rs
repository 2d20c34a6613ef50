use crate::{CacheId, Request, ServedBy, WalkPort};

/// What a hierarchy has done since it was built, or its counters were last reset.
///
/// Only the level that served is counted per request: since a request misses in every cache
/// it meets before that one, the hits and misses of each cache follow.
///
/// A request of which no cache is asked for the line is counted apart, and so is every write
/// that memory gets at once: [`uncached_reads`](Self::uncached_reads),
/// [`uncached_writes`](Self::uncached_writes), [`combined_writes`](Self::combined_writes),
/// [`opened_buffers`](Self::opened_buffers) and [`write_throughs`](Self::write_throughs). A
/// request that reads and writes such memory is counted for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    walks_enter: WalkPort,
    served: [[u64; ServedBy::ALL.len()]; Request::ALL.len()],
    evictions: [u64; CacheId::ALL.len()],
    write_backs: [u64; CacheId::ALL.len()],
    drops: [u64; CacheId::ALL.len()],
    snoop_write_backs: u64,
    uncached_reads: u64,
    uncached_writes: u64,
    combined_writes: u64,
    opened_buffers: u64,
    flushed_buffers: u64,
    write_throughs: u64,
}

impl Counters {
    pub(crate) const fn new(walks_enter: WalkPort) -> Self {
        Self {
            walks_enter,
            served: [[0; ServedBy::ALL.len()]; Request::ALL.len()],
            evictions: [0; CacheId::ALL.len()],
            write_backs: [0; CacheId::ALL.len()],
            drops: [0; CacheId::ALL.len()],
            snoop_write_backs: 0,
            uncached_reads: 0,
            uncached_writes: 0,
            combined_writes: 0,
            opened_buffers: 0,
            flushed_buffers: 0,
            write_throughs: 0,
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

    pub(crate) fn count_drop(&mut self, from: CacheId) {
        self.drops[from.index()] += 1;
    }

    pub(crate) fn count_snoop_write_back(&mut self) {
        self.snoop_write_backs += 1;
    }

    pub(crate) fn count_uncached_read(&mut self) {
        self.uncached_reads += 1;
    }

    pub(crate) fn count_uncached_write(&mut self) {
        self.uncached_writes += 1;
    }

    pub(crate) fn count_combined_write(&mut self) {
        self.combined_writes += 1;
    }

    pub(crate) fn count_opened_buffer(&mut self) {
        self.opened_buffers += 1;
    }

    pub(crate) fn count_flushed_buffers(&mut self, flushed: u64) {
        self.flushed_buffers += flushed;
    }

    pub(crate) fn count_write_through(&mut self) {
        self.write_throughs += 1;
    }

    /// How many requests of this kind this level served.
    pub fn served(&self, request: Request, by: ServedBy) -> u64 {
        self.served[request.index()][by.index()]
    }

    /// How many requests of this kind asked the caches for their line: all that are of
    /// write-back memory, and those that read write-through or write-protected memory.
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

    /// How many lines this cache dropped because they were accessed as memory of a type that
    /// it must not hold, or written as write-protected memory. These are no evictions.
    pub fn drops(&self, cache: CacheId) -> u64 {
        self.drops[cache.index()]
    }

    /// How many of the dropped lines were dirty in a cache, and were written back to memory.
    pub fn snoop_write_backs(&self) -> u64 {
        self.snoop_write_backs
    }

    /// How many reads passed the caches by: of uncacheable or write-combining memory.
    pub fn uncached_reads(&self) -> u64 {
        self.uncached_reads
    }

    /// How many writes of uncacheable memory there were.
    pub fn uncached_writes(&self) -> u64 {
        self.uncached_writes
    }

    /// How many writes of write-combining memory joined others in an open buffer.
    pub fn combined_writes(&self) -> u64 {
        self.combined_writes
    }

    /// How many writes of write-combining memory opened a buffer: all that were not
    /// [combined](Self::combined_writes).
    pub fn opened_buffers(&self) -> u64 {
        self.opened_buffers
    }

    /// How many write-combining buffers were written to memory.
    pub fn flushed_buffers(&self) -> u64 {
        self.flushed_buffers
    }

    /// How many writes of write-through or write-protected memory there were.
    pub fn write_throughs(&self) -> u64 {
        self.write_throughs
    }

    /// How many lines were read from memory into caches.
    pub fn memory_reads(&self) -> u64 {
        let reads = Request::ALL.into_iter();
        reads.map(|kind| self.served(kind, ServedBy::Memory)).sum()
    }

    /// How many dirty lines were written back to memory.
    pub fn memory_write_backs(&self) -> u64 {
        self.write_backs(CacheId::Llc) + self.snoop_write_backs
    }

    /// Whether the cache lies on the way of such requests.
    fn meets(&self, cache: CacheId, request: Request) -> bool {
        let first = request.enters(self.walks_enter);
        cache == first || first.below().contains(&cache)
    }
}
