//! Real programs' traces, counted by a parser of this file's own, against what a run reports.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
};

use lookaside::{
    byte_size::ByteSize,
    input::{self, Source},
    pages::Pages,
    preset::Preset,
    sim::{self, MachineConfig, Watch},
    trace::{self, TraceFormat},
};
use mmu_core::PageSize;
use serde_json::Value;
use tests::data;

/// The streams as the report orders them: fetch, load, store.
const STREAMS: usize = 3;
const STORE: usize = 2;

/// What a run with pages of one size must count.
#[derive(Debug)]
struct Footprint {
    size: PageSize,
    pages: HashSet<u64>,
    /// The page of the last access of each stream, so that few accesses need the set.
    last: [u64; STREAMS],
    /// Look-ups of the TLBs: one for each 4-KiB piece of an access, and again for those up to
    /// a page that was not there yet.
    lookups: [u64; STREAMS],
    /// The pages that were read and not yet written: their entries' dirty bits are clear.
    clean: HashSet<u64>,
    /// How many dirty bits were set by walks.
    dirtied: u64,
}

impl Footprint {
    fn new(size: PageSize) -> Self {
        Self {
            size,
            pages: HashSet::new(),
            last: [u64::MAX; STREAMS],
            lookups: [0; STREAMS],
            clean: HashSet::new(),
            dirtied: 0,
        }
    }

    fn count(&mut self, stream: usize, first: u64, last: u64) {
        let mut pieces = 0;
        for piece in first >> 12..=last >> 12 {
            pieces += 1;
            let page = piece << 12 >> self.size.shift();
            if page != self.last[stream] {
                self.last[stream] = page;
                if self.pages.insert(page) {
                    self.lookups[stream] += pieces;
                    if stream != STORE {
                        self.clean.insert(page);
                    }
                } else if stream == STORE && self.clean.remove(&page) {
                    self.dirtied += 1;
                }
            }
        }
        self.lookups[stream] += pieces;
    }

    /// One root, and a table for each entry in use above the pages'.
    fn tables(&self) -> u64 {
        let shifts = [39, 30, 21];
        let above = shifts.iter().filter(|&&shift| shift > self.size.shift());
        let tables = above.map(|shift| {
            let entries = self
                .pages
                .iter()
                .map(|page| page << self.size.shift() >> shift);
            entries.collect::<HashSet<_>>().len() as u64
        });
        1 + tables.sum::<u64>()
    }
}

/// What a trace holds.
#[derive(Debug)]
struct Counted {
    fetches: u64,
    loads: u64,
    stores: u64,
    modifies: u64,
    /// Cache lines touched by instructions, and by data.
    lines: [u64; 2],
    footprints: [Footprint; 3],
}

fn count(name: &str) -> Counted {
    let mut counted = Counted {
        fetches: 0,
        loads: 0,
        stores: 0,
        modifies: 0,
        lines: [0; 2],
        footprints: PageSize::IA32E.map(Footprint::new),
    };
    let mut text = BufReader::with_capacity(1 << 20, data::decompressed(name));
    let mut line = String::new();
    while text.read_line(&mut line).unwrap() > 0 {
        if let Some((kind, access)) = record(&line) {
            let (address, size) = access.split_once(',').unwrap();
            let first = u64::from_str_radix(address, 16).unwrap();
            let last = first + size.trim_end().parse::<u64>().unwrap() - 1;
            let (count, stream) = match kind {
                'I' => (&mut counted.fetches, 0),
                'L' => (&mut counted.loads, 1),
                'S' => (&mut counted.stores, STORE),
                _ => (&mut counted.modifies, STORE),
            };
            *count += 1;
            counted.lines[stream.min(1)] += last / 64 - first / 64 + 1;
            for footprint in &mut counted.footprints {
                footprint.count(stream, first, last);
            }
        }
        line.clear();
    }
    counted
}

/// The kind of an access and what follows it; None for the messages of valgrind.
fn record(line: &str) -> Option<(char, &str)> {
    [("I  ", 'I'), (" L ", 'L'), (" S ", 'S'), (" M ", 'M')]
        .into_iter()
        .find_map(|(start, kind)| Some((kind, line.strip_prefix(start)?)))
}

struct Unwatched;

impl Watch for Unwatched {
    fn records_done(&mut self, _: u64) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}

fn report(name: &str, size: PageSize) -> Vec<u8> {
    let options = [Pages::Size4KiB, Pages::Size2MiB, Pages::Size1GiB];
    let mut options = options.into_iter();
    let pages = options
        .find(|&pages| PageSize::from(pages) == size)
        .unwrap();
    let source = Source::from(&*data::path(name));
    let input = input::open(&source).unwrap();
    let mut reader = trace::open(input, TraceFormat::Auto).unwrap();
    let preset = Preset::load("golden-cove").unwrap();
    let ram = ByteSize(1 << 36);
    let config = MachineConfig {
        pages: pages.into(),
        ram,
        ..MachineConfig::default()
    };
    let report = sim::run(&mut *reader, &source, &preset, config, &mut Unwatched).unwrap();
    serde_json::to_vec(&report).unwrap()
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("not a count: {value}"))
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// The counts of the report are those of the trace.
fn equals_the_count(report: &Value, counted: &Counted, footprint: &Footprint) {
    let trace = &report["trace"];
    let records = counted.fetches + counted.loads + counted.stores + counted.modifies;
    for (name, count) in [
        ("records", records),
        ("instructions", counted.fetches),
        ("loads", counted.loads),
        ("stores", counted.stores),
        ("modifies", counted.modifies),
    ] {
        assert_eq!(number(&trace[name]), count, "{name}");
    }
    let events = &report["events"];
    for (name, count) in [
        ("inst_retired.any", counted.fetches),
        (
            "mem_inst_retired.all_loads",
            counted.loads + counted.modifies,
        ),
        (
            "mem_inst_retired.all_stores",
            counted.stores + counted.modifies,
        ),
        ("page-faults", footprint.pages.len() as u64),
    ] {
        assert_eq!(number(&events[name]), count, "{name}");
    }
    let pages = ["pages_4k", "pages_2m", "pages_1g"];
    for (name, size) in pages.into_iter().zip(PageSize::IA32E) {
        let expected = if size == footprint.size {
            footprint.pages.len() as u64
        } else {
            0
        };
        assert_eq!(number(&report["footprint"][name]), expected, "{name}");
    }
    let faults = number(&report["page_faults"]["demand_zero"]);
    assert_eq!(faults, footprint.pages.len() as u64);
    let tables = number(&report["footprint"]["page_tables"]);
    assert_eq!(tables, footprint.tables());
}

/// The parts of the report fit each other, and the trace.
fn is_consistent(report: &Value, counted: &Counted, footprint: &Footprint) {
    let cycles = &report["cycles"];
    let by_owner = cycles["by_owner"].as_object().unwrap();
    let parts: u64 = by_owner.values().map(number).sum();
    assert_eq!(number(&cycles["total"]), parts);
    let others = ["fault", "fetch", "data"].map(|owner| number(&by_owner[owner]));
    let translation = parts - others.iter().sum::<u64>();
    assert_eq!(number(&cycles["translation"]), translation);

    let walks = &report["walks"];
    let ended = number(&walks["completed"]) + number(&walks["faulted"]);
    assert_eq!(number(&walks["faulted"]), footprint.pages.len() as u64);
    let mut missed = 0;
    let lookups = report["lookups"].as_array().unwrap();
    for (lookups, expected) in lookups.iter().zip(footprint.lookups) {
        let total = number(&lookups["total"]);
        assert_eq!(total, expected, "{lookups}");
        let hits: u64 = numbers(&lookups["hits_by_level"]).iter().sum();
        assert_eq!(total, hits + number(&lookups["missed"]), "{lookups}");
        missed += number(&lookups["missed"]);
    }
    assert_eq!(lookups.len(), STREAMS);
    // A page is born accessed, and dirty if a store touched it first.
    let updates = number(&walks["accessed_dirty_updates"]);
    assert_eq!(updates, footprint.dirtied);
    // The store that sets a dirty bit walks, whether or not a TLB had the clean page.
    assert!(
        (missed..=missed + updates).contains(&ended),
        "{missed} {ended}"
    );
    let by_references = numbers(&walks["by_references"]);
    assert_eq!(by_references.iter().sum::<u64>(), ended);
    let references: u64 = (0..)
        .zip(&by_references)
        .map(|(reads, walks)| reads * walks)
        .sum();
    assert_eq!(number(&walks["references"]), references);

    let requests = |name: &str| {
        let caches = report["caches"].as_array().unwrap();
        let cache = caches.iter().find(|cache| cache["name"] == name).unwrap();
        number(&cache["hits"]) + number(&cache["misses"])
    };
    let [fetched, touched] = counted.lines;
    assert_eq!(requests("L1I"), fetched);
    assert_eq!(requests("L1D"), touched + references + updates);
}

fn run(name: &str) {
    let counted = count(name);
    for footprint in &counted.footprints {
        let json = report(name, footprint.size);
        let parsed: Value = serde_json::from_slice(&json).unwrap();
        equals_the_count(&parsed, &counted, footprint);
        is_consistent(&parsed, &counted, footprint);
    }
    let size = PageSize::Size4KiB;
    assert!(
        report(name, size) == report(name, size),
        "not the same bytes"
    );
}

#[test]
fn ls_is_counted_right() {
    run("lackey/ls.lackey.zst");
}

#[test]
fn sqlite3_is_counted_right() {
    run("lackey/sqlite3.lackey.zst");
}

#[test]
fn chase_is_counted_right() {
    run("lackey/chase.lackey.zst");
}
