use memory_manager::demand::{AccessError, ServiceError};
use mmu_core::FORESEEN;

use super::{
    Machine, MachineConfig, MachineError, Program, Report, Schedule, SimError,
    dispatch::dispatch,
    error::describe,
    feed::{Feed, Step},
    ram_needed::PagesTouched,
};
use crate::{input::Source, preset::Preset, trace::TraceReader};

/// Looks on while a long run goes on, and may end it.
pub trait Watch {
    /// So many records are done. Called every few thousand of them.
    fn records_done(&mut self, records: u64);

    /// Whether the run is to end now.
    fn is_interrupted(&self) -> bool;
}

/// Runs a trace through a machine.
///
/// # Errors
/// [`SimError`] if the machine cannot be built, the trace cannot be read to its end, an
/// access cannot be made, or the watch ends the run.
pub fn run(
    reader: &mut dyn TraceReader,
    source_name: &Source,
    preset: &Preset,
    config: MachineConfig,
    watch: &mut dyn Watch,
) -> Result<Report, SimError> {
    let program = Program {
        reader,
        source: source_name.clone(),
    };
    run_programs(vec![program], Schedule::default(), preset, config, watch)
}

/// Runs several traces through one machine, in turns.
///
/// # Errors
/// As [`run`], for any of the traces.
pub fn run_programs(
    programs: Vec<Program<'_>>,
    schedule: Schedule,
    preset: &Preset,
    config: MachineConfig,
    watch: &mut dyn Watch,
) -> Result<Report, SimError> {
    let traces = programs.len();
    let mut machine = Machine::new(preset, config, schedule.processes(traces))?;
    let mut feed = Feed::new(programs, schedule, machine.processors().len());
    let done = if schedule.gives_way(traces, config) {
        machine.give_way();
        dispatch(&mut feed, &mut machine, watch)
    } else {
        let machines = std::slice::from_mut(&mut machine);
        drive(&mut feed, machines, u64::MAX, watch)
    };
    done.map_err(Failed::into_error)?;
    Ok(Report::new(&feed, preset, &machine))
}

/// A run that could not go on.
pub(super) struct Failed {
    /// The machine that could not, if it was one of them.
    pub(super) machine: Option<usize>,
    pub(super) error: SimError,
}

impl Failed {
    pub(super) fn into_error(self) -> SimError {
        self.error
    }
}

/// What is wrong with none of the machines.
impl From<SimError> for Failed {
    fn from(error: SimError) -> Self {
        Self {
            machine: None,
            error,
        }
    }
}

/// Lets all machines go through the steps of a feed, up to so many records.
pub(super) fn drive(
    feed: &mut Feed<'_>,
    machines: &mut [Machine],
    limit: u64,
    watch: &mut dyn Watch,
) -> Result<(), Failed> {
    while feed.advance_to(limit)? {
        for (number, machine) in machines.iter_mut().enumerate() {
            if let Err(stopped) = go(machine, feed) {
                return Err(stopped.explain(number, machine, feed, watch));
            }
        }
        let records = feed.records();
        watch.records_done(records);
        if watch.is_interrupted() {
            return Err(SimError::Interrupted { records }.into());
        }
    }
    Ok(())
}

/// Goes through the next steps.
fn go(machine: &mut Machine, feed: &Feed<'_>) -> Result<(), Stopped> {
    for step in feed.steps() {
        match step {
            &Step::Switch { processor, process } => machine.switch(processor, process)?,
            Step::Records {
                processor,
                trace,
                places,
            } => {
                let records = &feed.batch(*trace)[places.clone()];
                for (done, record) in records.iter().enumerate() {
                    if done % FORESEEN == 0 {
                        let next = &records[done..];
                        machine.foresee(*processor, &next[..next.len().min(FORESEEN)]);
                    }
                    if let Err(error) = machine.access(*processor, record) {
                        return Err(Stopped::at(*trace, places.start + done, error));
                    }
                }
                if let Err(error) = machine.let_time_pass(*processor) {
                    return Err(Stopped::at(*trace, places.end - 1, error));
                }
            }
        }
    }
    Ok(())
}

/// Why a machine cannot make its next step.
pub(super) enum Stopped {
    /// It cannot do at all what it was asked for.
    Machine(SimError),
    /// It cannot make the access of a record.
    Access {
        trace: usize,
        place: usize,
        error: MachineError,
    },
}

impl From<SimError> for Stopped {
    fn from(error: SimError) -> Self {
        Self::Machine(error)
    }
}

impl Stopped {
    #[cold]
    pub(super) fn at(trace: usize, place: usize, error: MachineError) -> Self {
        match error {
            MachineError::Machine(error) => Self::Machine(error),
            error => Self::Access {
                trace,
                place,
                error,
            },
        }
    }

    /// Says where it was. If it was for lack of memory, the rest of the traces is read to tell
    /// how much they need.
    pub(super) fn explain(
        self,
        number: usize,
        machine: &Machine,
        feed: &mut Feed<'_>,
        watch: &mut dyn Watch,
    ) -> Failed {
        let of_machine = |error| Failed {
            machine: Some(number),
            error,
        };
        let (trace, place, error) = match self {
            Self::Machine(error) => return of_machine(error),
            Self::Access {
                trace,
                place,
                error,
            } => (trace, place, error),
        };
        let (source, record) = feed.place_of(trace, place);
        let source_name = source.clone();
        let description = describe(&feed.batch(trace)[place]);
        let error = match error {
            MachineError::Machine(error) => return of_machine(error),
            MachineError::Paging(error) => {
                return of_machine(SimError::Paging {
                    source_name,
                    record,
                    description,
                    error,
                });
            }
            MachineError::Access(error) => error,
        };
        let (AccessError::Service(ServiceError::OutOfMemory(out)), Some(demand)) =
            (error, machine.on_demand())
        else {
            return of_machine(SimError::Access {
                source_name,
                record,
                description,
                error,
            });
        };
        let config = machine.config();
        let mut touched = PagesTouched::of(demand, config);
        if let Err(error) = feed.touch_the_rest(&mut touched, watch) {
            return error.into();
        }
        of_machine(SimError::OutOfMemory {
            source_name,
            ram: config.ram,
            record,
            description,
            page_size: out.size,
            needed: touched.bytes(),
        })
    }
}
