use alloc::{collections::BTreeSet, vec::Vec};

use MemoryType::{Uncacheable, WriteCombining, WriteProtected, WriteThrough};
use proptest::{prelude::*, sample::select};

use super::{
    reference::{List, Reference, Typed},
    *,
};

/// Up to 4 sets of up to 4 ways in an L1, up to 7 of 6 in the LLC: small enough for streams
/// of a few thousand requests to fill and empty every set many times over.
fn shape() -> impl Strategy<Value = Shape> {
    let l1 = || (1u32..5, 1u32..5);
    (l1(), l1(), (1u32..6, 1u32..6), (1u32..8, 1u32..7)).prop_map(<[_; 4]>::from)
}

fn walk_port() -> impl Strategy<Value = WalkPort> {
    select(&[WalkPort::L1d, WalkPort::L2])
}

/// Half of the requests are to write-back memory.
fn memory_type() -> impl Strategy<Value = MemoryType> {
    prop_oneof![Just(MemoryType::WriteBack), select(&MemoryType::ALL)]
}

/// Requests with some locality: half of them go to a quarter of the lines. Any line may be
/// accessed as memory of any type.
fn requests(most: usize) -> impl Strategy<Value = Vec<(u64, Request, MemoryType)>> {
    let line = prop_oneof![0u64..16, 0u64..64];
    prop::collection::vec((line, select(&Request::ALL), memory_type()), most / 2..most)
}

/// Whether the caches are asked for the line, so that the request counts as a hit or a miss.
fn asks_the_caches(request: Request, memory_type: MemoryType) -> bool {
    match memory_type {
        MemoryType::WriteBack => true,
        MemoryType::WriteThrough | MemoryType::WriteProtected => request != Request::Write,
        MemoryType::Uncacheable | MemoryType::WriteCombining => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_hierarchy_agrees_with_lists(
        shape in shape(),
        walks_enter in walk_port(),
        requests in requests(4000),
    ) {
        let mut caches = hierarchy(shape, walks_enter);
        let mut reference = Reference::new(shape, walks_enter);
        for &(line, request, memory_type) in &requests {
            prop_assert_eq!(
                caches.request_as(line, request, memory_type),
                reference.access(line, request, memory_type)
            );
        }
        let counters = caches.counters(ONE);
        let lists = [&reference.l1i, &reference.l1d, &reference.l2, &reference.llc];
        for (id, list) in CacheId::ALL.into_iter().zip(lists) {
            prop_assert_eq!(counters.write_backs(id), list.write_backs, "{}", id);
            prop_assert_eq!(counters.evictions(id), list.evictions, "{}", id);
            prop_assert_eq!(counters.drops(id), list.drops, "{}", id);
            prop_assert_eq!(caches.held(id), list.held(), "{}", id);
        }
        let typed = Typed {
            uncached_reads: counters.uncached_reads(),
            uncached_writes: counters.uncached_writes(),
            combined_writes: counters.combined_writes(),
            opened_buffers: counters.opened_buffers(),
            flushed_buffers: counters.flushed_buffers(),
            write_throughs: counters.write_throughs(),
            snoop_write_backs: counters.snoop_write_backs(),
        };
        prop_assert_eq!(&typed, &reference.typed);
        prop_assert_eq!(counters.memory_write_backs(), reference.to_memory.len() as u64);
    }

    /// A line that was written is dirty somewhere until a write-back to memory that is
    /// counted takes the last dirty copy away. Of the hierarchy itself, not of the lists.
    #[test]
    fn no_dirty_line_is_lost(
        shape in shape(),
        walks_enter in walk_port(),
        requests in requests(1000),
    ) {
        let mut caches = hierarchy(shape, walks_enter);
        let mut unsaved = BTreeSet::new();
        let mut written_back = 0;
        for &(line, request, memory_type) in &requests {
            caches.request_as(line, request, memory_type);
            if request.writes() && memory_type == MemoryType::WriteBack {
                unsaved.insert(line);
            }
            let held = CacheId::ALL.into_iter().flat_map(|id| caches.held(id));
            let dirty: BTreeSet<_> = held.filter_map(|(line, dirty)| dirty.then_some(line)).collect();
            prop_assert!(dirty.is_subset(&unsaved), "a line is dirty that nobody wrote");
            let gone = unsaved.difference(&dirty).count() as u64;
            let now = caches.counters(ONE).memory_write_backs();
            prop_assert!(gone <= now - written_back, "{} lines gone", gone);
            written_back = now;
            unsaved = dirty;
        }
    }

    /// The same of the lists, where the line that goes to memory is known.
    #[test]
    fn the_lists_lose_no_dirty_line(
        shape in shape(),
        walks_enter in walk_port(),
        requests in requests(1000),
    ) {
        let mut reference = Reference::new(shape, walks_enter);
        let mut unsaved = BTreeSet::new();
        for &(line, request, memory_type) in &requests {
            reference.access(line, request, memory_type);
            if request.writes() && memory_type == MemoryType::WriteBack {
                unsaved.insert(line);
            }
            for saved in reference.to_memory.drain(..) {
                unsaved.remove(&saved);
            }
            let lists = [&reference.l1d, &reference.l2, &reference.llc];
            let held = lists.into_iter().flat_map(List::held);
            let dirty: BTreeSet<_> = held.filter_map(|(line, dirty)| dirty.then_some(line)).collect();
            prop_assert!(unsaved.is_subset(&dirty));
        }
    }

    #[test]
    fn the_counters_add_up(
        shape in shape(),
        walks_enter in walk_port(),
        requests in requests(2000),
    ) {
        let mut caches = hierarchy(shape, walks_enter);
        for &(line, request, memory_type) in &requests {
            caches.request_as(line, request, memory_type);
        }
        let counters = caches.counters(ONE);
        for kind in Request::ALL {
            let made = requests
                .iter()
                .filter(|&&(_, request, of)| request == kind && asks_the_caches(request, of))
                .count() as u64;
            prop_assert_eq!(counters.requests(kind), made);
            let served: u64 = ServedBy::ALL.iter().map(|&by| counters.served(kind, by)).sum();
            prop_assert_eq!(served, made);
            let hits: u64 = CacheId::ALL.iter().map(|&id| counters.hits(id, kind)).sum();
            prop_assert_eq!(hits + counters.served(kind, MEMORY), made);
            prop_assert_eq!(counters.misses(CacheId::Llc, kind), counters.served(kind, MEMORY));
            let first = kind.enters(walks_enter);
            prop_assert_eq!(counters.hits(first, kind) + counters.misses(first, kind), made);
        }
        let of = |wanted: &[MemoryType], does: fn(Request) -> bool| {
            let wanted = |&&(_, request, of): &&_| wanted.contains(&of) && does(request);
            requests.iter().filter(wanted).count() as u64
        };
        let uncached = of(&[Uncacheable, WriteCombining], Request::reads);
        prop_assert_eq!(counters.uncached_reads(), uncached);
        prop_assert_eq!(counters.uncached_writes(), of(&[Uncacheable], Request::writes));
        let through = of(&[WriteThrough, WriteProtected], Request::writes);
        prop_assert_eq!(counters.write_throughs(), through);
        let gathered = counters.combined_writes() + counters.opened_buffers();
        prop_assert_eq!(gathered, of(&[WriteCombining], Request::writes));
        let open = counters.opened_buffers() - counters.flushed_buffers();
        prop_assert!(open <= u64::from(BUFFERS));
        // What came into a cache is still there, was evicted or dropped, and what came into the L1s
        // and the LLC came by requests or, into the LLC, by write-backs too.
        let left = |id| counters.evictions(id) + counters.drops(id);
        for id in [CacheId::L1i, CacheId::L1d] {
            let fills: u64 = Request::ALL.iter().map(|&kind| counters.misses(id, kind)).sum();
            prop_assert_eq!(fills, left(id) + caches.held(id).len() as u64);
        }
        let arrived = left(CacheId::Llc) + caches.held(CacheId::Llc).len() as u64;
        prop_assert!(counters.memory_reads() <= arrived);
        prop_assert!(arrived <= counters.memory_reads() + counters.write_backs(CacheId::L2));
        for id in CacheId::ALL {
            prop_assert!(counters.write_backs(id) <= counters.evictions(id));
        }
    }
}
