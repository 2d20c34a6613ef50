use mmu_core::VirtAddr;
use serde_json::Value;

use super::*;
use crate::{
    input::Input,
    pages::Pages,
    preset::Preset,
    sim::MachineConfig,
    trace::{BATCH_RECORDS, Counts, Record, RecordKind, TraceError},
};

/// Loads a word of each line of a working set in turn, again and again.
struct Laps {
    lines: u64,
    records: u64,
    next: u64,
}

const LINE: u64 = 64;
const BASE: u64 = 0x1_0000_0000;

impl TraceReader for Laps {
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
        batch.clear();
        while batch.len() < BATCH_RECORDS && self.next < self.records {
            batch.push(Record {
                kind: RecordKind::Load,
                address: VirtAddr::new(BASE + self.next % self.lines * LINE),
                size: 8,
            });
            self.next += 1;
        }
        Ok(batch.len())
    }

    fn counts(&self) -> Counts {
        Counts {
            lines: 0,
            records: self.next,
        }
    }

    fn progress(&self) -> crate::input::Progress {
        Input::from_bytes("laps", b"").unwrap().progress()
    }
}

fn laps(size: ByteSize, warm: u64, measured: u64) -> Workload {
    let lines = size.0 / LINE;
    Workload {
        source: Source::Embedded("laps"),
        reader: Box::new(Laps {
            lines,
            records: (warm + measured) * lines,
            next: 0,
        }),
        warm_up: warm * lines,
    }
}

struct Until(u64);

impl Watch for Until {
    fn records_done(&mut self, records: u64) {
        self.0 = self.0.saturating_sub(records);
    }

    fn is_interrupted(&self) -> bool {
        self.0 == 0
    }
}

const GIB: ByteSize = ByteSize(1 << 30);

fn machine(pages: Pages) -> Variant {
    Variant {
        preset: Preset::load("golden-cove").unwrap(),
        config: MachineConfig {
            pages: pages.into(),
            ram: GIB,
            ..MachineConfig::default()
        },
    }
}

fn run_until(
    watch: &mut Until,
    sizes: &[ByteSize],
    pages: &[Pages],
    laps: impl Fn(ByteSize) -> Workload,
) -> Result<Sweep, SimError> {
    let variants: Vec<_> = pages.iter().copied().map(machine).collect();
    let laps = &laps;
    let workloads = sizes.iter().map(|&size| (size, move || laps(size)));
    let swept = Swept {
        pattern: "laps".into(),
        accesses: 3,
        seed: 1,
    };
    let workloads: Vec<_> = workloads.collect();
    sweep(swept, &variants, &workloads, watch)
}

fn run(sizes: &[ByteSize], pages: &[Pages]) -> Result<Sweep, SimError> {
    run_until(&mut Until(u64::MAX), sizes, pages, |size| laps(size, 2, 3))
}

/// 16 KiB fit the L1D and 4 pages the DTLB, so that nothing but hits is left after two laps.
#[test]
fn the_warm_up_is_left_out() {
    let sweep = run(&[ByteSize(16 << 10)], &[Pages::Size4KiB]).unwrap();
    let [point] = sweep.points() else {
        panic!("{sweep:?}")
    };
    assert_eq!(point.accesses, 3 * 256);
    assert_eq!(point.spent.translation().as_u64(), 0);
    assert_eq!(point.spent.of(Owner::Fault).as_u64(), 0);
    let preset = Preset::load("golden-cove").unwrap();
    let hit = preset.timed.caches.l1d.latency.as_u64() as f64;
    assert!(
        (point.total() - hit).abs() < 1e-9,
        "{} is not {hit}",
        point.total()
    );
}

/// 64 MiB are 16384 pages of 4 KiB, far beyond the 2048 entries of the STLB, but 32 of 2 MiB.
#[test]
fn small_pages_cost_more_over_a_large_working_set() {
    let sizes = [ByteSize(1 << 20), ByteSize(64 << 20)];
    let sweep = run(&sizes, &[Pages::Size4KiB, Pages::Size2MiB]).unwrap();
    let [_, small, _, large] = sweep.points() else {
        panic!("{sweep:?}")
    };
    assert_eq!((small.working_set, large.working_set), (sizes[1], sizes[1]));
    assert!(small.translation() > large.translation());
    let parts: f64 = Owner::ALL.iter().map(|&owner| small.of(owner)).sum();
    assert!((parts - small.total()).abs() < 1e-6);

    let csv = sweep.csv();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 4);
    let columns = |line: &str| line.split(',').count();
    assert!(lines.iter().all(|line| columns(line) == columns(lines[0])));
    assert!(
        lines[4].starts_with("67108864,golden-cove,2m,3145728,"),
        "{csv}"
    );

    let json: Value = serde_json::to_value(&sweep).unwrap();
    assert_eq!(json["points"][3]["machine"], 1);
    assert_eq!(json["machines"][1]["pages"], "2m");
    assert_eq!(json["points"][3]["total"], large.total());

    let names = sweep.series().into_iter().map(|series| series.name);
    let expected = ["4 KiB pages", "4 KiB pages, translation"];
    assert_eq!(names.take(2).collect::<Vec<_>>(), expected);
    let svg = sweep.svg().unwrap();
    for words in [
        "1 MiB",
        "2 MiB pages, translation",
        "laps on Intel Golden Cove",
    ] {
        assert!(svg.contains(words), "{words}");
    }
}

#[test]
fn a_failure_names_the_sizes() {
    let error = run(&[ByteSize(2 << 30)], &[Pages::Size2MiB]).unwrap_err();
    let message = error.to_string();
    for words in [
        "2 GiB on golden-cove, 2 MiB",
        "1 GiB of memory is too small",
        "--ram",
    ] {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_workload_that_is_all_warm_up_measures_nothing() {
    let all_warm = |size| laps(size, 2, 0);
    let (sizes, pages) = ([ByteSize(4096)], [Pages::Size4KiB]);
    let error = run_until(&mut Until(u64::MAX), &sizes, &pages, all_warm).unwrap_err();
    assert!(error.to_string().contains("warm-up"), "{error}");
}

#[test]
fn a_sweep_can_be_interrupted() {
    let (sizes, pages) = ([ByteSize(1 << 20)], [Pages::Size4KiB]);
    let error = run_until(&mut Until(1), &sizes, &pages, |size| laps(size, 1, 1)).unwrap_err();
    assert!(matches!(error, SimError::Interrupted { .. }));
}
