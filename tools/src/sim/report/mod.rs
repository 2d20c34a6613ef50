//! What a run found out, as data; text for a terminal and JSON are two ways to show it.

mod events;
mod hot;
mod latency;
pub(super) mod owners;
mod paging;
mod processors;
pub(super) mod setup;
pub(super) mod text;

use cache::{CacheId, Request, ServedBy};
use mmu_core::{Breakdown, PageSize};
use serde::Serialize;
use tlb::Stream;

use super::{Machine, feed::Feed, processor, why::WalkLog};
use crate::{preset::Preset, trace::RecordKind};
use events::Events;
use hot::Hot;
use latency::WalkLatency;
use owners::ByOwner;
use paging::Paging;
pub(super) use paging::of_all as paging_of_all;
use processors::OneProcessor;
use setup::Setup;

/// Everything a run found out. Serialised, its keys have a fixed order.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    lookaside: &'static str,
    trace: Trace,
    machine: Setup,
    cycles: Cycles,
    /// When the last processor is done: they run side by side.
    elapsed_cycles: u64,
    processors: Vec<OneProcessor>,
    events: Events,
    lookups: Vec<Lookups>,
    tlbs: Vec<Tlb>,
    structure_caches: Vec<StructureCache>,
    walks: Walks,
    hot: Hot,
    caches: Vec<Cache>,
    memory: Memory,
    page_faults: PageFaults,
    footprint: Footprint,
    /// Of a machine that pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    paging: Option<Paging>,
}

/// The records of a trace by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceCounts([u64; RecordKind::ALL.len()]);

impl TraceCounts {
    #[inline]
    pub(super) fn count(&mut self, kind: RecordKind) {
        self.0[kind.index()] += 1;
    }

    /// The records of a kind.
    pub fn of(&self, kind: RecordKind) -> u64 {
        self.0[kind.index()]
    }

    pub(super) fn add(&mut self, other: Self) {
        for (sum, other) in self.0.iter_mut().zip(other.0) {
            *sum += other;
        }
    }

    /// All records.
    pub fn records(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// All traces together, and each.
#[derive(Clone, Debug, Serialize)]
struct Trace {
    name: String,
    #[serde(flatten)]
    all: RecordCounts,
    programs: Vec<Program>,
}

#[derive(Clone, Debug, Serialize)]
struct Program {
    name: String,
    #[serde(flatten)]
    counts: RecordCounts,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct RecordCounts {
    records: u64,
    instructions: u64,
    loads: u64,
    stores: u64,
    modifies: u64,
}

impl From<TraceCounts> for RecordCounts {
    fn from(counts: TraceCounts) -> Self {
        Self {
            records: counts.records(),
            instructions: counts.of(RecordKind::Fetch),
            loads: counts.of(RecordKind::Load),
            stores: counts.of(RecordKind::Store),
            modifies: counts.of(RecordKind::Modify),
        }
    }
}

/// The parts of `by_owner` add up to `total`.
#[derive(Clone, Debug, Serialize)]
struct Cycles {
    total: u64,
    translation: u64,
    translation_share: f64,
    /// None without instructions.
    per_instruction: Option<f64>,
    by_owner: ByOwner,
}

#[derive(Clone, Debug, Serialize)]
struct Lookups {
    stream: &'static str,
    total: u64,
    hits_by_level: Vec<u64>,
    missed: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Tlb {
    name: String,
    level: usize,
    entries: usize,
    ways: u32,
    hits: u64,
    fills: u64,
    evictions: u64,
}

#[derive(Clone, Debug, Serialize)]
struct StructureCache {
    level: String,
    entries: usize,
    ways: u32,
    lookups: u64,
    hits: u64,
    fills: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Walks {
    total: u64,
    completed: u64,
    faulted: u64,
    references: u64,
    references_per_walk: f64,
    /// All cycles of walks.
    cycles: u64,
    /// Walks by how many entries they read, from 0 on.
    by_references: Vec<u64>,
    /// References by the level of the entry and where it was.
    served: Vec<WalkLevel>,
    accessed_dirty_updates: u64,
    /// Accesses that waited for a walk which another one had begun.
    merged: u64,
    /// Walks for pages that nobody had asked for yet, which are in no other count, and the
    /// entries that they read.
    ahead: u64,
    ahead_references: u64,
    latency: Vec<WalkLatency>,
}

#[derive(Clone, Debug, Serialize)]
struct WalkLevel {
    level: String,
    per_walk: f64,
    l1d: u64,
    l2: u64,
    llc: u64,
    peer: u64,
    memory: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Cache {
    name: String,
    bytes: u64,
    ways: u32,
    hits: u64,
    misses: u64,
    evictions: u64,
    write_backs: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Memory {
    reads: u64,
    write_backs: u64,
}

#[derive(Clone, Debug, Serialize)]
struct PageFaults {
    demand_zero: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Footprint {
    pages_4k: u64,
    pages_2m: u64,
    pages_1g: u64,
    bytes: u64,
    page_tables: u64,
    page_table_bytes: u64,
    /// Pages of 2 MiB that were made of small ones, and that there was no memory for.
    collapses: u64,
    failed_collapses: u64,
}

impl Report {
    pub(super) fn new(feed: &Feed<'_>, preset: &Preset, machine: &Machine) -> Self {
        let counts = feed.counts();
        let sources = feed.traces().map(|trace| trace.source);
        let caches = &preset.timed.caches;
        let shapes = [&caches.l1i, &caches.l1d, &caches.l2, &caches.llc];
        let log = machine.walk_log();
        let processors = OneProcessor::all(feed, machine);
        let counters: Vec<_> = machine.mmus().map(|mmu| mmu.cost().counters()).collect();
        Self {
            lookaside: env!("CARGO_PKG_VERSION"),
            trace: Trace::new(feed),
            machine: Setup::new(preset, machine.config(), feed.schedule(), sources),
            cycles: Cycles::new(&machine.cycles(), counts.of(RecordKind::Fetch)),
            elapsed_cycles: processors::elapsed(&processors),
            processors,
            events: Events::new(counts, machine),
            lookups: lookups(machine),
            tlbs: tlbs(machine),
            structure_caches: structure_caches(machine),
            walks: Walks::new(machine, &log),
            hot: Hot::new(&log),
            caches: CacheId::ALL
                .into_iter()
                .zip(shapes)
                .map(|(id, shape)| Cache::new(id, shape, &counters))
                .collect(),
            memory: Memory {
                reads: counters.iter().map(cache::Counters::memory_reads).sum(),
                write_backs: counters
                    .iter()
                    .map(cache::Counters::memory_write_backs)
                    .sum(),
            },
            page_faults: PageFaults {
                demand_zero: machine.footprint().demand_zero,
            },
            footprint: Footprint::new(machine),
            paging: Paging::of(machine),
        }
    }
}

/// How many pages, regions and instructions are shown if nobody says otherwise.
pub const DEFAULT_TOP: usize = 10;

impl Report {
    /// What its numbers depend on.
    pub(super) fn setup(&self) -> &Setup {
        &self.machine
    }

    /// Keeps only so many of the pages, regions and instructions that walks cost most for. A
    /// new report has all of them.
    pub fn keep_top(&mut self, count: usize) {
        self.hot.keep_top(count);
    }
}

impl Trace {
    fn new(feed: &Feed<'_>) -> Self {
        let names: Vec<_> = feed
            .traces()
            .map(|trace| trace.source.to_string())
            .collect();
        let counts = feed.traces().map(|trace| trace.counts.into());
        Self {
            name: names.join(", "),
            all: feed.counts().into(),
            programs: names
                .into_iter()
                .zip(counts)
                .map(|(name, counts)| Program { name, counts })
                .collect(),
        }
    }
}

impl Cycles {
    fn new(spent: &Breakdown, instructions: u64) -> Self {
        let total = spent.total().as_u64();
        let translation = spent.translation().as_u64();
        Self {
            total,
            translation,
            translation_share: ratio(translation, total),
            per_instruction: (instructions > 0).then(|| ratio(total, instructions)),
            by_owner: ByOwner(*spent),
        }
    }
}

impl Walks {
    fn new(machine: &Machine, log: &WalkLog) -> Self {
        let served = |level, by| -> u64 {
            let streams = Stream::ALL.into_iter();
            streams
                .map(|stream| machine.sum(|mmu| mmu.cost().walk_loads(stream, level, by)))
                .sum()
        };
        let of_streams =
            |count: &dyn Fn(Stream) -> u64| -> u64 { Stream::ALL.into_iter().map(count).sum() };
        let completed = of_streams(&|stream| walks_completed(machine, stream));
        let faulted =
            of_streams(&|stream| machine.sum(|mmu| mmu.observer().statistics().faulted(stream)));
        let total = completed + faulted;
        let levels = machine.config().paging.levels().iter().rev();
        let levels = levels.map(|&level| {
            let [l1d, l2, llc, peer, memory] = ServedBy::ALL.map(|by| served(level, by));
            WalkLevel {
                level: level.to_string(),
                per_walk: ratio(l1d + l2 + llc + peer + memory, total),
                l1d,
                l2,
                llc,
                peer,
                memory,
            }
        });
        let served: Vec<_> = levels.collect();
        let references = served
            .iter()
            .map(|by| by.l1d + by.l2 + by.llc + by.peer + by.memory)
            .sum();
        let latency = WalkLatency::of_all_streams(log);
        debug_assert_eq!(total, latency.iter().map(WalkLatency::walks).sum::<u64>());
        Self {
            total,
            completed,
            faulted,
            references,
            references_per_walk: ratio(references, total),
            cycles: latency.iter().map(WalkLatency::cycles).sum(),
            by_references: by_references(machine),
            served,
            accessed_dirty_updates: machine.sum(|mmu| mmu.observer().statistics().updates()),
            ahead: machine.sum(|mmu| mmu.cost().ahead().walks),
            ahead_references: machine.sum(|mmu| mmu.cost().ahead().references),
            merged: machine
                .processors()
                .iter()
                .map(processor::Processor::merged_walks)
                .sum(),
            latency,
        }
    }
}

impl Cache {
    fn new(id: CacheId, shape: &cache::LevelConfig, counters: &[cache::Counters]) -> Self {
        let sum = |count: fn(&cache::Counters, CacheId, Request) -> u64| -> u64 {
            let each = counters.iter();
            each.flat_map(|counters| Request::ALL.map(|request| count(counters, id, request)))
                .sum()
        };
        let total = |count: fn(&cache::Counters, CacheId) -> u64| -> u64 {
            counters.iter().map(|counters| count(counters, id)).sum()
        };
        Self {
            name: id.to_string(),
            bytes: shape.geometry.entries() as u64 * cache::LINE_BYTES,
            ways: shape.geometry.ways(),
            hits: sum(cache::Counters::hits),
            misses: sum(cache::Counters::misses),
            evictions: total(cache::Counters::evictions),
            write_backs: total(cache::Counters::write_backs),
        }
    }
}

impl Footprint {
    fn new(machine: &Machine) -> Self {
        let footprint = machine.footprint();
        let pages = |size: PageSize| footprint.pages[size.index()];
        let bytes = PageSize::ALL.map(|size| pages(size) * size.bytes());
        Self {
            pages_4k: pages(PageSize::Size4KiB),
            pages_2m: pages(PageSize::Size2MiB),
            pages_1g: pages(PageSize::Size1GiB),
            bytes: bytes.iter().sum(),
            page_tables: footprint.page_tables,
            page_table_bytes: footprint.page_tables * PageSize::Size4KiB.bytes(),
            collapses: footprint.collapses,
            failed_collapses: footprint.failed_collapses,
        }
    }
}

fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Fetch => "fetch",
        Stream::Load => "load",
        Stream::Store => "store",
    }
}

fn lookups(machine: &Machine) -> Vec<Lookups> {
    let levels = || {
        machine
            .mmus()
            .map(|mmu| mmu.cache().tlbs().levels().count())
    };
    let of = |stream: Stream| Lookups {
        stream: stream_name(stream),
        total: machine.sum(|mmu| mmu.cache().tlbs().lookups(stream).total),
        hits_by_level: (0..levels().max().unwrap_or(0))
            .map(|level| machine.sum(|mmu| mmu.cache().tlbs().hits(stream, level)))
            .collect(),
        missed: machine.sum(|mmu| mmu.cache().tlbs().lookups(stream).missed),
    };
    Stream::ALL.map(of).into()
}

fn tlbs(machine: &Machine) -> Vec<Tlb> {
    let each = machine.mmus().map(|mmu| {
        let levels = mmu.cache().tlbs().levels().enumerate();
        let tlbs = levels.flat_map(|(level, tlbs)| tlbs.iter().map(move |tlb| (level, tlb)));
        let counted = tlbs.zip(mmu.cache().tlbs().counters());
        counted
            .map(|((level, tlb), counters)| Tlb {
                name: tlb.config().name.clone(),
                level: level + 1,
                entries: tlb.config().geometry.entries(),
                ways: tlb.config().geometry.ways(),
                hits: counters.hits,
                fills: counters.fills,
                evictions: counters.evictions,
            })
            .collect::<Vec<_>>()
    });
    summed(each, |sum, other| {
        sum.hits += other.hits;
        sum.fills += other.fills;
        sum.evictions += other.evictions;
    })
}

fn structure_caches(machine: &Machine) -> Vec<StructureCache> {
    let each = machine.mmus().map(|mmu| {
        let structures = mmu.cache().structures();
        let caches = structures.counters();
        caches
            .map(|(level, geometry, counters)| StructureCache {
                level: level.to_string(),
                entries: geometry.entries(),
                ways: geometry.ways(),
                lookups: structures.lookups(),
                hits: counters.hits,
                fills: counters.fills,
            })
            .collect::<Vec<_>>()
    });
    summed(each, |sum, other| {
        sum.lookups += other.lookups;
        sum.hits += other.hits;
        sum.fills += other.fills;
    })
}

fn by_references(machine: &Machine) -> Vec<u64> {
    let each = machine
        .mmus()
        .map(|mmu| mmu.observer().statistics().by_references());
    summed(each.map(<[u64]>::to_vec), |sum, other| *sum += other)
}

/// What the same parts of several processors counted together.
fn summed<T>(each: impl Iterator<Item = Vec<T>>, mut add: impl FnMut(&mut T, T)) -> Vec<T> {
    let sum = each.reduce(|mut sum, other| {
        for (sum, other) in sum.iter_mut().zip(other) {
            add(sum, other);
        }
        sum
    });
    sum.unwrap_or_default()
}

fn walks_completed(machine: &Machine, stream: Stream) -> u64 {
    let sizes = PageSize::ALL.into_iter();
    sizes
        .map(|size| machine.sum(|mmu| mmu.observer().statistics().completed(stream, size)))
        .sum()
}

/// Zero where there is nothing to divide by.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
