//! What an access costs as the working set grows: one run for each size of working set and
//! each size of page.

mod show;

use std::fmt;

use mmu_core::{Breakdown, Owner, PageSize};

use super::{MachineConfig, SimError, Watch, run::Run};
use crate::{byte_size::ByteSize, input::Source, pages::Pages, preset::Preset, trace::TraceReader};

/// The accesses over a working set.
pub struct Workload {
    /// All of them, those that warm the caches up first.
    pub reader: Box<dyn TraceReader>,
    /// How many records come before what is measured: whole laps, as many as it takes until
    /// all pages are there and the caches hold what they will.
    pub warm_up: u64,
}

/// What is run.
#[derive(Clone, Debug)]
pub struct SweepConfig<'a> {
    /// The processor.
    pub preset: &'a Preset,
    /// The memory of each machine.
    pub ram: ByteSize,
    /// The sizes of working sets.
    pub sizes: &'a [ByteSize],
    /// The sizes of pages.
    pub pages: &'a [Pages],
}

/// What an access cost on average, for each size.
#[derive(Clone, Debug)]
pub struct Sweep {
    cpu: String,
    ram: ByteSize,
    points: Vec<SweepPoint>,
}

/// What an access cost with a size of working set and of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepPoint {
    /// The working set.
    pub working_set: ByteSize,
    /// The pages.
    pub pages: Pages,
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

/// Runs a workload of every size with every size of page. `workload` makes the accesses of a
/// working set anew for each run.
///
/// # Errors
/// [`SimError::Variant`] with the sizes of the first run that failed, or
/// [`SimError::Interrupted`].
pub fn sweep(
    config: &SweepConfig<'_>,
    source_name: &Source,
    mut workload: impl FnMut(ByteSize) -> Result<Workload, SimError>,
    watch: &mut dyn Watch,
) -> Result<Sweep, SimError> {
    let mut points = Vec::new();
    let mut watch = Summed { watch, before: 0 };
    for &pages in config.pages {
        for &working_set in config.sizes {
            let measured = workload(working_set)
                .and_then(|workload| measure(config, source_name, pages, workload, &mut watch));
            let (accesses, spent) = measured.map_err(|error| match error {
                error @ SimError::Interrupted { .. } => error,
                error => SimError::Variant {
                    variant: format!("{working_set} in {} pages", PageSize::from(pages)),
                    error: Box::new(error),
                },
            })?;
            points.push(SweepPoint {
                working_set,
                pages,
                accesses,
                spent,
            });
        }
    }
    Ok(Sweep {
        cpu: config.preset.name.clone(),
        ram: config.ram,
        points,
    })
}

impl Sweep {
    /// What was found, by size of page, then by working set, both in the order asked for.
    pub fn points(&self) -> &[SweepPoint] {
        &self.points
    }
}

/// What the accesses after the warm-up cost, and how many they are.
fn measure(
    config: &SweepConfig<'_>,
    source_name: &Source,
    pages: Pages,
    workload: Workload,
    watch: &mut Summed<'_>,
) -> Result<(u64, Breakdown), SimError> {
    let machine = MachineConfig {
        pages: pages.into(),
        ram: config.ram,
        ..MachineConfig::default()
    };
    let Workload {
        mut reader,
        warm_up,
    } = workload;
    let mut run = Run::new(source_name, config.preset, machine)?;
    let mut batch = Vec::new();
    let (mut records, mut warm) = (0, Breakdown::default());
    loop {
        let read = reader.next_batch(&mut batch)?;
        if read == 0 {
            break;
        }
        let read = read as u64;
        // The warm-up may end in the middle of a batch.
        let split = if (records..records + read).contains(&warm_up) {
            let split = usize::try_from(warm_up - records).unwrap_or(batch.len());
            run.make_part(&batch, 0..split, &mut *reader, watch)?;
            warm = run.machine.cycles();
            split
        } else {
            0
        };
        run.make_part(&batch, split..batch.len(), &mut *reader, watch)?;
        records += read;
        watch.records_done(records);
        if watch.is_interrupted() {
            let records = watch.before + records;
            return Err(SimError::Interrupted { records });
        }
    }
    if records <= warm_up {
        return Err(SimError::NothingMeasured { records, warm_up });
    }
    watch.before += records;
    Ok((records - warm_up, run.machine.cycles() - warm))
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
