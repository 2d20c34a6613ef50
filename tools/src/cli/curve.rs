//! `sim` over a range of sizes: what an access costs as its memory grows; and the picture of one
//! run.

use std::path::PathBuf;

use clap::Args;

use super::{
    CliError, Outcome,
    interrupt::Interrupt,
    outputs::{Output, Text, write_text},
    progress::ProgressWatch,
    results::Results,
    trace_input::Generated,
};
use crate::{
    pattern::{PatternRange, PatternReader},
    sim::{
        MachineConfig, Report,
        compare::Variant,
        sweep::{self, Swept, Workload},
    },
};

/// What is run, if not a range of sizes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Runs {
    /// One machine.
    One(MachineConfig),
    /// Several machines side by side.
    Compared,
}

/// How many accesses of each size are counted at least, if nothing is said.
const USUAL: u64 = 1_000_000;

/// Where a curve goes.
#[derive(Clone, Debug, Args)]
pub(super) struct Curve {
    /// Draw into this file what an access costs over a range of sizes; or what one run under
    /// memory pressure came to over time
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Write what an access costs over a range of sizes, by what the cycles went to, as
    /// comma-separated values to this file
    #[arg(long, value_name = "FILE.csv", requires = "pattern")]
    csv: Option<PathBuf>,
}

impl Curve {
    /// The files that it writes.
    pub(super) fn outputs(&self) -> impl Iterator<Item = Output<'_>> {
        let svg = Output::of("--svg", self.svg.as_ref());
        svg.into_iter()
            .chain(Output::of("--csv", self.csv.as_ref()))
    }

    /// Refuses what does not go with one size: a picture is drawn of one run that pages.
    pub(super) fn check_one_size(&self, runs: &Runs) -> Result<(), CliError> {
        match (&self.svg, &self.csv, runs) {
            (_, Some(_), _) => Err(CliError::NoRange("--csv")),
            (Some(_), None, Runs::Compared) => Err(CliError::OneRunOnly("--svg")),
            (Some(_), None, Runs::One(config)) if config.page_file.is_none() => {
                Err(CliError::NothingToDraw("--svg"))
            }
            _ => Ok(()),
        }
    }

    /// Draws one run.
    pub(super) fn draw_run(&self, report: &Report) -> Result<(), CliError> {
        match (&self.svg, report.svg()) {
            (Some(_), Some(svg)) => write_text(self.svg.as_ref(), &svg?),
            _ => Ok(()),
        }
    }

    /// Measures the range on all machines, and writes what was found.
    pub(super) fn draw(
        &self,
        range: &PatternRange,
        generated: &Generated,
        variants: &[Variant],
        (results, text): (&Results, Text),
        interrupt: &Interrupt,
    ) -> Result<Outcome, CliError> {
        let (at_least, seed) = (generated.accesses(USUAL), generated.seed());
        let workloads = range.patterns().iter().map(|pattern| {
            let make = move || {
                let warm_up = pattern.warm_up();
                let accesses = warm_up.saturating_add(pattern.whole_laps(at_least));
                let reader = PatternReader::new(pattern, accesses, seed);
                Workload {
                    source: reader.source().clone(),
                    reader: Box::new(reader),
                    warm_up,
                }
            };
            (pattern.size(), make)
        });
        let swept = Swept {
            pattern: range.to_string(),
            accesses: at_least,
            seed: seed.0,
        };
        let workloads: Vec<_> = workloads.collect();
        let mut watch = ProgressWatch::new(Vec::new(), interrupt.clone());
        let sweep = sweep::sweep(swept, variants, &workloads, &mut watch)?;
        watch.clear();
        let over = interrupt.run_is_over();
        over.map_err(|_| CliError::Interrupted)?;
        if self.svg.is_some() {
            write_text(self.svg.as_ref(), &sweep.svg()?)?;
        }
        write_text(self.csv.as_ref(), &sweep.csv())?;
        results.write_json(&sweep)?;
        interrupt.files_are_written();
        if text == Text::Stdout {
            results.print(|writer| write!(writer, "{sweep}"))?;
        }
        Ok(Outcome::Done)
    }
}
