//! Several machines run the same traces in one pass over them.

mod axis;
mod differences;
mod text;

use serde::Serialize;

use super::{
    Machine, MachineConfig, Paging, Program, Report, Schedule, SimError, Watch, feed::Feed,
    run::drive,
};
use crate::{page_policy::Description, preset::Preset};

pub use axis::{Axis, AxisError, MOST_VARIANTS, product};
use differences::Difference;

/// A machine to be compared.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its processor.
    pub preset: Preset,
    /// What is chosen about it besides; all variants have as many processors.
    pub config: MachineConfig,
}

impl Variant {
    /// What it is called in results and messages: its processor, its size of page, and its
    /// paging if that is not the usual one; and its memory if that goes to a page file.
    pub fn name(&self) -> String {
        let pages = Description(self.config.pages);
        let paging = match self.config.paging {
            Paging::FourLevel => "",
            Paging::FiveLevel => ", 5-level paging",
        };
        let ram = match self.config.page_file {
            Some(_) => format!(", {} of memory", self.config.ram),
            None => String::new(),
        };
        format!("{}, {pages}{paging}{ram}", self.preset.name)
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

/// Runs traces through all machines, in one pass over them.
///
/// # Errors
/// [`SimError::Variant`] with the first machine that cannot be built or go on, or
/// [`SimError`] as of [`run`](super::run()) if it is not about one machine.
pub fn compare(
    programs: Vec<Program<'_>>,
    schedule: Schedule,
    variants: &[Variant],
    watch: &mut dyn Watch,
) -> Result<Comparison, SimError> {
    let names: Vec<_> = variants.iter().map(Variant::name).collect();
    let about = |name: &String, error| SimError::Variant {
        variant: name.clone(),
        error: Box::new(error),
    };
    let processes = schedule.processes(programs.len());
    let machines = variants.iter().zip(&names).map(|(variant, name)| {
        let machine = Machine::new(&variant.preset, variant.config, processes);
        machine.map_err(|error| about(name, error))
    });
    let mut machines = machines.collect::<Result<Vec<_>, _>>()?;
    let processors = machines
        .first()
        .map_or(1, |machine| machine.processors().len());
    let mut feed = Feed::new(programs, schedule, processors);
    drive(&mut feed, &mut machines, u64::MAX, watch).map_err(|failed| match failed.machine {
        Some(number) => about(&names[number], failed.error),
        None => failed.error,
    })?;
    let reports = variants.iter().zip(&machines);
    let reports = reports.map(|(variant, machine)| Report::new(&feed, &variant.preset, machine));
    Ok(Comparison::new(names, reports.collect()))
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
