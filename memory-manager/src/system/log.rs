//! What the system's tasks did: counters, and an event for each run if somebody wants them.

use std::fmt;

use super::{SystemTask, Trigger};
use crate::Machine;

/// A run of one of the system's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskRun {
    /// How many seconds had passed.
    pub second: u64,
    /// Which task it was.
    pub task: SystemTask,
    /// Why it ran.
    pub trigger: Trigger,
    /// What it did, in pages: looked at, trimmed, taken out, written, added to page files or cut
    /// off them, or zeroed.
    pub pages: u64,
    /// Operations of disks that failed.
    pub failures: u64,
}

impl fmt::Display for TaskRun {
    /// In one line, as `3 s: modified page writer (memory was short): 16 pages, 0 failures`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            second,
            task,
            trigger,
            pages,
            failures,
        } = self;
        write!(
            f,
            "{second} s: {task} ({trigger}): {pages} pages, {failures} failures"
        )
    }
}

/// What the runs of a task came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TaskCounters {
    /// How many there were.
    pub runs: u64,
    /// What they did, in pages, as in [`TaskRun::pages`].
    pub pages: u64,
    /// Operations of disks that failed.
    pub failures: u64,
}

/// The system's clock, and what its tasks did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    second: u64,
    counters: [TaskCounters; SystemTask::ALL.len()],
    /// Since when written pages of files wait, as far as each second tells.
    pub(super) mapped_since: Option<u64>,
    /// The runs, if somebody asks.
    runs: Option<Vec<TaskRun>>,
}

impl Tasks {
    pub(super) fn pass_second(&mut self) {
        self.second += 1;
    }

    pub(super) fn second(&self) -> u64 {
        self.second
    }

    /// Notes a run, by what it did in pages and the operations that failed.
    pub(crate) fn note(&mut self, task: SystemTask, trigger: Trigger, pages: u64, failures: u64) {
        let counters = &mut self.counters[task as usize];
        counters.runs += 1;
        counters.pages += pages;
        counters.failures += failures;
        if let Some(runs) = &mut self.runs {
            runs.push(TaskRun {
                second: self.second,
                task,
                trigger,
                pages,
                failures,
            });
        }
    }
}

impl Machine {
    /// How many seconds have passed for the system, by [`Machine::tick`].
    pub fn seconds(&self) -> u64 {
        self.kernel.physical.tasks.second
    }

    /// What the runs of one of the system's tasks came to.
    pub fn task_counters(&self, task: SystemTask) -> TaskCounters {
        self.kernel.physical.tasks.counters[task as usize]
    }

    /// Begins to record the runs of the system's tasks: the same calls give the same runs.
    ///
    /// ```
    /// use memory_manager::{Machine, MachineConfig};
    ///
    /// let mut machine = Machine::new(&MachineConfig::default())?;
    /// machine.record_task_runs();
    /// machine.tick()?;
    /// let runs: Vec<_> = machine.take_task_runs().iter().map(ToString::to_string).collect();
    /// assert_eq!(runs, [
    ///     "1 s: working-set manager (its time had come): 0 pages, 0 failures",
    ///     "1 s: balance set manager (its time had come): 0 pages, 0 failures",
    /// ]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record_task_runs(&mut self) {
        self.kernel.physical.tasks.runs.get_or_insert_default();
    }

    /// The runs since they were last taken, in order.
    pub fn take_task_runs(&mut self) -> Vec<TaskRun> {
        let runs = self.kernel.physical.tasks.runs.as_mut();
        runs.map(std::mem::take).unwrap_or_default()
    }

    /// Ends what [`Machine::record_task_runs`] began; runs that were not taken are forgotten.
    pub fn stop_recording_task_runs(&mut self) {
        self.kernel.physical.tasks.runs = None;
    }
}
