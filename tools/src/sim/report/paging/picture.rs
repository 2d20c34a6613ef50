//! What memory under pressure came to over time, as a picture.

use super::{Paging, Part, Report};
use crate::{
    byte_size::ByteSize,
    plot::{Form, Panel, Panels, PartSeries, PlotError},
    sim::report::text::excerpt,
};

/// A name, and what it stands for of a part of a run.
type Shown<'a> = (&'a str, fn(&Part) -> f64);

/// What counts are shown for each of so many accesses.
const EACH: f64 = 1000.0;

/// How many columns a title may have.
const TITLE: usize = 76;
const CPU: usize = 40;

impl Report {
    /// What the run came to over time, as a picture; none of a machine that does not page.
    ///
    /// # Errors
    /// [`PlotError`] if it cannot be drawn.
    pub fn svg(&self) -> Option<Result<String, PlotError>> {
        let paging = self.paging.as_ref()?;
        let setup = self.setup();
        let memory = ByteSize(setup.ram_bytes);
        let subtitle = format!(
            "{}, {memory} of memory, {:.3} seconds at {} MHz; each step is a part of the run",
            excerpt(&setup.title, CPU),
            paging.seconds,
            setup.core_mhz().unwrap_or_default()
        );
        Some(
            paging
                .picture(excerpt(&self.trace.name, TITLE).to_string(), subtitle)
                .svg(),
        )
    }
}

impl Paging {
    fn picture(&self, title: String, subtitle: String) -> Panels {
        let parts = &self.over_time;
        let (unit, x_label) = unit(parts.iter().map(|part| part.records).sum());
        let mut done = 0;
        let ends = parts.iter().map(|part| {
            done += part.records;
            done as f64 / unit
        });
        let steps =
            |y_label: &str, series: &[Shown<'_>]| panel(parts, y_label, Form::Steps, series);
        Panels {
            title,
            subtitle,
            x_label: x_label.into(),
            ends: ends.collect(),
            panels: vec![
                steps(
                    "per 1000 accesses",
                    &[
                        ("new pages", |part| part.each(part.counts.demand_zero)),
                        ("soft faults", |part| part.each(part.counts.soft)),
                        ("hard faults", |part| part.each(part.counts.hard)),
                        ("collided faults", |part| part.each(part.counts.collided)),
                    ],
                ),
                steps(
                    "per 1000 accesses",
                    &[
                        ("pages trimmed", |part| part.each(part.counts.trimmed)),
                        ("TLB shootdowns", |part| part.each(part.counts.shootdowns)),
                    ],
                ),
                steps(
                    "per 1000 accesses",
                    &[
                        ("pages read", |part| part.each(part.counts.pages_read)),
                        ("pages written", |part| part.each(part.counts.pages_written)),
                    ],
                ),
                steps(
                    "cycles an access",
                    &[
                        ("all", |part| part.each(part.cycles) / EACH),
                        ("waiting for disks", |part| {
                            part.each(part.disk_cycles) / EACH
                        }),
                    ],
                ),
                panel(
                    parts,
                    "% of the cycles",
                    Form::Stack,
                    &[
                        ("programs", |part| {
                            part.share(part.cycles - part.system_cycles())
                        }),
                        ("page faults", |part| part.share(part.fault_cycles)),
                        ("forgetting translations", |part| {
                            part.share(part.forgetting_cycles())
                        }),
                        ("waiting for disks", |part| part.share(part.disk_cycles)),
                    ],
                ),
            ],
        }
    }
}

impl Part {
    fn each(&self, count: u64) -> f64 {
        EACH * super::ratio(count, self.records)
    }

    fn share(&self, cycles: u64) -> f64 {
        100.0 * super::ratio(cycles, self.cycles)
    }

    fn system_cycles(&self) -> u64 {
        self.fault_cycles + self.forgetting_cycles() + self.disk_cycles
    }
}

fn panel(parts: &[Part], y_label: &str, form: Form, series: &[Shown<'_>]) -> Panel {
    let series = series.iter().map(|(name, of)| PartSeries {
        name: (*name).into(),
        values: parts.iter().map(of).collect(),
    });
    Panel {
        y_label: y_label.into(),
        form,
        series: series.collect(),
    }
}

/// The unit of an axis of so many accesses, so that its numbers are short.
fn unit(records: u64) -> (f64, &'static str) {
    match records {
        0..10_000 => (1.0, "accesses made"),
        10_000..10_000_000 => (1e3, "accesses made, in thousands"),
        _ => (1e6, "accesses made, in millions"),
    }
}
