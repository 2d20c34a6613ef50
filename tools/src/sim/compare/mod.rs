//! Several machines run the same traces in one pass over them.

mod axis;
mod differences;
mod text;

use serde::Serialize;

use super::{
    Machine, MachineConfig, Paging, Program, Report, Schedule, SimError, Waits, Watch, feed::Feed,
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
    /// What machines are called in results and messages: their processors, sizes of page, and
    /// pagings if they are not the usual one; and their memories if these are not all the same,
    /// or go to page files.
    pub(super) fn names(variants: &[Self]) -> Vec<String> {
        let ram = |variant: &Self| variant.config.ram;
        let differ = variants.windows(2).any(|two| ram(&two[0]) != ram(&two[1]));
        let name = |variant: &Self| {
            let pages = Description(variant.config.pages);
            let paging = match variant.config.paging {
                Paging::FourLevel => "",
                Paging::FiveLevel => ", 5-level paging",
            };
            let ram = if differ || variant.config.page_file.is_some() {
                format!(", {} of memory", variant.config.ram)
            } else {
                String::new()
            };
            format!("{}, {pages}{paging}{ram}", variant.preset.name)
        };
        variants.iter().map(name).collect()
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

/// Runs traces through all machines, in one pass over them. A processor of several machines waits
/// with its trace ([`Waits::Stay`]).
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
    let schedule = Schedule {
        waits: Waits::Stay,
        ..schedule
    };
    let names = Variant::names(variants);
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
