//! What processors see of each other. The protocol is MESI (SDM vol. 3, 12.4).

use super::*;
use crate::{Inclusion, NextLine, Prefetch, Stride};

const TWO: ProcessorId = processor(1);

const fn processor(number: u32) -> ProcessorId {
    match ProcessorId::new(number) {
        Some(processor) => processor,
        None => panic!(),
    }
}

fn of_processors(processors: u32, inclusion: Inclusion) -> CacheSystem {
    CacheSystem::new(&HierarchyConfig {
        processors,
        inclusion,
        ..config(TINY, WalkPort::L1d)
    })
    .unwrap()
}

impl CacheSystem {
    fn asked(&mut self, by: ProcessorId, line: u64, request: Request) -> (ServedBy, u64) {
        let at = PhysAddr::new(line * LINE_BYTES);
        let response = self.access(by, at, request, MemoryType::WriteBack);
        (response.served_by, response.latency.as_u64())
    }
}

const EVERY: [Inclusion; 3] = [Inclusion::Free, Inclusion::Inclusive, Inclusion::Exclusive];

#[test]
fn processors_read_a_clean_line_side_by_side() {
    let mut caches = of_processors(2, Inclusion::Free);
    assert_eq!(caches.asked(ONE, 5, Request::Read), (MEMORY, 200));
    assert_eq!(caches.asked(TWO, 5, Request::Read), (LLC, 50));
    assert_eq!(caches.asked(ONE, 5, Request::Read), (L1, 4));
    assert_eq!(caches.asked(TWO, 5, Request::Read), (L1, 4));
    assert_eq!(caches.total().memory_reads(), 1);
    assert_eq!(caches.counters(TWO).memory_reads(), 0);
}

/// Table 12-4: a line is modified in one processor's caches only. It is written back, both
/// have it clean then, and no one writes it back again.
#[test]
fn a_read_of_what_another_wrote_makes_both_copies_clean() {
    for inclusion in EVERY {
        let mut caches = of_processors(2, inclusion);
        caches.asked(ONE, 5, Request::Write);
        assert_eq!(caches.asked(TWO, 5, Request::Read), (PEER, 80));
        assert_eq!(caches.held_by(ONE, CacheId::L1d), [(5, false)]);
        assert_eq!(caches.held_by(TWO, CacheId::L1d), [(5, false)]);
        assert_eq!(caches.counters(TWO).peer_write_backs(), 1);
        let exclusive = inclusion == Inclusion::Exclusive;
        let in_llc: &[_] = if exclusive { &[] } else { &[(5, true)] };
        assert_eq!(caches.held_by(ONE, CacheId::Llc), in_llc);
        let to_memory = u64::from(exclusive);
        assert_eq!(caches.counters(TWO).memory_write_backs(), to_memory);
    }
}

#[test]
fn a_write_takes_the_line_from_all_others() {
    for inclusion in EVERY {
        for request in [
            Request::Write,
            Request::ReadModifyWrite,
            Request::WalkUpdate,
        ] {
            let mut caches = of_processors(3, inclusion);
            caches.asked(ONE, 5, Request::Fetch);
            caches.asked(ONE, 5, Request::Read);
            caches.asked(processor(2), 5, Request::Read);
            let (_, latency) = caches.asked(TWO, 5, request);
            assert_eq!(latency, 80);
            for other in [ONE, processor(2)] {
                for id in CacheId::PRIVATE {
                    assert_eq!(caches.held_by(other, id), []);
                }
            }
            let lost = CacheId::ALL.map(|id| caches.counters(ONE).invalidations(id));
            assert_eq!(lost, [1, 1, 1, 0]);
            assert_eq!(caches.counters(TWO).invalidations(CacheId::L1d), 0);
            assert_eq!(caches.held_by(TWO, CacheId::L1d), [(5, true)]);
        }
    }
}

/// A processor that has a line alone writes to it without a word; one that shares it asks.
#[test]
fn only_a_write_to_a_shared_line_is_an_upgrade() {
    let mut caches = of_processors(2, Inclusion::Free);
    caches.asked(ONE, 5, Request::Read);
    assert_eq!(caches.asked(ONE, 5, Request::Write), (L1, 4));
    assert_eq!(caches.total().upgrades(), 0);
    caches.asked(TWO, 5, Request::Read);
    // What ONE wrote is clean now, and shared.
    assert_eq!(caches.asked(ONE, 5, Request::Write), (L1, 80));
    assert_eq!(caches.counters(ONE).upgrades(), 1);
    assert_eq!(caches.counters(TWO).invalidations(CacheId::L1d), 1);
    assert_eq!(caches.asked(ONE, 5, Request::Write), (L1, 4));
    assert_eq!(caches.counters(ONE).upgrades(), 1);
}

/// An eviction tells nobody, so that the write still asks; there is no one to wait for.
#[test]
fn an_upgrade_that_finds_no_other_copy_costs_nothing() {
    let mut caches = of_processors(2, Inclusion::Free);
    caches.asked(TWO, 5, Request::Read);
    caches.asked(ONE, 5, Request::Read);
    for line in 10..14 {
        caches.asked(TWO, line, Request::Read);
    }
    assert_eq!(caches.asked(ONE, 5, Request::Write), (L1, 4));
    assert_eq!(caches.counters(ONE).upgrades(), 1);
    assert_eq!(caches.total().invalidations(CacheId::L1d), 0);
}

#[test]
fn a_line_that_two_write_in_turn_moves_to_and_fro() {
    let mut caches = of_processors(2, Inclusion::Free);
    caches.asked(ONE, 5, Request::Write);
    for _ in 0..10 {
        assert_eq!(caches.asked(TWO, 5, Request::Write), (PEER, 80));
        assert_eq!(caches.asked(ONE, 5, Request::Write), (PEER, 80));
    }
    assert_eq!(caches.counters(ONE).peer_write_backs(), 10);
    assert_eq!(caches.counters(TWO).invalidations(CacheId::L1d), 10);
    assert_eq!(caches.total().memory_write_backs(), 0);
}

/// Code that another processor writes is fetched anew. The writer's own L1I is left alone.
#[test]
fn a_write_drops_the_code_that_others_fetched() {
    let mut caches = of_processors(2, Inclusion::Free);
    caches.asked(ONE, 5, Request::Fetch);
    caches.asked(TWO, 5, Request::Fetch);
    caches.asked(TWO, 5, Request::Write);
    assert_eq!(caches.asked(ONE, 5, Request::Fetch), (PEER, 80));
    assert_eq!(caches.asked(TWO, 5, Request::Fetch), (L1, 3));
}

#[test]
fn what_an_inclusive_llc_evicts_leaves_all_caches() {
    let mut caches = of_processors(2, Inclusion::Inclusive);
    caches.asked(ONE, 0, Request::Write);
    caches.asked(TWO, 1, Request::Read);
    // Eight more fill the LLC. ONE's line goes first, and with it what ONE wrote.
    for line in 2..10 {
        caches.asked(TWO, line, Request::Fetch);
    }
    assert_eq!(caches.held_by(ONE, CacheId::L1d), []);
    assert_eq!(caches.counters(ONE).back_invalidations(CacheId::L1d), 1);
    assert_eq!(caches.counters(TWO).back_invalidations(CacheId::L1d), 1);
    assert_eq!(caches.counters(TWO).evictions(CacheId::Llc), 2);
    assert_eq!(caches.counters(TWO).memory_write_backs(), 1);
    assert_eq!(caches.asked(ONE, 0, Request::Read), (MEMORY, 200));
}

#[test]
fn an_exclusive_llc_has_what_the_l2_evicted_and_gives_it_back() {
    let mut caches = of_processors(1, Inclusion::Exclusive);
    for line in 0..5 {
        assert_eq!(caches.asked(ONE, line, Request::Read), (MEMORY, 200));
    }
    assert_eq!(caches.held_by(ONE, CacheId::Llc), [(0, false)]);
    assert_eq!(caches.asked(ONE, 0, Request::Read), (LLC, 50));
    // The one line came, and the next went.
    assert_eq!(caches.held_by(ONE, CacheId::Llc), [(1, false)]);
}

/// What is dirty in the LLC is as dirty in the L2 that takes it.
#[test]
fn a_dirty_line_returns_dirty_from_an_exclusive_llc() {
    let mut caches = of_processors(1, Inclusion::Exclusive);
    caches.asked(ONE, 0, Request::Write);
    for line in 1..7 {
        caches.asked(ONE, line, Request::Read);
    }
    assert!(caches.held_by(ONE, CacheId::Llc).contains(&(0, true)));
    assert_eq!(caches.asked(ONE, 0, Request::Read), (LLC, 50));
    assert!(caches.held_by(ONE, CacheId::L2).contains(&(0, true)));
    assert!(caches.held_by(ONE, CacheId::L1d).contains(&(0, false)));
    assert_eq!(caches.total().memory_write_backs(), 0);
}

/// A write of write-through memory goes to memory, and the others' copies are old then.
#[test]
fn a_write_through_drops_the_copies_of_others() {
    let mut caches = of_processors(2, Inclusion::Free);
    let at = PhysAddr::new(5 * LINE_BYTES);
    for by in [ONE, TWO] {
        caches.access(by, at, Request::Read, MemoryType::WriteThrough);
    }
    caches.access(ONE, at, Request::Write, MemoryType::WriteThrough);
    assert_eq!(caches.held_by(ONE, CacheId::L1d), [(5, false)]);
    assert_eq!(caches.held_by(TWO, CacheId::L1d), []);
    assert_eq!(caches.counters(TWO).invalidations(CacheId::L2), 1);
}

#[test]
fn a_processor_that_is_not_there_changes_nothing() {
    let mut caches = of_processors(2, Inclusion::Free);
    assert_eq!(caches.processors().collect::<Vec<_>>(), [ONE, TWO]);
    let absent = processor(63);
    for memory_type in MemoryType::ALL {
        let response = caches.access(absent, PhysAddr::new(0), Request::Write, memory_type);
        assert_eq!(
            (response.served_by, response.latency),
            (MEMORY, Cycles::new(200))
        );
    }
    assert_eq!(caches.counters(absent), &Counters::new(WalkPort::L1d));
    assert_eq!(caches.total(), Counters::new(WalkPort::L1d));
    assert_eq!(caches.held_by(ONE, CacheId::Llc), []);
}

#[test]
fn a_machine_has_1_to_64_processors() {
    for count in [0, 65, u32::MAX] {
        let error = CacheSystem::new(&HierarchyConfig {
            processors: count,
            ..config(TINY, WalkPort::L1d)
        });
        assert_eq!(error.unwrap_err(), ConfigError::Processors { count });
    }
    assert_eq!(of_processors(64, Inclusion::Free).processors().len(), 64);
}

#[test]
fn the_caches_of_all_processors_together_have_a_limit() {
    let largest = level(1 << 20, 1 << 6, 14);
    let error = CacheSystem::new(&HierarchyConfig {
        l2: largest,
        processors: 64,
        ..config(TINY, WalkPort::L1d)
    });
    let lines = 64 * ((1 << 26) + 4) + 8;
    assert_eq!(error.unwrap_err(), ConfigError::TooLarge { lines });
}

#[test]
fn the_stride_prefetcher_watches_a_page_and_looks_ahead_in_it() {
    let with = |lines, pages| {
        CacheSystem::new(&HierarchyConfig {
            prefetch: Prefetch {
                next_line: NextLine::Off,
                stride: Stride::Ahead { lines, pages },
            },
            ..config(TINY, WalkPort::L1d)
        })
    };
    assert!(with(1, 1).is_ok());
    assert!(with(63, 4096).is_ok());
    for lines in [0, 64, u32::MAX] {
        let error = with(lines, 1).unwrap_err();
        assert_eq!(error, ConfigError::StrideLines { lines });
    }
    for pages in [0, 4097, u32::MAX] {
        let error = with(1, pages).unwrap_err();
        assert!(matches!(error, ConfigError::StridePages { pages: got, .. } if got == pages));
    }
}
