//! What memory under pressure came to, in all and over time.

mod picture;

use comfy_table::Table;
use mmu_core::Owner;
use serde::Serialize;

use super::{
    Report, ratio,
    text::{grouped, indented, table},
};
use crate::{
    byte_size::ByteSize,
    sim::{
        Machine,
        paged::{Counts, Interval},
    },
};

/// The paging of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Paging {
    #[serde(flatten)]
    counts: Counts,
    /// How long the run lasts, by the frequency of the processors.
    seconds: f64,
    /// Parts of the run of as many records each, but for the last.
    over_time: Vec<Part>,
}

/// A part of a run: what came in it, and what all processors spent.
#[derive(Clone, Debug, Serialize)]
struct Part {
    records: u64,
    cycles: u64,
    disk_cycles: u64,
    fault_cycles: u64,
    shootdown_cycles: u64,
    invalidation_cycles: u64,
    #[serde(flatten)]
    counts: Counts,
}

impl Paging {
    /// None of a machine that does not page.
    pub(super) fn of(machine: &Machine) -> Option<Self> {
        let (paged, cores) = machine.paged()?;
        let per_second = paged.cycles_per_second();
        let parts = paged.intervals(cores).into_iter();
        Some(Self {
            counts: paged.counts(cores),
            seconds: ratio(cores.now().as_u64(), per_second),
            over_time: parts.map(Part::from).collect(),
        })
    }

    pub(super) fn tables(&self) -> [Table; 3] {
        [self.in_all(), self.faults(), self.disk()]
    }

    fn in_all(&self) -> Table {
        let counts = &self.counts;
        let mut table = table(["Paging", "count"]);
        for (name, count) in [
            ("page faults", counts.faults),
            ("new pages", counts.demand_zero),
            ("soft faults", counts.soft),
            ("hard faults", counts.hard),
            ("collided faults", counts.collided),
            ("pages trimmed", counts.trimmed),
            ("reads", counts.reads),
            ("pages read", counts.pages_read),
            ("writes", counts.writes),
            ("pages written", counts.pages_written),
            ("cycles of the disk", counts.disk_busy_cycles),
            ("waits that others used", counts.given_way),
            ("looks at what was used", counts.ticks),
            ("TLB shootdowns", counts.shootdowns),
            ("processors interrupted", counts.interrupts),
            ("addresses forgotten", counts.invalidations),
            ("whole processes forgotten", counts.drops),
        ] {
            table.add_row([indented(1, name), grouped(count)]);
        }
        table.add_row([indented(1, "seconds"), format!("{:.3}", self.seconds)]);
        table
    }

    fn faults(&self) -> Table {
        let mut table = table([
            "Faults after",
            "cycles",
            "in faults",
            "new",
            "soft",
            "hard",
            "collided",
            "trimmed",
        ]);
        self.fill(&mut table, |part| {
            let counts = part.counts;
            [
                part.cycles,
                part.fault_cycles,
                counts.demand_zero,
                counts.soft,
                counts.hard,
                counts.collided,
                counts.trimmed,
            ]
        });
        table
    }

    fn disk(&self) -> Table {
        let mut table = table([
            "Disk after",
            "cycles of it",
            "read",
            "written",
            "shootdowns",
            "cycles of them",
        ]);
        self.fill(&mut table, |part| {
            [
                part.disk_cycles,
                part.counts.pages_read,
                part.counts.pages_written,
                part.counts.shootdowns,
                part.forgetting_cycles(),
            ]
        });
        table
    }

    /// A line for each part, by how many records were done when it ended.
    fn fill<const N: usize>(&self, table: &mut Table, of: impl Fn(&Part) -> [u64; N]) {
        let mut records = 0;
        for part in &self.over_time {
            records += part.records;
            let numbers = of(part).map(grouped);
            table.add_row(std::iter::once(indented(1, &grouped(records))).chain(numbers));
        }
    }
}

impl Part {
    /// What it cost that processors forget translations.
    fn forgetting_cycles(&self) -> u64 {
        self.shootdown_cycles + self.invalidation_cycles
    }
}

/// A line for each of several machines, if all of them page.
pub(in crate::sim) fn of_all(reports: &[Report]) -> Option<Table> {
    let header = [
        "Memory", "seconds", "soft", "hard", "trimmed", "read", "written",
    ];
    let mut table = table(header);
    for report in reports {
        let paging = report.paging.as_ref()?;
        let counts = &paging.counts;
        let memory = ByteSize(report.setup().ram_bytes).to_string();
        let seconds = format!("{:.3}", paging.seconds);
        let counts = [
            counts.soft,
            counts.hard,
            counts.trimmed,
            counts.pages_read,
            counts.pages_written,
        ];
        let line = [indented(1, &memory), seconds].into_iter();
        table.add_row(line.chain(counts.map(grouped)));
    }
    Some(table)
}

impl From<Interval> for Part {
    fn from(part: Interval) -> Self {
        let of = |owner| part.spent.of(owner).as_u64();
        Self {
            records: part.records,
            cycles: part.spent.total().as_u64(),
            disk_cycles: of(Owner::Disk),
            fault_cycles: of(Owner::Fault),
            shootdown_cycles: of(Owner::Shootdown),
            invalidation_cycles: of(Owner::Invalidation),
            counts: part.counts,
        }
    }
}
