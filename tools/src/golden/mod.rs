//! Golden files: recorded truth about what a processor and an operating system's memory
//! manager must do.
//!
//! Two kinds are accesses from emulators that ran them bare. A file of *vectors* has single accesses with cold caches: registers, the paging-structure
//! entries on the way, and the outcome with the entries at the end. A file of *sequences* has
//! stores to page tables, instructions that invalidate, and accesses, where what is cached
//! matters. The third kind are [transcripts](transcript) of calls to Windows.

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
pub mod transcript;
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

/// How a golden file begins: vectors and sequences, and transcripts.
pub const MAGICS: [&[u8]; 2] = [b"# golden MMU ", b"# vmgold "];
