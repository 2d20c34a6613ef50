//! A sweep as JSON, as CSV and as a plot.

use std::fmt::{self, Write};

use mmu_core::{Owner, PageSize};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Sweep, SweepPoint};
use crate::sim::report::{
    owners,
    text::{indented, table},
};
use crate::{
    pages::Pages,
    plot::{self, PlotError, Series},
};

impl Sweep {
    /// The points as comma-separated values, with a line of names first. All but the first
    /// three columns are mean cycles of an access.
    pub fn csv(&self) -> String {
        let mut text = format!(
            "working_set_bytes,pages,accesses,total,translation,{}\n",
            Owner::ALL.map(owners::key).join(",")
        );
        for point in &self.points {
            let written = write_row(&mut text, point);
            debug_assert!(written.is_ok(), "a string takes any text");
        }
        text
    }

    /// The points as a plot: for each size of page a line of all cycles, and one of those of
    /// address translation.
    ///
    /// # Errors
    /// [`PlotError`] if it cannot be drawn.
    pub fn svg(&self, title: &str) -> Result<String, PlotError> {
        plot::curve(title, "working set", "cycles per access", &self.series())
    }

    /// The lines of [`Sweep::svg`].
    pub fn series(&self) -> Vec<Series> {
        let mut sizes: Vec<Pages> = Vec::new();
        for point in &self.points {
            if !sizes.contains(&point.pages) {
                sizes.push(point.pages);
            }
        }
        let line = |pages: Pages, what: &str, cycles: fn(&SweepPoint) -> f64| {
            let points = self.points.iter().filter(|point| point.pages == pages);
            Series {
                name: format!("{what}, {} pages", PageSize::from(pages)),
                points: points
                    .map(|point| (point.working_set, cycles(point)))
                    .collect(),
            }
        };
        let lines = sizes.into_iter().flat_map(|pages| {
            [
                line(pages, "all", SweepPoint::total),
                line(pages, "translation", SweepPoint::translation),
            ]
        });
        lines.collect()
    }
}

/// A line a point, for a terminal.
impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = table(["Working set", "pages", "cycles per access", "translation"]);
        for point in &self.points {
            table.add_row([
                indented(1, &point.working_set.to_string()),
                PageSize::from(point.pages).to_string(),
                format!("{:.2}", point.total()),
                format!("{:.2}", point.translation()),
            ]);
        }
        writeln!(f, "{table}")
    }
}

fn write_row(text: &mut String, point: &SweepPoint) -> fmt::Result {
    let pages = point.pages.name();
    write!(text, "{},{pages},{}", point.working_set.0, point.accesses)?;
    let means = [point.total(), point.translation()];
    for mean in means
        .into_iter()
        .chain(Owner::ALL.map(|owner| point.of(owner)))
    {
        write!(text, ",{mean:.6}")?;
    }
    writeln!(text)
}

impl Serialize for Sweep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("lookaside", env!("CARGO_PKG_VERSION"))?;
        map.serialize_entry("cpu", &self.cpu)?;
        map.serialize_entry("ram_bytes", &self.ram.0)?;
        map.serialize_entry("points", &self.points)?;
        map.end()
    }
}

/// All but the first three fields are mean cycles of an access.
impl Serialize for SweepPoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("working_set_bytes", &self.working_set.0)?;
        map.serialize_entry("pages", &self.pages)?;
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
        serializer.collect_map(Owner::ALL.map(|owner| (owners::key(owner), self.0.of(owner))))
    }
}
