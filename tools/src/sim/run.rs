use super::{Machine, MachineConfig, Program, Report, Schedule, SimError, schedule::Run};
use crate::{input::Source, preset::Preset, trace::TraceReader};

/// Looks on while a long run goes on, and may end it.
pub trait Watch {
    /// So many records are done. Called every few thousand of them.
    fn records_done(&mut self, records: u64);

    /// Whether the run is to end now.
    fn is_interrupted(&self) -> bool;
}

/// Runs one trace through a machine.
///
/// # Errors
/// [`SimError`] as for [`run_programs`].
pub fn run(
    reader: &mut dyn TraceReader,
    source_name: &Source,
    preset: &Preset,
    config: MachineConfig,
    watch: &mut dyn Watch,
) -> Result<Report, SimError> {
    let source = source_name.clone();
    let program = Program { reader, source };
    run_programs(vec![program], Schedule::default(), preset, config, watch)
}

/// Runs several traces through one machine: trace `n` on processor `n`, and again from the
/// first on. The traces of one processor take turns.
///
/// # Errors
/// [`SimError`] if the machine cannot be built, a trace cannot be read to its end, an access
/// cannot be made, or the watch ends the run.
pub fn run_programs(
    programs: Vec<Program<'_>>,
    schedule: Schedule,
    preset: &Preset,
    config: MachineConfig,
    watch: &mut dyn Watch,
) -> Result<Report, SimError> {
    let processes = schedule.processes(programs.len());
    let machine = Machine::new(preset, config, processes)?;
    let names: Vec<_> = programs
        .iter()
        .map(|program| program.source.clone())
        .collect();
    let mut run = Run::new(machine, programs, schedule, config);
    run.to_the_end(watch)?;
    Ok(Report::new(
        &names,
        run.counts,
        preset,
        config,
        &run.machine,
    ))
}
