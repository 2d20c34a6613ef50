//! The page-frame database: what each frame of physical memory is in use for, and where those
//! are that can be had.
//!
//! What becomes of a frame when is told in `docs/physical-memory.md`.

mod check;
mod database;
mod list;
mod lists;
mod record;
mod untouched;

pub use check::FrameFault;
pub(crate) use database::{Content, Evicted, FrameDatabase, Taken, Wanted};
pub use lists::PageLists;
pub(crate) use record::FrameFlags;
pub use record::FrameState;
pub(crate) use record::Record;

#[cfg(test)]
mod tests;
