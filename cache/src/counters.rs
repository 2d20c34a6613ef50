use core::ops::AddAssign;

use crate::{CacheId, Prefetcher, Request, ServedBy, WalkPort};

/// What the requests of one processor have done since the caches were built, or the
/// counters were last reset.
///
/// What happens in a processor's private caches is counted for that processor, whoever caused
/// it; what happens in the LLC and in memory, for the processor whose request caused it. So
/// the sums over all processors are those of the machine.
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
    invalidations: [u64; CacheId::PRIVATE.len()],
    back_invalidations: [u64; CacheId::PRIVATE.len()],
    upgrades: u64,
    peer_write_backs: u64,
    snoop_write_backs: u64,
    memory_write_backs: u64,
    prefetches: [[u64; ServedBy::ALL.len()]; Prefetcher::ALL.len()],
    useful: [u64; Prefetcher::ALL.len()],
    useless: [u64; Prefetcher::ALL.len()],
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
            invalidations: [0; CacheId::PRIVATE.len()],
            back_invalidations: [0; CacheId::PRIVATE.len()],
            upgrades: 0,
            peer_write_backs: 0,
            snoop_write_backs: 0,
            memory_write_backs: 0,
            prefetches: [[0; ServedBy::ALL.len()]; Prefetcher::ALL.len()],
            useful: [0; Prefetcher::ALL.len()],
            useless: [0; Prefetcher::ALL.len()],
            uncached_reads: 0,
            uncached_writes: 0,
            combined_writes: 0,
            opened_buffers: 0,
            flushed_buffers: 0,
            write_throughs: 0,
        }
    }

    /// So many more requests found their line in a first-level cache.
    pub fn add_first_hits(&mut self, request: Request, times: u64) {
        self.served[request.index()][ServedBy::L1.index()] += times;
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

    pub(crate) fn count_invalidation(&mut self, from: CacheId) {
        self.invalidations[from.index()] += 1;
    }

    pub(crate) fn count_back_invalidation(&mut self, from: CacheId) {
        self.back_invalidations[from.index()] += 1;
    }

    pub(crate) fn count_upgrade(&mut self) {
        self.upgrades += 1;
    }

    pub(crate) fn count_peer_write_back(&mut self) {
        self.peer_write_backs += 1;
    }

    pub(crate) fn count_snoop_write_back(&mut self) {
        self.snoop_write_backs += 1;
        self.memory_write_backs += 1;
    }

    pub(crate) fn count_memory_write_back(&mut self) {
        self.memory_write_backs += 1;
    }

    pub(crate) fn count_prefetch(&mut self, prefetcher: Prefetcher, by: ServedBy) {
        self.prefetches[prefetcher.index()][by.index()] += 1;
    }

    pub(crate) fn count_useful(&mut self, prefetcher: Prefetcher) {
        self.useful[prefetcher.index()] += 1;
    }

    pub(crate) fn count_useless(&mut self, prefetcher: Prefetcher) {
        self.useless[prefetcher.index()] += 1;
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

    /// How many requests of this kind looked in this cache in vain; a copy that another
    /// processor has made stale is as none. A write-back that has to
    /// be allocated is not among them: it is not a request.
    pub fn misses(&self, cache: CacheId, request: Request) -> u64 {
        if self.meets(cache, request) {
            let beyond = ServedBy::ALL.into_iter().filter(|&by| by > cache.level());
            beyond.map(|by| self.served(request, by)).sum()
        } else {
            0
        }
    }

    /// How many lines, clean or dirty, this cache gave up to make room; of the LLC, those that
    /// requests of this processor pushed out.
    pub fn evictions(&self, cache: CacheId) -> u64 {
        self.evictions[cache.index()]
    }

    /// How many of the [evictions](Self::evictions) were of dirty lines, written to the next
    /// cache, or from the last to memory.
    pub fn write_backs(&self, cache: CacheId) -> u64 {
        self.write_backs[cache.index()]
    }

    /// How many lines this cache dropped because they were accessed as memory of a type that
    /// it must not hold, or written as write-protected memory, by any processor; of the LLC,
    /// by this one. These are no evictions.
    pub fn drops(&self, cache: CacheId) -> u64 {
        self.drops[cache.index()]
    }

    /// How many of the lines that this processor's requests made caches drop were dirty, and were written back to memory.
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

    /// How many lines were read from memory into caches by this processor: by requests and by prefetches.
    pub fn memory_reads(&self) -> u64 {
        let prefetchers = Prefetcher::ALL.into_iter();
        let prefetched: u64 = prefetchers
            .map(|prefetcher| self.prefetched_from(prefetcher, ServedBy::Memory))
            .sum();
        self.demand_memory_reads() + prefetched
    }

    /// How many of the [memory reads](Self::memory_reads) requests waited for.
    pub fn demand_memory_reads(&self) -> u64 {
        let reads = Request::ALL.into_iter();
        reads.map(|kind| self.served(kind, ServedBy::Memory)).sum()
    }

    /// How many dirty lines requests of this processor made caches write back to memory.
    pub fn memory_write_backs(&self) -> u64 {
        self.memory_write_backs
    }

    /// How many lines this cache lost because another processor wrote to them. The LLC loses
    /// none.
    pub fn invalidations(&self, cache: CacheId) -> u64 {
        self.invalidations
            .get(cache.index())
            .map_or(0, |&lost| lost)
    }

    /// How many lines this cache lost because an inclusive LLC evicted them.
    pub fn back_invalidations(&self, cache: CacheId) -> u64 {
        self.back_invalidations
            .get(cache.index())
            .map_or(0, |&lost| lost)
    }

    /// How many writes found their line in a cache of the processor as one that others may
    /// have too, so that the others had to be asked to drop it.
    pub fn upgrades(&self) -> u64 {
        self.upgrades
    }

    /// How many dirty lines were written back because this processor asked for a line that
    /// another has: to the LLC, or to memory if the LLC is exclusive.
    pub fn peer_write_backs(&self) -> u64 {
        self.peer_write_backs
    }

    /// How many lines this prefetcher brought from this level.
    pub fn prefetched_from(&self, prefetcher: Prefetcher, by: ServedBy) -> u64 {
        self.prefetches[prefetcher.index()][by.index()]
    }

    /// How many lines this prefetcher brought.
    pub fn prefetches(&self, prefetcher: Prefetcher) -> u64 {
        self.prefetches[prefetcher.index()].iter().sum()
    }

    /// How many of the lines that this prefetcher brought a request found where they were
    /// brought.
    pub fn useful_prefetches(&self, prefetcher: Prefetcher) -> u64 {
        self.useful[prefetcher.index()]
    }

    /// How many of the lines that this prefetcher brought were lost again before a request
    /// found them.
    pub fn useless_prefetches(&self, prefetcher: Prefetcher) -> u64 {
        self.useless[prefetcher.index()]
    }

    /// Whether the cache lies on the way of such requests.
    fn meets(&self, cache: CacheId, request: Request) -> bool {
        let first = request.enters(self.walks_enter);
        cache == first || first.below().contains(&cache)
    }
}

/// Counts of processors of the same machine, together.
impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, more: &Self) {
        let Self {
            walks_enter: _,
            served,
            evictions,
            write_backs,
            drops,
            invalidations,
            back_invalidations,
            upgrades,
            peer_write_backs,
            snoop_write_backs,
            memory_write_backs,
            prefetches,
            useful,
            useless,
            uncached_reads,
            uncached_writes,
            combined_writes,
            opened_buffers,
            flushed_buffers,
            write_throughs,
        } = self;
        add(served.as_flattened_mut(), more.served.as_flattened());
        add(evictions, &more.evictions);
        add(write_backs, &more.write_backs);
        add(drops, &more.drops);
        add(invalidations, &more.invalidations);
        add(back_invalidations, &more.back_invalidations);
        *upgrades += more.upgrades;
        *peer_write_backs += more.peer_write_backs;
        *snoop_write_backs += more.snoop_write_backs;
        *memory_write_backs += more.memory_write_backs;
        add(
            prefetches.as_flattened_mut(),
            more.prefetches.as_flattened(),
        );
        add(useful, &more.useful);
        add(useless, &more.useless);
        *uncached_reads += more.uncached_reads;
        *uncached_writes += more.uncached_writes;
        *combined_writes += more.combined_writes;
        *opened_buffers += more.opened_buffers;
        *flushed_buffers += more.flushed_buffers;
        *write_throughs += more.write_throughs;
    }
}

fn add(counts: &mut [u64], more: &[u64]) {
    for (count, more) in counts.iter_mut().zip(more) {
        *count += more;
    }
}
