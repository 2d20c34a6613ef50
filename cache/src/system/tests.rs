mod against_reference;
mod coherence;
mod machines;
mod memory_types;
mod prefetching;
mod reference;

use alloc::vec::Vec;

use assoc::{Geometry, GeometryError, IndexFunction, Replacement};

use super::*;
use crate::{LINE_BYTES, LevelConfig};

const L1: ServedBy = ServedBy::L1;
const L2: ServedBy = ServedBy::L2;
const LLC: ServedBy = ServedBy::Llc;
const PEER: ServedBy = ServedBy::Peer;
const MEMORY: ServedBy = ServedBy::Memory;

const ONE: ProcessorId = ProcessorId::FIRST;

fn level(sets: u32, ways: u32, latency: u64) -> LevelConfig {
    LevelConfig {
        geometry: Geometry::new(sets, ways).unwrap(),
        index: IndexFunction::Linear,
        replacement: Replacement::TrueLru,
        latency: Cycles::new(latency),
    }
}

/// Sets and ways of the L1I, the L1D, the L2 and the LLC.
type Shape = [(u32, u32); 4];

/// One set each, so that any two lines compete: 2 lines in an L1, 4 in the L2, 8 in the LLC.
const TINY: Shape = [(1, 2), (1, 2), (1, 4), (1, 8)];

/// One line in each cache.
const SINGLE: Shape = [(1, 1); 4];

/// How many write-combining buffers all of them have.
const BUFFERS: u32 = 3;

fn hierarchy(shape: Shape, walks_enter: WalkPort) -> CacheSystem {
    CacheSystem::new(&config(shape, walks_enter)).unwrap()
}

/// One processor, an LLC that is free of it, no prefetchers.
fn config([l1i, l1d, l2, llc]: Shape, walks_enter: WalkPort) -> HierarchyConfig {
    HierarchyConfig {
        l1i: level(l1i.0, l1i.1, 3),
        l1d: level(l1d.0, l1d.1, 4),
        l2: level(l2.0, l2.1, 14),
        llc: level(llc.0, llc.1, 50),
        memory_latency: Cycles::new(200),
        walks_enter,
        combining_buffers: BUFFERS,
        processors: 1,
        inclusion: crate::Inclusion::Free,
        peer_latency: Cycles::new(80),
        prefetch: crate::Prefetch::default(),
    }
}

impl CacheSystem {
    /// Requests the line with this number, of write-back memory.
    fn request(&mut self, line: u64, request: Request) -> ServedBy {
        let (served_by, _) = self.request_as(line, request, MemoryType::WriteBack);
        served_by
    }

    /// Requests the line with this number: who served it, and after how many cycles.
    fn request_as(
        &mut self,
        line: u64,
        request: Request,
        memory_type: MemoryType,
    ) -> (ServedBy, u64) {
        let at = PhysAddr::new(line * LINE_BYTES);
        let response = self.access(ONE, at, request, memory_type);
        (response.served_by, response.latency.as_u64())
    }

    /// The lines of a cache that a processor's requests meet, by number, and whether each is
    /// dirty.
    fn held_by(&self, by: ProcessorId, id: CacheId) -> Vec<(u64, bool)> {
        let own = &self.processors[by.index()];
        let cache = own.caches.get(id.index()).unwrap_or(&self.shared.llc);
        let lines = cache.iter();
        let mut held: Vec<_> = lines
            .map(|(line, state)| (line.number(), state.is_dirty()))
            .collect();
        held.sort_unstable();
        held
    }

    /// The lines of a cache of the first processor, by number, and whether each is dirty.
    fn held(&self, id: CacheId) -> Vec<(u64, bool)> {
        self.held_by(ONE, id)
    }
}

#[test]
fn each_level_serves_with_its_own_latency() {
    for (request, l1) in [
        (Request::Fetch, 3),
        (Request::Read, 4),
        (Request::Write, 4),
        (Request::ReadModifyWrite, 4),
        (Request::WalkRead, 4),
        (Request::WalkUpdate, 4),
    ] {
        let mut caches = hierarchy(TINY, WalkPort::L1d);
        let mut response = |line: u64| caches.request_as(line, request, MemoryType::WriteBack);
        assert_eq!(response(0), (MEMORY, 200), "{request:?}");
        assert_eq!(response(0), (L1, l1), "{request:?}");
        // Two lines more push it out of the L1, but not out of the L2.
        assert_eq!(response(1), (MEMORY, 200), "{request:?}");
        assert_eq!(response(2), (MEMORY, 200), "{request:?}");
        assert_eq!(response(0), (L2, 14), "{request:?}");
        // Four lines more push it out of the L2, but not out of the LLC.
        for line in 3..7 {
            assert_eq!(response(line), (MEMORY, 200), "{request:?}");
        }
        assert_eq!(response(0), (LLC, 50), "{request:?}");
        assert_eq!(response(0), (L1, l1), "{request:?}");
        // Eight lines more push it out of everything.
        for line in 7..15 {
            assert_eq!(response(line), (MEMORY, 200), "{request:?}");
        }
        assert_eq!(response(0), (MEMORY, 200), "{request:?}");
    }
}

#[test]
fn the_bytes_of_a_line_share_it_and_the_next_byte_does_not() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    let mut at = |address| {
        caches
            .access(
                ONE,
                PhysAddr::new(address),
                Request::Read,
                MemoryType::WriteBack,
            )
            .served_by
    };
    assert_eq!(at(0x1000), MEMORY);
    assert_eq!(at(0x103f), L1);
    assert_eq!(at(0x1040), MEMORY);
    assert_eq!(at(0xfff), MEMORY);
}

#[test]
fn the_last_line_of_the_address_space_is_a_line() {
    let mut caches = hierarchy(TINY, WalkPort::L2);
    for request in Request::ALL {
        caches.access(ONE, PhysAddr::new(u64::MAX), request, MemoryType::WriteBack);
    }
    assert_eq!(caches.held(CacheId::L1d), [(u64::MAX / LINE_BYTES, true)]);
}

#[test]
fn a_fill_leaves_the_line_in_every_cache_on_its_way() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    caches.request(5, Request::Read);
    assert_eq!(caches.held(CacheId::L1i), []);
    for id in [CacheId::L1d, CacheId::L2, CacheId::Llc] {
        assert_eq!(caches.held(id), [(5, false)], "{id}");
    }
}

#[test]
fn a_write_allocates_and_is_dirty_only_where_it_enters() {
    for request in [Request::Write, Request::ReadModifyWrite] {
        let mut caches = hierarchy(TINY, WalkPort::L1d);
        assert_eq!(caches.request(5, request), MEMORY);
        assert_eq!(caches.request(5, Request::Read), L1);
        assert_eq!(caches.held(CacheId::L1d), [(5, true)]);
        assert_eq!(caches.held(CacheId::L2), [(5, false)]);
        assert_eq!(caches.held(CacheId::Llc), [(5, false)]);
        assert_eq!(caches.counters(ONE).memory_reads(), 1);
    }
}

#[test]
fn a_write_that_hits_makes_the_line_dirty() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    caches.request(5, Request::Read);
    assert_eq!(caches.held(CacheId::L1d), [(5, false)]);
    assert_eq!(caches.request(5, Request::Write), L1);
    assert_eq!(caches.held(CacheId::L1d), [(5, true)]);
}

/// Room for one line a cache: each new line pushes the one before out of all of them.
#[test]
fn a_dirty_line_goes_down_by_write_backs_alone() {
    let mut caches = hierarchy(SINGLE, WalkPort::L1d);
    caches.request(1, Request::Write);
    // Line 2 comes to the LLC and the L2 first; line 1 then leaves the L1D and is allocated
    // in the L2, in place of line 2, which is clean.
    caches.request(2, Request::Read);
    assert_eq!(caches.held(CacheId::L1d), [(2, false)]);
    assert_eq!(caches.held(CacheId::L2), [(1, true)]);
    assert_eq!(caches.held(CacheId::Llc), [(2, false)]);
    // Line 3 pushes line 1 on to the LLC.
    caches.request(3, Request::Read);
    assert_eq!(caches.held(CacheId::L2), [(3, false)]);
    assert_eq!(caches.held(CacheId::Llc), [(1, true)]);
    assert_eq!(caches.counters(ONE).memory_write_backs(), 0);
    // And line 4 pushes it out to memory.
    caches.request(4, Request::Read);
    let counters = caches.counters(ONE);
    assert_eq!(counters.memory_write_backs(), 1);
    let write_backs = CacheId::ALL.map(|id| counters.write_backs(id));
    assert_eq!(write_backs, [0, 1, 1, 1]);
    // The fills of lines 2, 3 and 4 evict one line a level. Line 1 besides evicts line 2
    // from the L2, and line 3 from the LLC.
    let evictions = CacheId::ALL.map(|id| counters.evictions(id));
    assert_eq!(evictions, [0, 3, 4, 4]);
    assert_eq!(counters.memory_reads(), 4);
}

/// One fill whose every step has a dirty line to push out.
#[test]
fn one_fill_may_write_back_at_every_level_and_again() {
    let mut caches = hierarchy(SINGLE, WalkPort::L1d);
    for line in [1, 2, 3] {
        caches.request(line, Request::Write);
    }
    // Line 1 went to the L2 when line 2 came, and to the LLC when line 3 came, which also
    // brought line 2 to the L2.
    assert_eq!(caches.held(CacheId::L1d), [(3, true)]);
    assert_eq!(caches.held(CacheId::L2), [(2, true)]);
    assert_eq!(caches.held(CacheId::Llc), [(1, true)]);
    let write_backs =
        |caches: &CacheSystem| CacheId::ALL.map(|id| caches.counters(ONE).write_backs(id));
    assert_eq!(write_backs(&caches), [0, 2, 1, 0]);
    caches.request(4, Request::Write);
    assert_eq!(caches.held(CacheId::L1d), [(4, true)]);
    assert_eq!(caches.held(CacheId::L2), [(3, true)]);
    assert_eq!(caches.held(CacheId::Llc), [(2, true)]);
    assert_eq!(write_backs(&caches), [0, 3, 2, 1]);
}

#[test]
fn a_write_back_finds_the_copy_below_and_evicts_nothing() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    caches.request(1, Request::Write);
    caches.request(2, Request::Read);
    caches.request(3, Request::Read);
    assert_eq!(
        caches.held(CacheId::L2),
        [(1, true), (2, false), (3, false)]
    );
    assert_eq!(caches.counters(ONE).write_backs(CacheId::L1d), 1);
    assert_eq!(caches.counters(ONE).evictions(CacheId::L2), 0);
}

#[test]
fn a_clean_line_is_dropped_and_written_nowhere() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    for line in 0..100 {
        caches.request(line, Request::Read);
    }
    let counters = caches.counters(ONE);
    assert!(CacheId::ALL.iter().all(|&id| counters.write_backs(id) == 0));
    let evictions = CacheId::ALL.map(|id| counters.evictions(id));
    assert_eq!(evictions, [0, 98, 96, 92]);
}

/// Distinct lines, each written once, come to memory once each, but for those still held.
#[test]
fn a_stream_of_writes_comes_to_memory_once_each() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    for line in 0..1000 {
        assert_eq!(caches.request(line, Request::Write), MEMORY);
    }
    let dirty: usize = CacheId::ALL
        .iter()
        .map(|&id| caches.held(id).iter().filter(|(_, dirty)| *dirty).count())
        .sum();
    assert_eq!(
        caches.counters(ONE).memory_write_backs() + dirty as u64,
        1000
    );
    assert_eq!(caches.counters(ONE).write_backs(CacheId::L1d), 998);
}

#[test]
fn a_cyclic_walk_over_one_line_more_than_the_ways_never_hits() {
    let shape = [(4, 2), (8, 3), (16, 5), (20, 7)];
    for (id, level_beyond) in [
        (CacheId::L1d, L2),
        (CacheId::L2, LLC),
        (CacheId::Llc, MEMORY),
    ] {
        let mut caches = hierarchy(shape, WalkPort::L1d);
        let (_, ways) = shape[id.index()];
        // A stride that is a multiple of every number of sets: one set in every cache.
        let lines = (0..=u64::from(ways)).map(|way| way * 80 + 3);
        for line in lines.clone() {
            assert_eq!(caches.request(line, Request::Read), MEMORY);
        }
        for line in lines.cycle().take(500) {
            assert_eq!(caches.request(line, Request::Read), level_beyond, "{id}");
        }
    }
}

#[test]
fn instructions_and_data_share_the_l2_but_no_l1() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    assert_eq!(caches.request(1, Request::Fetch), MEMORY);
    assert_eq!(caches.request(1, Request::Read), L2);
    assert_eq!(caches.request(1, Request::Fetch), L1);
    assert_eq!(caches.request(1, Request::Read), L1);
    // Filling the one evicts nothing from the other.
    caches.request(2, Request::Read);
    caches.request(3, Request::Read);
    assert_eq!(caches.request(1, Request::Fetch), L1);
    assert_eq!(caches.request(1, Request::Read), L2);
}

#[test]
fn a_walk_that_enters_the_l1d_shares_it_with_the_program() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    assert_eq!(caches.request(1, Request::WalkRead), MEMORY);
    assert_eq!(caches.request(1, Request::Read), L1);
    assert_eq!(caches.request(1, Request::WalkUpdate), L1);
    assert_eq!(caches.held(CacheId::L1d), [(1, true)]);
}

#[test]
fn a_walk_that_enters_the_l2_leaves_the_l1d_alone() {
    let mut caches = hierarchy(TINY, WalkPort::L2);
    caches.request(1, Request::Read);
    caches.request(2, Request::Read);
    let l1d = caches.held(CacheId::L1d);
    assert_eq!(caches.request(3, Request::WalkRead), MEMORY);
    assert_eq!(caches.request(3, Request::WalkRead), L2);
    assert_eq!(caches.request(4, Request::WalkUpdate), MEMORY);
    assert_eq!(caches.request(2, Request::WalkRead), L2);
    assert_eq!(caches.held(CacheId::L1d), l1d);
    assert_eq!(
        caches.held(CacheId::L2),
        [(1, false), (2, false), (3, false), (4, true)]
    );
    assert_eq!(caches.held(CacheId::Llc)[3], (4, false));
    // The walk's look-ups were no use of line 2 in the L1D, nor of line 1.
    assert_eq!(caches.request(1, Request::Read), L1);
}

#[test]
fn a_walk_past_a_dirty_l1d_line_does_not_lose_it() {
    let mut caches = hierarchy([(1, 1), (1, 1), (1, 2), (1, 8)], WalkPort::L2);
    caches.request(1, Request::Write);
    // Walks push the line out of the L2; the L1D's copy stays, and stays dirty.
    caches.request(2, Request::WalkRead);
    caches.request(3, Request::WalkRead);
    assert_eq!(caches.held(CacheId::L2), [(2, false), (3, false)]);
    // A walk to the line itself is served by the LLC, as the model has no snoops.
    assert_eq!(caches.request(1, Request::WalkRead), LLC);
    assert_eq!(caches.held(CacheId::L2), [(1, false), (3, false)]);
    assert_eq!(caches.held(CacheId::L1d), [(1, true)]);
    // The L1D writes it back when it has to make room.
    caches.request(4, Request::Read);
    assert_eq!(caches.held(CacheId::L2), [(1, true), (4, false)]);
}

#[test]
fn hits_and_misses_follow_from_where_requests_enter() {
    let mut caches = hierarchy(TINY, WalkPort::L2);
    for request in [Request::Fetch, Request::Read, Request::WalkRead] {
        caches.request(1, request);
        caches.request(1, request);
    }
    // Fetch: memory, L1I. Read: L2, L1D. Walk: L2, L2.
    let counters = caches.counters(ONE);
    let hits = |request| CacheId::ALL.map(|id| counters.hits(id, request));
    let misses = |request| CacheId::ALL.map(|id| counters.misses(id, request));
    assert_eq!(hits(Request::Fetch), [1, 0, 0, 0]);
    assert_eq!(misses(Request::Fetch), [1, 0, 1, 1]);
    assert_eq!(hits(Request::Read), [0, 1, 1, 0]);
    assert_eq!(misses(Request::Read), [0, 1, 0, 0]);
    assert_eq!(hits(Request::WalkRead), [0, 0, 2, 0]);
    assert_eq!(misses(Request::WalkRead), [0; 4]);
    assert_eq!(counters.memory_reads(), 1);
}

#[test]
fn resetting_the_counters_leaves_the_lines() {
    let mut caches = hierarchy(TINY, WalkPort::L1d);
    for line in 0..20 {
        caches.request(line, Request::Write);
    }
    caches.reset_counters();
    assert_eq!(caches.counters(ONE), &Counters::new(WalkPort::L1d));
    assert_eq!(caches.request(19, Request::Read), L1);
    assert_eq!(caches.counters(ONE).served(Request::Read, L1), 1);
}

/// A 30 MiB LLC of 40960 sets: only lines a multiple of 40960 apart compete.
#[test]
fn an_llc_of_sets_that_are_no_power_of_two_uses_them_all() {
    const LINES: u64 = 40960 * 12;
    let shape = [(64, 8), (64, 8), (256, 4), (40960, 12)];
    let mut caches = hierarchy(shape, WalkPort::L1d);
    for line in 0..LINES {
        assert_eq!(caches.request(line, Request::Read), MEMORY);
    }
    assert_eq!(caches.counters(ONE).evictions(CacheId::Llc), 0);
    assert_eq!(caches.held(CacheId::Llc).len() as u64, LINES);
    // The next line takes the place of line 0, the oldest of its set, and of no other.
    assert_eq!(caches.request(LINES, Request::Read), MEMORY);
    assert_eq!(caches.request(1, Request::Read), LLC);
    assert_eq!(caches.request(40960, Request::Read), LLC);
    assert_eq!(caches.request(0, Request::Read), MEMORY);
}

#[test]
fn the_error_names_the_cache() {
    let bad = LevelConfig {
        index: IndexFunction::Xor { bits: 3 },
        ..level(12, 2, 1)
    };
    let error = CacheSystem::new(&HierarchyConfig {
        l2: bad,
        ..config(TINY, WalkPort::L1d)
    })
    .unwrap_err();
    assert_eq!(
        error,
        ConfigError::Cache {
            cache: CacheId::L2,
            source: GeometryError::IndexBits { bits: 3, sets: 12 }
        }
    );
    assert_eq!(alloc::format!("{error}"), "the L2 cannot be built");
}

#[test]
fn there_is_at_least_one_write_combining_buffer() {
    let config = |combining_buffers| HierarchyConfig {
        combining_buffers,
        ..config(TINY, WalkPort::L1d)
    };
    assert!(CacheSystem::new(&config(1)).is_ok());
    let error = CacheSystem::new(&config(0)).unwrap_err();
    assert_eq!(
        error,
        ConfigError::CombiningBuffers {
            count: 0,
            source: GeometryError::Empty { sets: 1, ways: 0 }
        }
    );
    let text = "there cannot be 0 write-combining buffers";
    assert_eq!(alloc::format!("{error}"), text);
}
