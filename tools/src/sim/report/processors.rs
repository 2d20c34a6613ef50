//! What each processor did; the parts add up to what the report says of all.

use comfy_table::Table;
use mmu_core::TimedMmu;
use serde::Serialize;
use tlb::Stream;

use super::{
    Cycles, RecordCounts,
    text::{grouped, table},
};
use crate::{
    sim::{Machine, feed::Feed, port::Port, why::WalkLog},
    trace::RecordKind,
};

/// One of the machine's processors.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OneProcessor {
    processor: usize,
    #[serde(flatten)]
    accesses: RecordCounts,
    cycles: Cycles,
    tlb_lookups: u64,
    tlb_misses: u64,
    walks: u64,
    walk_cycles: u64,
    /// Interrupts of TLB shootdowns, which one processor sends and others receive.
    shootdowns_sent: u64,
    shootdowns_received: u64,
}

impl OneProcessor {
    /// Every processor of a machine.
    pub(super) fn all(feed: &Feed<'_>, machine: &Machine) -> Vec<Self> {
        let processors = machine.processors().iter().zip(machine.shootdowns());
        let one = |(number, (processor, shootdowns)): (usize, (&_, &_))| {
            let processor: &crate::sim::processor::Processor = processor;
            let shootdowns: &crate::sim::cores::Shootdowns = shootdowns;
            let counts = feed.counts_of(number);
            let mmu = &processor.mmu;
            let of_streams = |count: &dyn Fn(Stream) -> u64| Stream::ALL.map(count).iter().sum();
            let lookups = |stream| mmu.cache().tlbs().lookups(stream);
            Self {
                processor: number,
                accesses: RecordCounts::from(counts),
                cycles: Cycles::new(processor.cycles(), counts.of(RecordKind::Fetch)),
                tlb_lookups: of_streams(&|stream| lookups(stream).total),
                tlb_misses: of_streams(&|stream| lookups(stream).missed),
                walks: of_streams(&|stream| mmu.observer().latencies(stream).walks()),
                walk_cycles: of_streams(&|stream| walk_cycles(mmu, stream)),
                shootdowns_sent: shootdowns.sent,
                shootdowns_received: shootdowns.received,
            }
        };
        processors.enumerate().map(one).collect()
    }
}

fn walk_cycles(mmu: &TimedMmu<WalkLog, Port>, stream: Stream) -> u64 {
    mmu.observer().latencies(stream).sum().as_u64()
}

/// The cycles until the last of them is done.
pub(super) fn elapsed(processors: &[OneProcessor]) -> u64 {
    let cycles = processors.iter().map(|one| one.cycles.total);
    cycles.max().unwrap_or(0)
}

/// The processors side by side; none if there is only one.
pub(super) fn tables(processors: &[OneProcessor]) -> Vec<Table> {
    if processors.len() < 2 {
        return Vec::new();
    }
    let mut spent = table([
        "Processors",
        "accesses",
        "cycles",
        "translation",
        "TLB misses",
        "walks",
    ]);
    let mut others = table([
        "Processors",
        "walk cycles",
        "shootdowns sent",
        "shootdowns received",
    ]);
    for one in processors {
        let name = format!("  {}", one.processor);
        spent.add_row([
            name.clone(),
            grouped(one.accesses.records),
            grouped(one.cycles.total),
            grouped(one.cycles.translation),
            grouped(one.tlb_misses),
            grouped(one.walks),
        ]);
        others.add_row([
            name,
            grouped(one.walk_cycles),
            grouped(one.shootdowns_sent),
            grouped(one.shootdowns_received),
        ]);
    }
    spent.add_row([
        "  until the last is done".to_owned(),
        String::new(),
        grouped(elapsed(processors)),
    ]);
    vec![spent, others]
}
