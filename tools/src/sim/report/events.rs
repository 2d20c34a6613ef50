use cache::ServedBy;
use mmu_core::PageSize;
use serde::{Serialize, Serializer};
use tlb::Stream;

use super::{TraceCounts, walks_completed};
use crate::{sim::Machine, trace::RecordKind};

/// Counts under the names of the performance events that count the same on Intel's
/// processors, in a fixed order.
#[derive(Clone, Debug)]
pub(super) struct Events(Vec<(String, u64)>);

impl Events {
    pub(super) fn new(counts: TraceCounts, machine: &Machine) -> Self {
        let of = |kind| counts.of(kind);
        let modifies = of(RecordKind::Modify);
        let mut events = vec![
            ("inst_retired.any".into(), of(RecordKind::Fetch)),
            (
                "mem_inst_retired.all_loads".into(),
                of(RecordKind::Load) + modifies,
            ),
            (
                "mem_inst_retired.all_stores".into(),
                of(RecordKind::Store) + modifies,
            ),
        ];
        for stream in Stream::ALL {
            misses(machine, stream, &mut events);
        }
        page_walker_loads(machine, &mut events);
        events.push(("page-faults".into(), machine.footprint().demand_zero));
        Self(events)
    }
}

impl Serialize for Events {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}

/// `ITLB_MISSES`, `DTLB_LOAD_MISSES`, `DTLB_STORE_MISSES`. As there, a walk is completed
/// whether it ends in a translation or in a fault.
fn misses(machine: &Machine, stream: Stream, events: &mut Vec<(String, u64)>) {
    let prefix = match stream {
        Stream::Fetch => "itlb_misses",
        Stream::Load => "dtlb_load_misses",
        Stream::Store => "dtlb_store_misses",
    };
    let lower = machine.sum(|mmu| {
        let tlbs = mmu.cache().tlbs();
        (1..tlbs.levels().count())
            .map(|level| tlbs.hits(stream, level))
            .sum()
    });
    let faulted = machine.sum(|mmu| mmu.observer().statistics().faulted(stream));
    let completed = walks_completed(machine, stream) + faulted;
    let mut push = |name: &str, count| events.push((format!("{prefix}.{name}"), count));
    push("stlb_hit", lower);
    push("miss_causes_a_walk", completed);
    push("walk_completed", completed);
    for (size, name) in PageSize::IA32E.into_iter().zip(["4k", "2m_4m", "1g"]) {
        push(
            &format!("walk_completed_{name}"),
            machine.sum(|mmu| mmu.observer().statistics().completed(stream, size)),
        );
    }
}

/// `PAGE_WALKER_LOADS`, by whose walk it is and where the entry was.
fn page_walker_loads(machine: &Machine, events: &mut Vec<(String, u64)>) {
    let sides = [
        ("dtlb", &[Stream::Load, Stream::Store][..]),
        ("itlb", &[Stream::Fetch]),
    ];
    for (side, streams) in sides {
        for (served_by, place) in ServedBy::ALL
            .into_iter()
            .zip(["l1", "l2", "l3", "peer", "memory"])
        {
            let loads = streams.iter().flat_map(|&stream| {
                let of = move |&level| {
                    machine.sum(|mmu| mmu.cost().walk_loads(stream, level, served_by))
                };
                machine.config().paging.levels().iter().map(of)
            });
            events.push((format!("page_walker_loads.{side}_{place}"), loads.sum()));
        }
    }
}
