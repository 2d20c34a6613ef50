//! Which trace each processor runs, and for how long.

use std::{collections::VecDeque, num::NonZeroU64};

use memory_manager::{AccessError, ServiceError};

use super::{
    Machine, MachineConfig, MachineError, Report, SimError, TraceCounts, Watch, error::describe,
    ram_needed::PagesTouched,
};
use crate::{
    input::Source,
    preset::Preset,
    trace::{BATCH_RECORDS, Record, TraceReader},
};

/// A trace to run.
#[expect(missing_debug_implementations, reason = "a reader has none")]
pub struct Program<'a> {
    /// Its records.
    pub reader: &'a mut dyn TraceReader,
    /// Its name.
    pub source: Source,
}

/// What several traces are to each other, and how they take turns.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// What they are to each other.
    pub traces: Traces,
    /// After how many records a processor goes on with its next trace.
    pub quantum: NonZeroU64,
}

/// What several traces are to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Traces {
    /// Processes, each with page tables of its own.
    #[default]
    Processes,
    /// Threads of one process.
    Threads,
}

impl Schedule {
    /// So many records make a quantum if nothing else is said: some 10 ms of a program that
    /// does an access every 3 ns.
    pub const QUANTUM: NonZeroU64 = NonZeroU64::new(3_000_000).unwrap();

    /// How many processes so many traces are.
    fn processes(self, traces: usize) -> usize {
        match self.traces {
            Traces::Processes => traces,
            Traces::Threads => traces.min(1),
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            traces: Traces::default(),
            quantum: Self::QUANTUM,
        }
    }
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
    let names = programs.iter().map(|program| program.source.clone());
    let names: Vec<_> = names.collect();
    let mut turns = Turns::new(machine, programs, schedule, config);
    turns.run_all(watch)?;
    Ok(Report::new(
        &names,
        turns.counts,
        preset,
        config,
        &turns.machine,
    ))
}

/// How many records a processor does before the next one has its turn, if there are several:
/// few, since what they share is shared at the same time.
const TURN: usize = 16;

/// Traces on their way through a machine.
struct Turns<'a> {
    machine: Machine,
    counts: TraceCounts,
    threads: Vec<Thread<'a>>,
    processors: Vec<Queue>,
    quantum: u64,
    turn: usize,
    config: MachineConfig,
}

struct Thread<'a> {
    program: Program<'a>,
    process: usize,
    batch: Vec<Record>,
    next: usize,
    done: u64,
}

impl Thread<'_> {
    /// Whether a record is left, which is read then.
    fn has_more(&mut self) -> Result<bool, SimError> {
        if self.next < self.batch.len() {
            return Ok(true);
        }
        self.next = 0;
        Ok(self.program.reader.next_batch(&mut self.batch)? != 0)
    }
}

/// The threads of a processor, the one that runs first.
struct Queue {
    threads: VecDeque<usize>,
    quantum_left: u64,
}

impl<'a> Turns<'a> {
    fn new(
        machine: Machine,
        programs: Vec<Program<'a>>,
        schedule: Schedule,
        config: MachineConfig,
    ) -> Self {
        let processes = machine.processes();
        let count = machine.processors().len();
        let quantum = schedule.quantum.get();
        let queue = |number| Queue {
            threads: (number..programs.len()).step_by(count).collect(),
            quantum_left: quantum,
        };
        Self {
            processors: (0..count).map(queue).collect(),
            threads: (0..)
                .zip(programs)
                .map(|(number, program)| Thread {
                    program,
                    process: number % processes,
                    batch: Vec::new(),
                    next: 0,
                    done: 0,
                })
                .collect(),
            machine,
            counts: TraceCounts::default(),
            quantum,
            turn: if count == 1 { BATCH_RECORDS } else { TURN },
            config,
        }
    }

    fn run_all(&mut self, watch: &mut dyn Watch) -> Result<(), SimError> {
        let mut told = 0;
        while self.round(watch)? {
            let records = self.counts.records();
            if records - told < BATCH_RECORDS as u64 {
                continue;
            }
            told = records;
            watch.records_done(records);
            if watch.is_interrupted() {
                return Err(SimError::Interrupted { records });
            }
        }
        watch.records_done(self.counts.records());
        Ok(())
    }

    /// A turn of every processor; whether there was anything to do.
    fn round(&mut self, watch: &mut dyn Watch) -> Result<bool, SimError> {
        let mut any = false;
        for processor in 0..self.processors.len() {
            any |= self.turn(processor, watch)?;
        }
        Ok(any)
    }

    fn turn(&mut self, processor: usize, watch: &mut dyn Watch) -> Result<bool, SimError> {
        let Some(&number) = self.processors[processor].threads.front() else {
            return Ok(false);
        };
        if !self.threads[number].has_more()? {
            self.end(processor)?;
            return Ok(true);
        }
        let thread = &self.threads[number];
        let left = self.processors[processor].quantum_left;
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let records = &thread.batch[thread.next..];
        let records = &records[..records.len().min(self.turn).min(left)];
        for (place, record) in records.iter().enumerate() {
            if let Err(error) = self.machine.access(processor, record) {
                return Err(self.explain(number, place, error, watch));
            }
            self.counts.count(record.kind);
        }
        let count = records.len();
        let thread = &mut self.threads[number];
        thread.next += count;
        thread.done += count as u64;
        self.processors[processor].quantum_left -= count as u64;
        if !thread.has_more()? {
            self.end(processor)?;
        } else if self.processors[processor].quantum_left == 0 {
            self.processors[processor].threads.rotate_left(1);
            self.go_on(processor, number)?;
        }
        Ok(true)
    }

    /// The trace that a processor runs is at its end.
    fn end(&mut self, processor: usize) -> Result<(), SimError> {
        if let Some(ended) = self.processors[processor].threads.pop_front() {
            self.go_on(processor, ended)?;
        }
        Ok(())
    }

    /// A processor goes on with the first thread of its queue, after another one.
    fn go_on(&mut self, processor: usize, before: usize) -> Result<(), SimError> {
        let queue = &mut self.processors[processor];
        queue.quantum_left = self.quantum;
        match queue.threads.front() {
            Some(&next) if next != before => {
                self.machine.switch(processor, self.threads[next].process)
            }
            _ => Ok(()),
        }
    }

    /// Why a record's access could not be made, and what would help.
    fn explain(
        &mut self,
        number: usize,
        place: usize,
        error: MachineError,
        watch: &mut dyn Watch,
    ) -> SimError {
        let thread = &self.threads[number];
        let failed = thread.batch[thread.next + place];
        let source_name = thread.program.source.clone();
        let (record, description) = (thread.done + place as u64 + 1, describe(&failed));
        let error = match error {
            MachineError::Machine(error) => return error,
            MachineError::Access(error) => error,
        };
        let AccessError::Service(ServiceError::OutOfMemory(out)) = error else {
            return SimError::Access {
                source_name,
                record,
                description,
                error,
            };
        };
        match self.pages_of_the_whole_run(watch) {
            Ok(pages) => SimError::OutOfMemory {
                source_name,
                ram: self.config.ram,
                record,
                description,
                page_size: out.size,
                needed: pages.bytes(),
            },
            Err(error) => error,
        }
    }

    /// The pages touched so far, and those that the rest of the traces will touch.
    fn pages_of_the_whole_run(&mut self, watch: &mut dyn Watch) -> Result<PagesTouched, SimError> {
        let done = self.counts.records();
        let mut pages = PagesTouched::of(&self.machine, self.config.pages.first_size());
        let mut records = done;
        for thread in &mut self.threads {
            let mut rest = thread.next;
            loop {
                pages.touch_all(thread.process, &thread.batch[rest..]);
                records += (thread.batch.len() - rest) as u64;
                watch.records_done(records);
                if watch.is_interrupted() {
                    return Err(SimError::Interrupted { records: done });
                }
                rest = 0;
                if thread.program.reader.next_batch(&mut thread.batch)? == 0 {
                    break;
                }
            }
        }
        Ok(pages)
    }
}
