//! The steps of a run, which are the same for every machine that goes through them: they
//! depend on the traces and on how these take turns, and not on what an access costs.

use std::{collections::VecDeque, ops::Range};

use super::{Program, Schedule, SimError, TraceCounts, Watch, ram_needed::PagesTouched};
use crate::{
    input::Source,
    trace::{BATCH_RECORDS, Record},
};

/// What a processor does next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Some of the records of a trace that are read.
    Records {
        processor: usize,
        trace: usize,
        places: Range<usize>,
    },
    /// It goes on with a thread of a process.
    Switch { processor: usize, process: usize },
}

/// How many records a processor does before the next one has its turn, if there are several:
/// few, since what they share is shared at the same time.
const TURN: usize = 16;

/// Traces, and how far they are.
pub(super) struct Feed<'a> {
    threads: Vec<Thread<'a>>,
    processors: Vec<Queue>,
    /// The processor whose turn it is.
    next: usize,
    schedule: Schedule,
    turn: usize,
    fed: u64,
    steps: Vec<Step>,
}

struct Thread<'a> {
    program: Program<'a>,
    process: usize,
    processor: usize,
    /// How many records came before those of the batch.
    before: u64,
    batch: Vec<Record>,
    next: usize,
    is_at_end: bool,
    counts: TraceCounts,
}

/// The threads of a processor, the one that runs first.
struct Queue {
    threads: VecDeque<usize>,
    quantum_left: u64,
    /// Whether it has made the records of its turn, and may go on with another thread.
    has_run: bool,
}

impl<'a> Feed<'a> {
    pub(super) fn new(programs: Vec<Program<'a>>, schedule: Schedule, processors: usize) -> Self {
        let queue = |number| Queue {
            threads: (0..programs.len())
                .filter(|&trace| schedule.processor(trace, processors) == number)
                .collect(),
            quantum_left: schedule.quantum.get(),
            has_run: false,
        };
        Self {
            processors: (0..processors).map(queue).collect(),
            threads: (0..)
                .zip(programs)
                .map(|(number, program)| Thread {
                    program,
                    process: schedule.process(number),
                    processor: schedule.processor(number, processors),
                    before: 0,
                    batch: Vec::new(),
                    next: 0,
                    is_at_end: false,
                    counts: TraceCounts::default(),
                })
                .collect(),
            next: 0,
            schedule,
            turn: if processors == 1 { BATCH_RECORDS } else { TURN },
            fed: 0,
            steps: Vec::new(),
        }
    }

    /// Finds the next steps, all of whose records are read then, up to so many records from
    /// the start. Whether there are any.
    pub(super) fn advance_to(&mut self, limit: u64) -> Result<bool, SimError> {
        self.steps.clear();
        let mut idle = 0;
        while idle < self.processors.len() {
            let queue = &mut self.processors[self.next];
            let Some(&number) = queue.threads.front() else {
                idle += 1;
                self.next_turn();
                continue;
            };
            idle = 0;
            let thread = &mut self.threads[number];
            if thread.needs_records() {
                if !self.steps.is_empty() {
                    return Ok(true);
                }
                thread.read()?;
            }
            let left = thread.batch.len() - thread.next;
            if left == 0 {
                queue.threads.pop_front();
                self.go_on(number);
                self.next_turn();
            } else if queue.has_run {
                if queue.quantum_left == 0 {
                    queue.threads.rotate_left(1);
                    self.go_on(number);
                }
                self.next_turn();
            } else {
                let most = queue.quantum_left.min(limit - self.fed);
                let count = usize::try_from(most).map_or(left, |most| most.min(left));
                let count = count.min(self.turn);
                if count == 0 {
                    break;
                }
                let places = thread.next..thread.next + count;
                thread.take(count);
                queue.quantum_left -= count as u64;
                queue.has_run = true;
                self.fed += count as u64;
                self.steps.push(Step::Records {
                    processor: self.next,
                    trace: number,
                    places,
                });
            }
        }
        Ok(!self.steps.is_empty())
    }

    /// The processor whose turn it is goes on with the first thread of its queue, after
    /// another one.
    fn go_on(&mut self, before: usize) {
        let queue = &mut self.processors[self.next];
        queue.quantum_left = self.schedule.quantum.get();
        match queue.threads.front() {
            Some(&next) if next != before => self.steps.push(Step::Switch {
                processor: self.next,
                process: self.threads[next].process,
            }),
            _ => {}
        }
    }

    fn next_turn(&mut self) {
        self.processors[self.next].has_run = false;
        self.next = (self.next + 1) % self.processors.len();
    }

    /// The traces of a processor, the one that runs first in front.
    pub(super) fn queue(&self, processor: usize) -> impl Iterator<Item = usize> {
        self.processors[processor].threads.iter().copied()
    }

    /// The process that a trace is, or is a thread of.
    pub(super) fn process(&self, trace: usize) -> usize {
        self.threads[trace].process
    }

    /// The next records of a trace, which are read now: so many at most, and no more than are
    /// made in one turn. None are left at its end.
    pub(super) fn look_ahead(&mut self, trace: usize, most: u64) -> Result<Range<usize>, SimError> {
        let thread = &mut self.threads[trace];
        if thread.needs_records() {
            thread.read()?;
        }
        let left = (thread.batch.len() - thread.next).min(self.turn);
        let count = usize::try_from(most).map_or(left, |most| most.min(left));
        Ok(thread.next..thread.next + count)
    }

    /// So many of the records of a trace were made.
    pub(super) fn made(&mut self, trace: usize, count: usize) {
        self.threads[trace].take(count);
        self.fed += count as u64;
    }

    /// What was found last.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The records of a trace that are read.
    pub(super) fn batch(&self, trace: usize) -> &[Record] {
        &self.threads[trace].batch
    }

    /// All records of the steps so far.
    pub(super) fn records(&self) -> u64 {
        self.fed
    }

    /// The name of a trace, and the number of a record of its batch, the first of all being 1.
    pub(super) fn place_of(&self, trace: usize, place: usize) -> (&Source, u64) {
        let thread = &self.threads[trace];
        (&thread.program.source, thread.before + place as u64 + 1)
    }

    pub(super) fn schedule(&self) -> Schedule {
        self.schedule
    }

    /// Each trace's name, and its records of the steps so far.
    pub(super) fn traces(&self) -> impl Iterator<Item = Fed<'_>> {
        self.threads.iter().map(|thread| Fed {
            source: &thread.program.source,
            counts: thread.counts,
        })
    }

    /// The records of all steps so far.
    pub(super) fn counts(&self) -> TraceCounts {
        self.sum(|_| true)
    }

    /// Those that a processor made.
    pub(super) fn counts_of(&self, processor: usize) -> TraceCounts {
        self.sum(|thread| thread.processor == processor)
    }

    fn sum(&self, of: impl Fn(&Thread<'_>) -> bool) -> TraceCounts {
        let mut sum = TraceCounts::default();
        let threads = self.threads.iter().filter(|thread| of(thread));
        threads.for_each(|thread| sum.add(thread.counts));
        sum
    }

    /// Reads all traces to their ends for the pages that they touch.
    pub(super) fn touch_the_rest(
        &mut self,
        pages: &mut PagesTouched,
        watch: &mut dyn Watch,
    ) -> Result<(), SimError> {
        let mut records = self.fed;
        for thread in &mut self.threads {
            loop {
                pages.touch_all(thread.process, &thread.batch);
                records += thread.batch.len() as u64;
                watch.records_done(records);
                if watch.is_interrupted() {
                    let records = self.fed;
                    return Err(SimError::Interrupted { records });
                }
                if thread.program.reader.next_batch(&mut thread.batch)? == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// A trace, and what was fed of it.
pub(super) struct Fed<'a> {
    pub(super) source: &'a Source,
    pub(super) counts: TraceCounts,
}

impl Thread<'_> {
    fn needs_records(&self) -> bool {
        self.next == self.batch.len() && !self.is_at_end
    }

    fn read(&mut self) -> Result<(), SimError> {
        self.before += self.batch.len() as u64;
        self.next = 0;
        self.is_at_end = self.program.reader.next_batch(&mut self.batch)? == 0;
        Ok(())
    }

    fn take(&mut self, count: usize) {
        let records = &self.batch[self.next..self.next + count];
        for record in records {
            self.counts.count(record.kind);
        }
        self.next += count;
    }
}
