//! Golden files: accesses recorded from emulators that ran them bare, with all that a
//! processor must do about them.
//!
//! A file of *vectors* has single accesses with cold caches: registers, the paging-structure
//! entries on the way, and the outcome with the entries at the end. A file of *sequences* has
//! stores to page tables, instructions that invalidate, and accesses, where what is cached
//! matters.

mod access;
mod category;
mod control;
mod entries;
mod error;
mod fields;
mod file;
mod layout;
mod lines;
mod op;
mod outcome;
mod path_memory;
mod processor;
mod sequences;
mod small;
mod stale_walk;
mod staleness;
mod tables;
#[cfg(test)]
mod tests;
mod vector;
mod vectors;

pub use access::Access;
pub use category::Category;
pub use control::{Control, Keys};
pub use entries::Entries;
pub use error::{GoldenError, Malformed};
pub use file::{GoldenFile, GoldenMismatch};
pub use op::{Bit, Expected, Op};
pub use outcome::{Got, Outcome};
pub use sequences::{Machine, SequenceMismatch, Wanted};
pub use vector::Vector;
pub use vectors::{Look, VectorMismatch};

/// How a golden file of either kind begins.
pub const MAGIC: &[u8] = b"# golden MMU ";
