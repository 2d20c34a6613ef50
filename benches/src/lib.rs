//! The worlds that are measured, the same for the clock and for the count of instructions.
//!
//! A world does a fixed number of operations a round, and every round's result is checked.
//! What a round cannot show, such as whether it walked, an audit does before and after.

mod clock;
mod counted;
mod cut;
mod faults;
mod flat;
mod frames;
mod functional;
mod leaving;
mod page_files;
mod patterns;
mod process;
mod reading;
mod regions;
mod relief;
mod shootdowns;
mod tables;
mod timed;
mod touched;
mod whole;

pub use clock::{time, time_faults, time_leaving, time_relief};
pub use counted::Counted;
pub use cut::Cut;
pub use faults::{FAULTS, FaultWorld};
pub use flat::FlatMemory;
pub use frames::FrameWorld;
pub use functional::FunctionalWorld;
pub use leaving::LeavingWorld;
pub use page_files::{PAGE_FILE_BYTES, PageFileWorld};
pub use patterns::PatternWorld;
pub use reading::{Contents, ReadWorld};
pub use regions::RegionWorld;
pub use relief::ReliefWorld;
pub use shootdowns::ShootdownWorld;
pub use tables::PageTables;
pub use timed::TimedWorld;
pub use touched::TouchedWorld;
pub use whole::{Extent, golden_cove, simulate};

/// How many operations a round of a world does.
pub const OPERATIONS: u64 = 4096;
