//! Which trace each processor runs, and for how long.

use std::num::NonZeroU64;

use serde::Serialize;

use super::MachineConfig;
use crate::{input::Source, trace::TraceReader};

/// A trace to run.
#[expect(missing_debug_implementations, reason = "a reader has none")]
pub struct Program<'a> {
    /// Its records.
    pub reader: &'a mut dyn TraceReader,
    /// Its name.
    pub source: Source,
}

/// What several traces are to each other, and how they take turns: trace `n` runs on processor
/// `n`, and again from the first on, and the traces of one processor take turns.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// What they are to each other.
    pub traces: Traces,
    /// After how many records a processor goes on with its next trace.
    pub quantum: NonZeroU64,
    /// What a processor does while one of its traces waits for a disk.
    pub waits: Waits,
}

/// What a processor does while one of its traces waits for a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// It goes on with another one that does not wait, if it has one, as Windows does; others may
    /// wait for the same page, or for the disk to be done with it.
    #[default]
    GiveWay,
    /// It waits, too: so that several machines, which wait at other places, make the same steps.
    Stay,
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

    /// Whether others of so many traces run while one waits for a disk.
    pub(super) fn gives_way(self, traces: usize, config: MachineConfig) -> bool {
        self.waits == Waits::GiveWay && config.page_file.is_some() && traces > 1
    }

    /// How many processes so many traces are.
    pub(super) fn processes(self, traces: usize) -> usize {
        match self.traces {
            Traces::Processes => traces,
            Traces::Threads => traces.min(1),
        }
    }

    /// The process that a trace is, or is a thread of.
    pub(super) fn process(self, trace: usize) -> usize {
        match self.traces {
            Traces::Processes => trace,
            Traces::Threads => 0,
        }
    }

    /// The processor, of so many, that a trace runs on.
    #[expect(clippy::unused_self, reason = "it is for the schedule to say")]
    pub(super) fn processor(self, trace: usize, processors: usize) -> usize {
        trace % processors
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            traces: Traces::default(),
            quantum: Self::QUANTUM,
            waits: Waits::default(),
        }
    }
}
