//! The rules of SDM vol. 3, 12.3, one by one.

use MemoryType::{Uncacheable, WriteBack, WriteCombining, WriteProtected, WriteThrough};

use super::*;

const FROM_MEMORY: (ServedBy, u64) = (MEMORY, 200);
const FROM_L1D: (ServedBy, u64) = (L1, 4);

fn all_held(caches: &CacheSystem) -> [Vec<(u64, bool)>; 4] {
    CacheId::ALL.map(|id| caches.held(id))
}

fn drops(caches: &CacheSystem) -> [u64; 4] {
    CacheId::ALL.map(|id| caches.counters(ONE).drops(id))
}

/// 12.3: "Uncacheable: system memory locations are not cached".
#[test]
fn uncacheable_memory_is_never_cached_and_every_access_waits_for_memory() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    for _ in 0..2 {
        for request in [
            Request::Fetch,
            Request::Read,
            Request::Write,
            Request::WalkRead,
        ] {
            assert_eq!(caches.request_as(5, request, Uncacheable), FROM_MEMORY);
        }
    }
    assert_eq!(all_held(&caches), [const { Vec::new() }; 4]);
    let counters = caches.counters(ONE);
    assert_eq!(counters.uncached_reads(), 6);
    assert_eq!(counters.uncached_writes(), 2);
    assert!(
        Request::ALL
            .iter()
            .all(|&kind| counters.requests(kind) == 0)
    );
    assert_eq!(counters.memory_reads(), 0);
}

/// A read and a write, one after the other: both go to memory.
#[test]
fn an_update_of_uncacheable_memory_waits_twice() {
    for request in [Request::ReadModifyWrite, Request::WalkUpdate] {
        let mut caches = hierarchy(TINY, WalkPort::L2);
        assert_eq!(caches.request_as(5, request, Uncacheable), (MEMORY, 400));
        assert_eq!(caches.counters(ONE).uncached_reads(), 1);
        assert_eq!(caches.counters(ONE).uncached_writes(), 1);
    }
}

/// 12.3: "Writes may be delayed and combined in the write combining buffer".
#[test]
fn write_combining_gathers_writes_by_the_line() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    // Three lines open the three buffers, and more writes to them join.
    for line in [1, 2, 3, 1, 2, 3, 1] {
        let response = caches.request_as(line, Request::Write, WriteCombining);
        assert_eq!(response, FROM_L1D);
    }
    let counters = caches.counters(ONE);
    assert_eq!(counters.opened_buffers(), 3);
    assert_eq!(counters.combined_writes(), 4);
    assert_eq!(counters.flushed_buffers(), 0);
    assert_eq!(all_held(&caches), [const { Vec::new() }; 4]);
}

#[test]
fn a_write_that_finds_no_write_combining_buffer_flushes_the_oldest() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    let mut write = |line| caches.request_as(line, Request::Write, WriteCombining);
    for line in [1, 2, 3] {
        write(line);
    }
    // The oldest is the one opened first, however lately it was written to.
    assert_eq!(write(1), FROM_L1D);
    assert_eq!(write(4), FROM_MEMORY);
    assert_eq!(write(2), FROM_L1D);
    assert_eq!(write(1), FROM_MEMORY);
    let counters = caches.counters(ONE);
    assert_eq!(counters.opened_buffers(), 5);
    assert_eq!(counters.flushed_buffers(), 2);
}

/// 12.3: until "a read or write to uncached memory".
#[test]
fn uncached_accesses_empty_the_write_combining_buffers() {
    for (request, memory_type) in [
        (Request::Read, WriteCombining),
        (Request::Fetch, WriteCombining),
        (Request::WalkRead, WriteCombining),
        (Request::Read, Uncacheable),
        (Request::Write, Uncacheable),
    ] {
        let mut caches = hierarchy(TINY, WalkPort::L1d);
        for line in [1, 2] {
            caches.request_as(line, Request::Write, WriteCombining);
        }
        assert_eq!(caches.request_as(9, request, memory_type), FROM_MEMORY);
        assert_eq!(caches.counters(ONE).flushed_buffers(), 2, "{request:?}");
        caches.request_as(1, Request::Write, WriteCombining);
        assert_eq!(caches.counters(ONE).opened_buffers(), 3, "{request:?}");
    }
}

#[test]
fn cached_accesses_leave_the_write_combining_buffers_open() {
    for memory_type in [WriteThrough, WriteProtected, WriteBack] {
        let mut caches = hierarchy(TINY, WalkPort::L1d);
        caches.request_as(1, Request::Write, WriteCombining);
        for request in Request::ALL {
            caches.request_as(9, request, memory_type);
        }
        caches.request_as(1, Request::Write, WriteCombining);
        assert_eq!(caches.counters(ONE).combined_writes(), 1, "{memory_type}");
        assert_eq!(caches.counters(ONE).flushed_buffers(), 0, "{memory_type}");
    }
}

/// The read empties the buffers, the write opens the first of them.
#[test]
fn an_update_of_write_combining_memory_reads_memory_and_opens_a_buffer() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    let mut update = || caches.request_as(1, Request::ReadModifyWrite, WriteCombining);
    assert_eq!(update(), (MEMORY, 204));
    assert_eq!(update(), (MEMORY, 204));
    let counters = caches.counters(ONE);
    assert_eq!(counters.uncached_reads(), 2);
    assert_eq!(counters.opened_buffers(), 2);
    assert_eq!(counters.flushed_buffers(), 1);
}

/// 12.3, WT and WP: "Reads come from cache lines on cache hits; read misses cause cache
/// fills".
#[test]
fn write_through_and_write_protected_memory_is_read_as_write_back_memory_is() {
    for memory_type in [WriteThrough, WriteProtected] {
        for walks_enter in [WalkPort::L1d, WalkPort::L2] {
            let mut typed = hierarchy(TINY, walks_enter);
            let mut write_back = hierarchy(TINY, walks_enter);
            for line in [1, 2, 3, 1, 4, 1, 5, 6, 7, 8, 9, 1, 1, 2] {
                for request in [Request::Fetch, Request::Read, Request::WalkRead] {
                    assert_eq!(
                        typed.request_as(line, request, memory_type),
                        write_back.request_as(line, request, WriteBack)
                    );
                }
            }
            assert_eq!(all_held(&typed), all_held(&write_back));
            assert_eq!(typed.counters(ONE), write_back.counters(ONE));
        }
    }
}

/// 12.3, WT: "All writes are written to a cache line (when possible) and through to system
/// memory".
#[test]
fn a_write_through_that_hits_leaves_the_line_clean() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    caches.request_as(5, Request::Read, WriteThrough);
    let response = caches.request_as(5, Request::Write, WriteThrough);
    assert_eq!(response, FROM_MEMORY);
    for id in [CacheId::L1d, CacheId::L2, CacheId::Llc] {
        assert_eq!(caches.held(id), [(5, false)], "{id}");
    }
    assert_eq!(caches.request_as(5, Request::Read, WriteThrough), FROM_L1D);
    assert_eq!(caches.counters(ONE).write_throughs(), 1);
    assert_eq!(caches.counters(ONE).requests(Request::Write), 0);
}

/// The write keeps the line, which would else be the first to make room.
#[test]
fn a_write_through_is_a_use_of_every_copy_on_its_way() {
    let mut caches = hierarchy([(1, 2), (1, 2), (1, 2), (1, 2)], WalkPort::L1d);
    for line in [1, 2] {
        caches.request_as(line, Request::Read, WriteThrough);
    }
    caches.request_as(1, Request::Write, WriteThrough);
    caches.request_as(3, Request::Read, WriteThrough);
    for id in [CacheId::L1d, CacheId::L2, CacheId::Llc] {
        assert_eq!(caches.held(id), [(1, false), (3, false)], "{id}");
    }
}

/// 12.3, WT: "When writing through to memory, invalid cache lines are never filled".
#[test]
fn a_write_through_that_misses_does_not_allocate() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    let response = caches.request_as(5, Request::Write, WriteThrough);
    assert_eq!(response, FROM_MEMORY);
    assert_eq!(all_held(&caches), [const { Vec::new() }; 4]);
}

#[test]
fn an_update_of_write_through_memory_reads_from_the_cache_and_waits_for_the_write() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    let mut update = || caches.request_as(5, Request::ReadModifyWrite, WriteThrough);
    assert_eq!(update(), (MEMORY, 400));
    assert_eq!(update(), (MEMORY, 204));
    assert_eq!(caches.held(CacheId::L1d), [(5, false)]);
    let counters = caches.counters(ONE);
    assert_eq!(counters.served(Request::ReadModifyWrite, MEMORY), 1);
    assert_eq!(counters.served(Request::ReadModifyWrite, L1), 1);
    assert_eq!(counters.write_throughs(), 2);
}

/// 12.3, WP: "Writes are propagated to the system bus and cause corresponding cache lines on
/// all processors on the bus to be invalidated".
#[test]
fn a_write_of_write_protected_memory_drops_the_line() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    for line in [5, 6] {
        caches.request_as(line, Request::Fetch, WriteProtected);
        caches.request_as(line, Request::Read, WriteProtected);
    }
    let response = caches.request_as(5, Request::Write, WriteProtected);
    assert_eq!(response, FROM_MEMORY);
    for id in CacheId::ALL {
        assert_eq!(caches.held(id), [(6, false)], "{id}");
    }
    assert_eq!(drops(&caches), [1; 4]);
    assert_eq!(caches.counters(ONE).write_throughs(), 1);
    assert_eq!(caches.counters(ONE).memory_write_backs(), 0);
}

/// 12.12.4 forbids software to do so; 12.5.2.2, table 12-7, note 2: processors check their
/// caches.
#[test]
fn a_line_that_becomes_uncacheable_is_written_back_and_dropped() {
    for memory_type in [Uncacheable, WriteCombining, WriteProtected] {
        let mut caches = hierarchy(TINY, WalkPort::L1d);
        caches.request(5, Request::Fetch);
        caches.request(5, Request::Write);
        caches.request(6, Request::Write);
        caches.request_as(5, Request::Write, memory_type);
        assert_eq!(caches.held(CacheId::L1i), []);
        assert_eq!(caches.held(CacheId::L1d), [(6, true)]);
        assert_eq!(caches.held(CacheId::L2), [(6, false)]);
        assert_eq!(caches.held(CacheId::Llc), [(6, false)]);
        assert_eq!(drops(&caches), [1; 4], "{memory_type}");
        assert_eq!(caches.counters(ONE).snoop_write_backs(), 1);
        assert_eq!(caches.counters(ONE).memory_write_backs(), 1);
        assert_eq!(caches.counters(ONE).evictions(CacheId::L1d), 0);
    }
}

#[test]
fn a_line_dirty_in_two_caches_is_written_back_once() {
    let mut caches = hierarchy(TINY, WalkPort::L2);
    caches.request(5, Request::Write);
    caches.request(5, Request::WalkUpdate);
    assert_eq!(caches.held(CacheId::L1d), [(5, true)]);
    assert_eq!(caches.held(CacheId::L2), [(5, true)]);
    caches.request_as(5, Request::Read, Uncacheable);
    assert_eq!(caches.counters(ONE).snoop_write_backs(), 1);
}

#[test]
fn a_dirty_line_that_is_written_through_stays_dirty() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    caches.request(5, Request::Write);
    caches.request_as(5, Request::Write, WriteThrough);
    assert_eq!(caches.held(CacheId::L1d), [(5, true)]);
}

#[test]
fn resetting_the_counters_leaves_the_write_combining_buffers() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    caches.request_as(1, Request::Write, WriteCombining);
    caches.reset_counters();
    assert_eq!(caches.counters(ONE), &Counters::new(WalkPort::L1d));
    caches.request_as(1, Request::Write, WriteCombining);
    assert_eq!(caches.counters(ONE).combined_writes(), 1);
}
