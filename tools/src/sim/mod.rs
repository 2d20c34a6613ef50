//! A trace run through a modelled machine: the program's memory appears on demand in a
//! process of the memory manager, and every access goes through the MMU and the caches.

pub mod baseline;
pub mod compare;
mod config;
mod cores;
mod demand;
mod dispatch;
mod error;
mod feed;
mod machine;
mod memory;
pub mod metric;
mod paged;
mod port;
mod processor;
mod ram_needed;
mod report;
mod run;
mod schedule;
pub mod sweep;
pub mod why;

pub use config::{MachineConfig, PageFile, PageFilePlace, Paging, Pcids};
pub use error::SimError;
pub use machine::{Machine, MachineError};
pub use paged::PagingError;
pub use report::{DEFAULT_TOP, Report, TraceCounts};
pub use run::{Watch, run, run_programs};
pub use schedule::{Program, Schedule, Traces, Waits};

/// The trace that is run when none is named: a Perl program that counts the words of a
/// text, recorded with `valgrind --tool=lackey --trace-mem=yes`.
pub const EMBEDDED_TRACE: &[u8] = include_bytes!("../../data/words.lackey.zst");

/// The name of the embedded trace.
pub const EMBEDDED_TRACE_NAME: &str = "words (built in)";
