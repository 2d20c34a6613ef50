//! What the system does by itself: Windows' system threads, as tasks that run to their end when a
//! second has passed or when something has happened.
//!
//! Which task does what when is told in `docs/physical-memory.md`. What they go by is known from
//! literature, most of it not read again.

use std::fmt;

use crate::{Machine, Status};

mod balance_set;
mod dereference;
mod log;
mod mapped_writer;
mod modified_writer;
mod shortage;
mod stall;
mod swapper;
mod usage;
mod working_sets;
mod writer;
mod zero_pages;

pub(crate) use log::Tasks;
pub use log::{TaskCounters, TaskRun};
pub(crate) use stall::{Cause, Stall};
pub(crate) use usage::Usage;
pub(crate) use working_sets::AMPLE;

/// A thread of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SystemTask {
    /// The process/stack swapper.
    Swapper,
    /// The dereference segment thread.
    DereferenceSegment,
    /// The modified page writer: to page files.
    ModifiedPageWriter,
    /// The mapped page writer: to files.
    MappedPageWriter,
    /// The balance set manager, which the working-set manager is a part of.
    BalanceSetManager,
    /// The working-set manager: ages pages and trims working sets.
    WorkingSetManager,
    /// The zero-page thread.
    ZeroPage,
}

impl SystemTask {
    /// All of them, those of the highest priority first.
    pub const ALL: [Self; 7] = [
        Self::Swapper,
        Self::DereferenceSegment,
        Self::ModifiedPageWriter,
        Self::MappedPageWriter,
        Self::BalanceSetManager,
        Self::WorkingSetManager,
        Self::ZeroPage,
    ];

    /// Its priority (Windows Internals, 6th edition; that of the balance set manager as
    /// ReactOS's `KeBalanceSetManager` has it, too).
    pub const fn priority(self) -> u8 {
        match self {
            Self::Swapper => 23,
            Self::DereferenceSegment => 18,
            Self::ModifiedPageWriter | Self::MappedPageWriter => 17,
            Self::BalanceSetManager | Self::WorkingSetManager => 16,
            Self::ZeroPage => 0,
        }
    }
}

impl fmt::Display for SystemTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Swapper => "process/stack swapper",
            Self::DereferenceSegment => "dereference segment thread",
            Self::ModifiedPageWriter => "modified page writer",
            Self::MappedPageWriter => "mapped page writer",
            Self::BalanceSetManager => "balance set manager",
            Self::WorkingSetManager => "working-set manager",
            Self::ZeroPage => "zero-page thread",
        })
    }
}

/// Why a task ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Its time had come.
    Time,
    /// Few pages could be had.
    MemoryShort,
    /// A frame was needed at once, in the midst of a call, and none could be had.
    FrameNeeded,
    /// Too many pages waited to be written.
    ManyModified,
    /// Pages had waited for too long to be written.
    LongModified,
    /// More was to be promised than there was.
    CommitShort,
    /// A process that was out did something.
    Use,
    /// A call asked for it.
    Call,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Time => "its time had come",
            Self::MemoryShort => "memory was short",
            Self::FrameNeeded => "a frame was needed",
            Self::ManyModified => "many pages waited to be written",
            Self::LongModified => "pages waited long to be written",
            Self::CommitShort => "commit was short",
            Self::Use => "a process was used",
            Self::Call => "a call asked for it",
        })
    }
}

impl Machine {
    /// Lets a second pass for the system: its threads do what it is time for. Disks that fail
    /// stop none of them; what they could not do is done another time, and what processes left
    /// behind that ended when their files could not be written, too.
    ///
    /// # Errors
    /// [`Status::InternalError`]: page tables do not answer.
    pub fn tick(&mut self) -> Result<(), Status> {
        self.kernel.physical.tasks.pass_second();
        self.kernel.physical.stall.is_over();
        self.manage_balance_set()?;
        // Those whose turn it is then, by their priority.
        self.swap_idle_processes()?;
        self.dereference_segments()?;
        self.kernel.write_many_modified()?;
        self.kernel.write_many_mapped()?;
        self.zero_pages()
    }
}
