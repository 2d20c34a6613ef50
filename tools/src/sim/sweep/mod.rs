//! What an access costs as the working set grows: one run for each size of working set on each
//! machine.

mod show;

use std::fmt;

use mmu_core::{Breakdown, Owner};

use super::{
    Machine, Program, Schedule, SimError, Watch,
    compare::Variant,
    feed::Feed,
    report::setup::Setup,
    run::{Failed, drive},
};
use crate::{byte_size::ByteSize, input::Source, trace::TraceReader};

/// The accesses over a working set.
pub struct Workload {
    /// All of them, those that warm the caches up first.
    pub reader: Box<dyn TraceReader>,
    /// What they are called.
    pub source: Source,
    /// How many records come before what is measured: whole laps, as many as it takes until
    /// all pages are there and the caches hold what they will.
    pub warm_up: u64,
}

/// What is run over all working sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The access pattern and its sizes.
    pub pattern: String,
    /// How many accesses are measured at least for each size.
    pub accesses: u64,
    /// What the random numbers of each size begin with.
    pub seed: u64,
}

/// What an access cost on average, for each size on each machine.
#[derive(Clone, Debug)]
pub struct Sweep {
    swept: Swept,
    names: Vec<String>,
    machines: Vec<Setup>,
    points: Vec<SweepPoint>,
}

/// What an access cost with a size of working set on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepPoint {
    /// The working set.
    pub working_set: ByteSize,
    /// The number of the machine, the first being 0.
    pub machine: usize,
    /// How many records were measured.
    pub accesses: u64,
    /// What they cost together.
    pub spent: Breakdown,
}

impl SweepPoint {
    /// The mean cycles of an access.
    pub fn total(&self) -> f64 {
        self.per_access(self.spent.total().as_u64())
    }

    /// The mean cycles of an access that went to address translation.
    pub fn translation(&self) -> f64 {
        self.per_access(self.spent.translation().as_u64())
    }

    /// The mean cycles of an access that went to an owner.
    pub fn of(&self, owner: Owner) -> f64 {
        self.per_access(self.spent.of(owner).as_u64())
    }

    fn has(&self, owner: Owner) -> bool {
        self.spent.of(owner) != mmu_core::Cycles::ZERO
    }

    fn per_access(&self, cycles: u64) -> f64 {
        super::report::ratio(cycles, self.accesses)
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Workload");
        fields
            .field("warm_up", &self.warm_up)
            .finish_non_exhaustive()
    }
}

/// Runs the workload of every size on every machine. Each is made anew for each run.
///
/// # Errors
/// [`SimError::Variant`] with the machine and the size of the first run that failed, or
/// [`SimError::Interrupted`].
pub fn sweep(
    swept: Swept,
    variants: &[Variant],
    workloads: &[(ByteSize, impl Fn() -> Workload)],
    watch: &mut dyn Watch,
) -> Result<Sweep, SimError> {
    let names = Variant::names(variants);
    let mut points = Vec::new();
    let mut watch = Summed { watch, before: 0 };
    for (machine, variant) in variants.iter().enumerate() {
        for (working_set, workload) in workloads {
            let measured = measure(variant, workload(), &mut watch);
            let (accesses, spent) = measured.map_err(|error| match error {
                error @ SimError::Interrupted { .. } => error,
                error => SimError::Variant {
                    variant: format!("{working_set} on {}", names[machine]),
                    error: Box::new(error),
                },
            })?;
            points.push(SweepPoint {
                working_set: *working_set,
                machine,
                accesses,
                spent,
            });
        }
    }
    let setup =
        |variant: &Variant| Setup::new(&variant.preset, variant.config, Schedule::default(), []);
    Ok(Sweep {
        swept,
        names,
        machines: variants.iter().map(setup).collect(),
        points,
    })
}

impl Sweep {
    /// What was found, by machine, then by working set, both in the order asked for.
    pub fn points(&self) -> &[SweepPoint] {
        &self.points
    }
}

/// What the accesses after the warm-up cost, and how many they are.
fn measure(
    variant: &Variant,
    workload: Workload,
    watch: &mut Summed<'_>,
) -> Result<(u64, Breakdown), SimError> {
    let Workload {
        mut reader,
        source,
        warm_up,
    } = workload;
    let program = Program {
        reader: &mut *reader,
        source,
    };
    let mut machine = Machine::new(&variant.preset, variant.config, 1)?;
    let processors = machine.processors().len();
    let mut feed = Feed::new(vec![program], Schedule::default(), processors);
    let mut run_to = |limit, machine: &mut Machine| {
        let machines = std::slice::from_mut(machine);
        drive(&mut feed, machines, limit, watch).map_err(Failed::into_error)?;
        Ok::<_, SimError>(feed.records())
    };
    run_to(warm_up, &mut machine)?;
    let warm = machine.cycles();
    let records = run_to(u64::MAX, &mut machine)?;
    if records <= warm_up {
        return Err(SimError::NothingMeasured { records, warm_up });
    }
    watch.before += records;
    Ok((records - warm_up, machine.cycles() - warm))
}

/// Counts the records of all runs.
struct Summed<'a> {
    watch: &'a mut dyn Watch,
    before: u64,
}

impl Watch for Summed<'_> {
    fn records_done(&mut self, records: u64) {
        self.watch.records_done(self.before + records);
    }

    fn is_interrupted(&self) -> bool {
        self.watch.is_interrupted()
    }
}

#[cfg(test)]
mod tests;
