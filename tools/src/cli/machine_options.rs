use std::num::{NonZeroU32, NonZeroU64};

use clap::Args;

use super::from_one::from_one;
use crate::{
    byte_size::ByteSize,
    page_policy::PagePolicy,
    sim::{MachineConfig, Paging, Pcids, Schedule, Traces, Waits},
};

/// What is chosen about a machine and what runs on it.
#[derive(Debug, Args)]
pub(super) struct MachineOptions {
    /// The program's pages: 4k, 2m, 1g; or thp, 4 KiB pages that become a 2 MiB page once half
    /// of it is touched (thp:N, once N of its 512 are)
    #[arg(long, value_name = "POLICY", default_value_t = PagePolicy::default())]
    pub(super) pages: PagePolicy,
    /// The size of the machine's memory, 16GiB if nothing is said. What does not fit goes to a
    /// page file, if pages are of 4 KiB; else the run fails, and tells what would do
    #[arg(long, value_name = "SIZE")]
    pub(super) ram: Option<ByteSize>,
    /// How many processors there are; trace N runs on processor N, and again from the first on
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::MIN, value_parser = from_one::<NonZeroU32>)]
    processors: NonZeroU32,
    /// The traces are threads of one process; else each is a process
    #[arg(long)]
    threads: bool,
    /// After how many records a processor goes on with its next trace
    #[arg(long, value_name = "RECORDS", default_value_t = Schedule::QUANTUM, value_parser = from_one::<NonZeroU64>)]
    quantum: NonZeroU64,
    /// Whether processes have PCIDs
    #[arg(long, value_enum, default_value_t = Pcids::default())]
    pcids: Pcids,
    /// How many accesses a processor has under way at a time; none of them depends on another
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::MIN, value_parser = from_one::<NonZeroU32>)]
    window: NonZeroU32,
    /// How many levels of page tables processes have
    #[arg(long, value_enum, default_value_t = Paging::default())]
    pub(super) paging: Paging,
}

impl MachineOptions {
    pub(super) fn config(&self) -> MachineConfig {
        let usual = MachineConfig::default();
        MachineConfig {
            pages: self.pages,
            ram: self.ram.unwrap_or(usual.ram),
            processors: self.processors,
            pcids: self.pcids,
            window: self.window,
            paging: self.paging,
            page_file: None,
        }
    }

    pub(super) fn schedule(&self) -> Schedule {
        Schedule {
            traces: if self.threads {
                Traces::Threads
            } else {
                Traces::Processes
            },
            quantum: self.quantum,
            waits: Waits::default(),
        }
    }
}
