//! `sim` over a range of sizes: what an access costs as its memory grows.

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
        compare::Variant,
        sweep::{self, Swept, Workload},
    },
};

/// How many accesses of each size are counted at least, if nothing is said.
const USUAL: u64 = 1_000_000;

/// Where a curve goes.
#[derive(Clone, Debug, Args)]
pub(super) struct Curve {
    /// Draw what an access costs over a range of sizes into this file
    #[arg(long, value_name = "FILE.svg", requires = "pattern")]
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
