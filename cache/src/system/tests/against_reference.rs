//! The caches against lists, and against rules of any caches. A failure names the seed of the
//! machine and its requests.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{
    machines::{Random, Requests, machine},
    reference::{List, Reference, Tally},
    *,
};
use crate::{Inclusion, Prefetcher, line::LineState};

/// The copies that a list has, as [`CacheSystem::copies`] gives them.
fn copies_of(list: &List) -> Vec<(u64, LineState)> {
    let copies = list.held().into_iter().map(|copy| {
        let state = match (copy.dirty, copy.shared) {
            (true, false) => LineState::DIRTY,
            (false, true) => LineState::SHARED,
            (false, false) => LineState::CLEAN,
            (true, true) => panic!("line {} is dirty and shared", copy.line),
        };
        let state = if copy.fresh {
            state.prefetched()
        } else {
            state
        };
        (copy.line, state)
    });
    copies.collect()
}

/// More than two million requests, of a thousand machines.
#[test]
fn the_caches_agree_with_lists() {
    let mut all = Counters::new(WalkPort::L1d);
    for seed in 0..1000 {
        let mut random = Random(seed);
        let config = machine(&mut random);
        let mut caches = CacheSystem::new(&config).unwrap();
        let mut reference = Reference::new(&config);
        let mut requests = Requests::new(&config, &mut random);
        for number in 0..2500 {
            let (by, line, request, memory_type) = requests.next();
            let at = PhysAddr::new(line * LINE_BYTES);
            let response = caches.access(by, at, request, memory_type);
            assert_eq!(
                (response.served_by, response.latency.as_u64()),
                reference.access(by.index(), line, request, memory_type),
                "seed {seed}, request {number}: {request:?} of line {line} as {memory_type} by {by}, {config:?}"
            );
        }
        let mut to_memory = 0;
        for by in caches.processors() {
            let counters = caches.counters(by);
            let tally = &reference.processors[by.index()].tally;
            assert_eq!(&Tally::of(counters), tally, "seed {seed}, {by}");
            to_memory += counters.memory_write_backs();
            for id in CacheId::ALL {
                let copies = caches.copies(by, id);
                let list = copies_of(reference.list(by.index(), id));
                assert_eq!(copies, list, "seed {seed}, {by}, {id}");
            }
        }
        assert_eq!(to_memory, reference.to_memory.len() as u64, "seed {seed}");
        assert_eq!(caches.total().memory_write_backs(), to_memory);
        all += &caches.total();
    }
    check_that_everything_happened(&all);
}

/// The streams are good for something.
fn check_that_everything_happened(all: &Counters) {
    const OFTEN: u64 = 1000;
    for by in ServedBy::ALL {
        for kind in Request::ALL {
            assert!(all.served(kind, by) > OFTEN, "{kind:?} {by}");
        }
        for prefetcher in Prefetcher::ALL {
            let happens = by > prefetcher.fills().level();
            let count = all.prefetched_from(prefetcher, by);
            assert_eq!(count > OFTEN, happens, "{prefetcher} {by}");
        }
    }
    for prefetcher in Prefetcher::ALL {
        assert!(all.useful_prefetches(prefetcher) > OFTEN, "{prefetcher}");
        assert!(all.useless_prefetches(prefetcher) > OFTEN, "{prefetcher}");
    }
    for id in CacheId::PRIVATE {
        assert!(all.invalidations(id) > OFTEN, "{id}");
        assert!(all.back_invalidations(id) > OFTEN, "{id}");
    }
    assert!(all.upgrades() > OFTEN);
    assert!(all.peer_write_backs() > OFTEN);
    assert!(all.snoop_write_backs() > OFTEN);
}

/// A line that was written is dirty somewhere until a write-back to memory that is counted
/// takes the last dirty copy away. Of the caches themselves, not of the lists.
#[test]
fn no_dirty_line_is_lost() {
    for seed in 1000..1150 {
        let mut random = Random(seed);
        let config = machine(&mut random);
        let mut caches = CacheSystem::new(&config).unwrap();
        let mut requests = Requests::new(&config, &mut random);
        let mut unsaved = BTreeSet::new();
        let mut written_back = 0;
        for _ in 0..600 {
            let (by, line, request, memory_type) = requests.next();
            caches.access(by, PhysAddr::new(line * LINE_BYTES), request, memory_type);
            if request.writes() && memory_type == MemoryType::WriteBack {
                unsaved.insert(line);
            }
            let dirty: BTreeSet<_> = caches.dirty_lines().collect();
            assert!(dirty.is_subset(&unsaved), "seed {seed}: nobody wrote it");
            let gone = unsaved.difference(&dirty).count() as u64;
            let now = caches.total().memory_write_backs();
            assert!(gone <= now - written_back, "seed {seed}: {gone} lines gone");
            written_back = now;
            unsaved = dirty;
        }
    }
}

/// The same of the lists, where the line that goes to memory is known.
#[test]
fn the_lists_lose_no_dirty_line() {
    for seed in 2000..2150 {
        let mut random = Random(seed);
        let config = machine(&mut random);
        let mut reference = Reference::new(&config);
        let mut requests = Requests::new(&config, &mut random);
        let mut unsaved = BTreeSet::new();
        for _ in 0..600 {
            let (by, line, request, memory_type) = requests.next();
            reference.access(by.index(), line, request, memory_type);
            if request.writes() && memory_type == MemoryType::WriteBack {
                unsaved.insert(line);
            }
            for saved in reference.to_memory.drain(..) {
                unsaved.remove(&saved);
            }
            let owned = reference.processors.iter().flat_map(|own| &own.caches);
            let held = owned.chain([&reference.llc]).flat_map(List::held);
            let dirty: BTreeSet<_> = held
                .filter_map(|copy| copy.dirty.then_some(copy.line))
                .collect();
            assert!(unsaved.is_subset(&dirty), "seed {seed}");
        }
    }
}

/// MESI: who may write without asking has the only copies. And what each inclusion promises.
#[test]
fn copies_are_where_they_may_be() {
    for seed in 3000..3200 {
        let mut random = Random(seed);
        let config = machine(&mut random);
        let mut caches = CacheSystem::new(&config).unwrap();
        let mut requests = Requests::new(&config, &mut random);
        for _ in 0..400 {
            let (by, line, request, memory_type) = requests.next();
            caches.access(by, PhysAddr::new(line * LINE_BYTES), request, memory_type);
            caches.check_ownership(line);
            caches.check_inclusion(config.inclusion);
        }
    }
}

impl CacheSystem {
    /// The copies that a cache has, by the number of the line.
    fn copies(&self, by: ProcessorId, id: CacheId) -> Vec<(u64, LineState)> {
        let own = &self.processors[by.index()];
        let cache = own.caches.get(id.index()).unwrap_or(&self.shared.llc);
        let mut copies: Vec<_> = cache
            .iter()
            .map(|(line, state)| (line.number(), state))
            .collect();
        copies.sort_unstable_by_key(|&(line, _)| line);
        copies
    }

    fn dirty_lines(&self) -> impl Iterator<Item = u64> {
        let private = self.processors.iter().flat_map(|own| &own.caches);
        let copies = private.chain([&self.shared.llc]).flat_map(Cache::iter);
        copies.filter_map(|(line, state)| state.is_dirty().then_some(line.number()))
    }

    fn check_ownership(&self, line: u64) {
        let line = Line::holding(PhysAddr::new(line * LINE_BYTES));
        let states: Vec<Vec<_>> = self
            .processors
            .iter()
            .map(|own| {
                own.caches
                    .iter()
                    .filter_map(|cache| cache.peek(line))
                    .collect()
            })
            .filter(|states: &Vec<_>| !states.is_empty())
            .collect();
        let owned = states.iter().flatten().any(|state| !state.is_shared());
        assert!(states.len() <= 1 || !owned, "{line:?}: {states:?}");
    }

    fn check_inclusion(&self, inclusion: Inclusion) {
        for own in &self.processors {
            for (id, cache) in CacheId::PRIVATE.into_iter().zip(&own.caches) {
                for (line, _) in cache.iter() {
                    let below = self.shared.llc.peek(line).is_some();
                    match inclusion {
                        Inclusion::Free => {}
                        Inclusion::Inclusive => assert!(below, "{line:?} is in an {id} alone"),
                        Inclusion::Exclusive => {
                            assert!(!below || id != CacheId::L2, "{line:?} is in both");
                        }
                    }
                }
            }
        }
    }
}

/// Whether the caches are asked for the line, so that the request counts as a hit or a miss.
fn asks_the_caches(request: Request, memory_type: MemoryType) -> bool {
    match memory_type {
        MemoryType::WriteBack => true,
        MemoryType::WriteThrough | MemoryType::WriteProtected => request != Request::Write,
        MemoryType::Uncacheable | MemoryType::WriteCombining => false,
    }
}

#[test]
fn the_counters_add_up() {
    for seed in 4000..4300 {
        let mut random = Random(seed);
        let config = machine(&mut random);
        let mut caches = CacheSystem::new(&config).unwrap();
        let mut requests = Requests::new(&config, &mut random);
        let made: Vec<_> = (0..2000).map(|_| requests.next()).collect();
        for &(by, line, request, memory_type) in &made {
            caches.access(by, PhysAddr::new(line * LINE_BYTES), request, memory_type);
        }
        for by in caches.processors() {
            let own = made.iter().filter(|&&(maker, ..)| maker == by);
            let own: Vec<_> = own.map(|&(_, _, kind, of)| (kind, of)).collect();
            check_requests(caches.counters(by), &own, config.walks_enter);
            check_lines(&caches, by);
        }
        check_memory(&caches, config.inclusion);
    }
}

/// Each request is counted once, and met the caches on its way.
fn check_requests(counters: &Counters, made: &[(Request, MemoryType)], walks_enter: WalkPort) {
    use MemoryType::{Uncacheable, WriteCombining, WriteProtected, WriteThrough};
    for kind in Request::ALL {
        let asked = made
            .iter()
            .filter(|&&(request, of)| request == kind && asks_the_caches(request, of))
            .count() as u64;
        assert_eq!(counters.requests(kind), asked);
        let beyond = counters.served(kind, PEER) + counters.served(kind, MEMORY);
        let mut reached = asked;
        let first = kind.enters(walks_enter);
        for &id in [first].iter().chain(first.below()) {
            assert_eq!(counters.hits(id, kind) + counters.misses(id, kind), reached);
            reached = counters.misses(id, kind);
        }
        assert_eq!(reached, beyond);
        let hits: u64 = CacheId::ALL.iter().map(|&id| counters.hits(id, kind)).sum();
        assert_eq!(hits + beyond, asked);
    }
    let of = |wanted: &[MemoryType], does: fn(Request) -> bool| {
        let wanted =
            |&&(request, of): &&(Request, MemoryType)| wanted.contains(&of) && does(request);
        made.iter().filter(wanted).count() as u64
    };
    let uncached = of(&[Uncacheable, WriteCombining], Request::reads);
    assert_eq!(counters.uncached_reads(), uncached);
    assert_eq!(
        counters.uncached_writes(),
        of(&[Uncacheable], Request::writes)
    );
    let through = of(&[WriteThrough, WriteProtected], Request::writes);
    assert_eq!(counters.write_throughs(), through);
    let gathered = counters.combined_writes() + counters.opened_buffers();
    assert_eq!(gathered, of(&[WriteCombining], Request::writes));
    let open = counters.opened_buffers() - counters.flushed_buffers();
    assert!(open <= u64::from(BUFFERS));
}

/// What came into a private cache is still there, or was lost in a way that is counted.
fn check_lines(caches: &CacheSystem, by: ProcessorId) {
    let counters = caches.counters(by);
    let left = |id| {
        let asked = counters.drops(id) + counters.invalidations(id);
        asked + counters.evictions(id) + counters.back_invalidations(id)
    };
    for id in [CacheId::L1i, CacheId::L1d] {
        let misses: u64 = Request::ALL
            .iter()
            .map(|&kind| counters.misses(id, kind))
            .sum();
        let prefetches = match id {
            CacheId::L1d => counters.prefetches(Prefetcher::NextLine),
            _ => 0,
        };
        let held = caches.copies(by, id).len() as u64;
        assert_eq!(misses + prefetches, left(id) + held);
    }
    for prefetcher in Prefetcher::ALL {
        let copies = caches.copies(by, prefetcher.fills());
        let waiting = copies
            .iter()
            .filter(|(_, state)| state.is_prefetched())
            .count() as u64;
        let found = counters.useful_prefetches(prefetcher);
        let lost = counters.useless_prefetches(prefetcher);
        assert_eq!(counters.prefetches(prefetcher), found + lost + waiting);
    }
    for id in CacheId::ALL {
        assert!(counters.write_backs(id) <= counters.evictions(id));
    }
}

fn check_memory(caches: &CacheSystem, inclusion: Inclusion) {
    let total = caches.total();
    let evicted = total.write_backs(CacheId::Llc) + total.snoop_write_backs();
    let written = match inclusion {
        Inclusion::Exclusive => evicted + total.peer_write_backs(),
        Inclusion::Free | Inclusion::Inclusive => evicted,
    };
    assert_eq!(total.memory_write_backs(), written);
    let held = caches.copies(ONE, CacheId::Llc).len() as u64;
    let arrived = total.evictions(CacheId::Llc) + total.drops(CacheId::Llc) + held;
    match inclusion {
        Inclusion::Exclusive => {}
        Inclusion::Free | Inclusion::Inclusive => assert!(total.memory_reads() <= arrived),
    }
    let by_prefetchers: u64 = Prefetcher::ALL
        .iter()
        .map(|&prefetcher| total.prefetched_from(prefetcher, MEMORY))
        .sum();
    let reads = total.demand_memory_reads() + by_prefetchers;
    assert_eq!(total.memory_reads(), reads);
}
