//! A sweep as text, as JSON, as CSV and as a plot.

use std::fmt::{self, Write};

use comfy_table::Table;
use mmu_core::{Owner, PageSize};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Sweep, SweepPoint};
use crate::{
    page_policy::PagePolicy,
    plot::{self, PlotError, Series},
    sim::report::{
        owners, setup,
        text::{excerpt, grouped, indented, section, table},
    },
};

impl Sweep {
    /// The points as comma-separated values, with a line of names first. All but the first
    /// four columns are mean cycles of an access.
    pub fn csv(&self) -> String {
        let mut text = format!(
            "working_set_bytes,cpu,pages,accesses,total,translation,{}\n",
            self.owners().map(owners::key).collect::<Vec<_>>().join(",")
        );
        for point in &self.points {
            let written = self.write_row(&mut text, point);
            debug_assert!(written.is_ok(), "a string takes any text");
        }
        text
    }

    /// The owners that have cycles at any point, and those that are there anyway.
    fn owners(&self) -> impl Iterator<Item = Owner> {
        let has_cycles = |owner| self.points.iter().any(|point| point.has(owner));
        let all = Owner::ALL.into_iter();
        all.filter(move |&owner| owners::is_always_told(owner) || has_cycles(owner))
    }

    fn write_row(&self, text: &mut String, point: &SweepPoint) -> fmt::Result {
        let machine = &self.machines[point.machine];
        let (size, cpu, pages) = (point.working_set.0, &machine.cpu, machine.pages);
        write!(text, "{size},{},{pages},{}", quoted(cpu), point.accesses)?;
        let means = [point.total(), point.translation()];
        for mean in means
            .into_iter()
            .chain(self.owners().map(|owner| point.of(owner)))
        {
            write!(text, ",{mean:.6}")?;
        }
        writeln!(text)
    }

    /// The points as a plot: for each machine a line of all cycles, and one of those of
    /// address translation.
    ///
    /// # Errors
    /// [`PlotError`] if it cannot be drawn.
    pub fn svg(&self) -> Result<String, PlotError> {
        let mut title = self.swept.pattern.clone();
        if let Some(title_of_all) = self.one_title() {
            title = format!("{title} on {title_of_all}");
        }
        plot::curve(&title, "working set", "cycles per access", &self.series())
    }

    /// The title of the processor, if all machines have the same.
    fn one_title(&self) -> Option<&str> {
        let (first, others) = self.machines.split_first()?;
        let is_first = |other: &setup::Setup| other.title == first.title;
        others.iter().all(is_first).then_some(&first.title)
    }

    /// The lines of [`Sweep::svg`].
    pub fn series(&self) -> Vec<Series> {
        let names_cpus = self.one_title().is_none();
        let line = |number: usize, what: &str, cycles: fn(&SweepPoint) -> f64| {
            let points = self.points.iter().filter(|point| point.machine == number);
            let machine = &self.machines[number];
            let cpu = if names_cpus {
                format!("{}, ", machine.cpu)
            } else {
                String::new()
            };
            Series {
                name: format!("{cpu}{}{what}", pages(machine.pages)),
                points: points
                    .map(|point| (point.working_set, cycles(point)))
                    .collect(),
            }
        };
        let lines = (0..self.machines.len()).flat_map(|number| {
            [
                line(number, "", SweepPoint::total),
                line(number, ", translation", SweepPoint::translation),
            ]
        });
        lines.collect()
    }
}

/// The machines, and a line a point, for a terminal.
impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (accesses, seed) = (grouped(self.swept.accesses), self.swept.seed);
        let pattern = excerpt(&self.swept.pattern, HEAD);
        writeln!(f, "Pattern    {pattern}")?;
        writeln!(
            f,
            "           seed {seed}, {accesses} accesses at least for each size"
        )?;
        setup::write_machines(f, &self.names, self.machines.iter())?;
        let machines: Vec<_> = (0..self.machines.len()).collect();
        machines
            .chunks(BESIDE)
            .try_for_each(|machines| section(f, &self.side_by_side(machines)))
    }
}

/// How many machines fit beside each other.
const BESIDE: usize = 3;

impl Sweep {
    /// A line a working set.
    fn side_by_side(&self, machines: &[usize]) -> Table {
        let mut header = vec![String::from("Cycles an access")];
        for machine in machines {
            header.push(format!("on {}", machine + 1));
            header.push(String::from("translation"));
        }
        let mut table = table(header);
        let sizes = self.points.len() / self.machines.len().max(1);
        for size in 0..sizes {
            let mut row = Vec::new();
            for machine in machines {
                let point = &self.points[machine * sizes + size];
                if row.is_empty() {
                    row.push(indented(1, &point.working_set.to_string()));
                }
                row.push(format!("{:.2}", point.total()));
                row.push(format!("{:.2}", point.translation()));
            }
            table.add_row(row);
        }
        table
    }
}

fn pages(policy: PagePolicy) -> String {
    match policy {
        PagePolicy::Fixed(size) => format!("{} pages", PageSize::from(size)),
        PagePolicy::Transparent { .. } => policy.to_string(),
    }
}

/// How many columns are left to a text behind its heading.
const HEAD: usize = 68;

/// A field of comma-separated values (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.into()
}

impl Serialize for Sweep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("lookaside", env!("CARGO_PKG_VERSION"))?;
        map.serialize_entry("pattern", &self.swept.pattern)?;
        map.serialize_entry("accesses", &self.swept.accesses)?;
        map.serialize_entry("seed", &self.swept.seed)?;
        map.serialize_entry("machines", &self.machines)?;
        map.serialize_entry("points", &self.points)?;
        map.end()
    }
}

/// The machine by its place in the list; all but the first three fields are mean cycles of an
/// access.
impl Serialize for SweepPoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("working_set_bytes", &self.working_set.0)?;
        map.serialize_entry("machine", &self.machine)?;
        map.serialize_entry("accesses", &self.accesses)?;
        map.serialize_entry("total", &self.total())?;
        map.serialize_entry("translation", &self.translation())?;
        map.serialize_entry("by_owner", &ByOwner(self))?;
        map.end()
    }
}

struct ByOwner<'a>(&'a SweepPoint);

impl Serialize for ByOwner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let owners = Owner::ALL.into_iter();
        let owners = owners.filter(|&owner| owners::is_always_told(owner) || self.0.has(owner));
        serializer.collect_map(owners.map(|owner| (owners::key(owner), self.0.of(owner))))
    }
}
