//! What the `lookaside` command reads and writes: traces, memory images, output files.
//!
//! Inputs are streams: a trace of many gigabytes, compressed or not, is read in constant
//! memory. Every error says which file it is about and where in it.
#![forbid(unsafe_code)]

pub mod image;
pub mod input;
pub mod output;
pub mod trace;
