//! Several machines run the same trace, record by record, in one pass over it.

mod axis;
mod differences;
mod text;

use serde::Serialize;

use super::{MachineConfig, Report, SimError, Watch, run::Run};
use crate::{input::Source, page_policy::Description, preset::Preset, trace::TraceReader};

pub use axis::{Axis, AxisError, MOST_VARIANTS, product};
use differences::Difference;

/// A machine to be compared.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its processor.
    pub preset: Preset,
    /// What is chosen about it besides.
    pub config: MachineConfig,
}

impl Variant {
    /// What it is called in results and messages: its processor and its size of page.
    pub fn name(&self) -> String {
        let pages = Description(self.config.pages);
        format!("{}, {pages}", self.preset.name)
    }
}

/// The full report of every machine, and what differs.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    lookaside: &'static str,
    #[serde(skip)]
    names: Vec<String>,
    variants: Vec<Report>,
    differences: Vec<Difference>,
}

/// Runs a trace through all machines.
///
/// # Errors
/// [`SimError::Variant`] with the first machine that cannot be built or go on, or
/// [`SimError`] as of [`run`](super::run) if it is not about one machine.
pub fn compare(
    reader: &mut dyn TraceReader,
    source_name: &Source,
    variants: &[Variant],
    watch: &mut dyn Watch,
) -> Result<Comparison, SimError> {
    let names: Vec<_> = variants.iter().map(Variant::name).collect();
    let about = |name: &String, error| match error {
        error @ (SimError::Trace(_) | SimError::Interrupted { .. }) => error,
        error => SimError::Variant {
            variant: name.clone(),
            error: Box::new(error),
        },
    };
    let runs = variants.iter().zip(&names).map(|(variant, name)| {
        let run = Run::new(source_name, &variant.preset, variant.config);
        run.map_err(|error| about(name, error))
    });
    let mut runs = runs.collect::<Result<Vec<_>, _>>()?;
    let mut batch = Vec::new();
    let mut records = 0;
    loop {
        let read = reader.next_batch(&mut batch)?;
        if read == 0 {
            break;
        }
        for (run, name) in runs.iter_mut().zip(&names) {
            let done = run.make(&batch, reader, watch);
            done.map_err(|error| about(name, error))?;
        }
        records += read as u64;
        watch.records_done(records);
        if watch.is_interrupted() {
            return Err(SimError::Interrupted { records });
        }
    }
    Ok(Comparison::new(
        names,
        runs.into_iter().map(Run::report).collect(),
    ))
}

impl Comparison {
    fn new(names: Vec<String>, variants: Vec<Report>) -> Self {
        Self {
            lookaside: env!("CARGO_PKG_VERSION"),
            differences: differences::between(&names, &variants),
            names,
            variants,
        }
    }

    /// Keeps only so many of each report's pages, regions and instructions.
    pub fn keep_top(&mut self, count: usize) {
        for report in &mut self.variants {
            report.keep_top(count);
        }
    }
}
