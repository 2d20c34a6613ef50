//! What the prefetchers bring, and when.

use super::*;
use crate::{NextLine, Prefetch, Prefetcher, Stride};

/// Room enough for two pages in every cache.
const ROOMY: Shape = [(16, 8); 4];

fn with(next_line: NextLine, stride: Stride) -> CacheSystem {
    CacheSystem::new(&HierarchyConfig {
        prefetch: Prefetch { next_line, stride },
        ..config(ROOMY, WalkPort::L1d)
    })
    .unwrap()
}

fn next_line() -> CacheSystem {
    with(NextLine::On, Stride::Off)
}

fn strides(lines: u32) -> CacheSystem {
    with(NextLine::Off, Stride::Ahead { lines, pages: 2 })
}

fn in_l2(caches: &CacheSystem) -> Vec<u64> {
    let held = caches.held(CacheId::L2).into_iter();
    held.map(|(line, _)| line).collect()
}

#[test]
fn a_miss_of_the_program_brings_the_next_line() {
    for request in [Request::Read, Request::Write, Request::ReadModifyWrite] {
        let mut caches = next_line();
        assert_eq!(caches.request(5, request), MEMORY);
        let counters = caches.counters(ONE);
        assert_eq!(counters.prefetches(Prefetcher::NextLine), 1);
        assert_eq!(counters.demand_memory_reads(), 1);
        assert_eq!(counters.memory_reads(), 2);
        assert_eq!(caches.request(6, request), L1);
        assert_eq!(
            caches.counters(ONE).useful_prefetches(Prefetcher::NextLine),
            1
        );
        // Which was a hit: no more lines come, and it is useful only once.
        assert_eq!(caches.request(6, request), L1);
        assert_eq!(caches.request(7, request), MEMORY);
        assert_eq!(
            caches.counters(ONE).useful_prefetches(Prefetcher::NextLine),
            1
        );
    }
}

#[test]
fn fetches_and_walks_bring_no_next_line() {
    for request in [Request::Fetch, Request::WalkRead, Request::WalkUpdate] {
        let mut caches = next_line();
        caches.request(5, request);
        assert_eq!(caches.counters(ONE).prefetches(Prefetcher::NextLine), 0);
        assert_eq!(caches.counters(ONE).memory_reads(), 1);
    }
}

#[test]
fn the_last_line_of_a_page_has_no_next() {
    let mut caches = next_line();
    caches.request(63, Request::Read);
    caches.request(0xff_ffff_ffff_ffff, Request::Read);
    assert_eq!(caches.counters(ONE).prefetches(Prefetcher::NextLine), 0);
}

#[test]
fn a_next_line_that_is_there_is_not_brought() {
    let mut caches = next_line();
    caches.request(6, Request::Read);
    caches.request(5, Request::Read);
    assert_eq!(caches.counters(ONE).prefetches(Prefetcher::NextLine), 1);
}

#[test]
fn a_prefetched_line_that_is_lost_unasked_was_useless() {
    let mut caches = next_line();
    caches.request(5, Request::Read);
    let at = PhysAddr::new(6 * LINE_BYTES);
    caches.access(ONE, at, Request::Read, MemoryType::Uncacheable);
    let counters = caches.counters(ONE);
    assert_eq!(counters.useless_prefetches(Prefetcher::NextLine), 1);
    assert_eq!(counters.useful_prefetches(Prefetcher::NextLine), 0);
}

#[test]
fn the_second_equal_stride_brings_lines_ahead_to_the_l2() {
    let mut caches = strides(3);
    for line in [1, 4] {
        caches.request(line, Request::Read);
    }
    assert_eq!(in_l2(&caches), [1, 4]);
    caches.request(7, Request::Read);
    assert_eq!(in_l2(&caches), [1, 4, 7, 10, 13, 16]);
    assert_eq!(caches.held(CacheId::L1d).len(), 3);
    assert_eq!(caches.request(10, Request::Read), L2);
    let counters = caches.counters(ONE);
    assert_eq!(counters.useful_prefetches(Prefetcher::Stride), 1);
    // One more, to be three ahead again.
    assert_eq!(counters.prefetches(Prefetcher::Stride), 4);
    assert_eq!(in_l2(&caches), [1, 4, 7, 10, 13, 16, 19]);
}

#[test]
fn a_stride_may_go_down_and_ends_with_the_page() {
    let mut caches = strides(63);
    for line in [64 + 30, 64 + 20, 64 + 10] {
        caches.request(line, Request::Read);
    }
    assert_eq!(in_l2(&caches), [64, 74, 84, 94]);
    let mut caches = strides(63);
    for line in [43, 53, 63] {
        caches.request(line, Request::Read);
    }
    assert_eq!(in_l2(&caches), [43, 53, 63]);
}

#[test]
fn pages_have_strides_of_their_own_and_the_oldest_is_forgotten() {
    let mut caches = strides(1);
    for line in [0, 64, 1, 65, 2] {
        caches.request(line, Request::Read);
    }
    assert_eq!(in_l2(&caches), [0, 1, 2, 3, 64, 65]);
    // A third page takes the place of the second, which starts over.
    for line in [128, 66, 67] {
        caches.request(line, Request::Read);
    }
    assert_eq!(in_l2(&caches), [0, 1, 2, 3, 64, 65, 66, 67, 128]);
    caches.request(68, Request::Read);
    assert_eq!(caches.counters(ONE).prefetches(Prefetcher::Stride), 2);
    assert!(in_l2(&caches).contains(&69));
}
