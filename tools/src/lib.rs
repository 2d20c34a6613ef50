//! What the `lookaside` command is made of: traces, memory images, CPU presets, the
//! simulation and its report.
//!
//! Inputs are streams: a trace of many gigabytes, compressed or not, is read in constant
//! memory. Every error says which file it is about and where in it.
#![forbid(unsafe_code)]
#![expect(
    clippy::result_large_err,
    reason = "an error ends the command: what it costs to return does not matter"
)]

pub mod byte_size;
pub mod cli;
pub mod conform;
pub mod golden;
pub mod image;
pub mod input;
pub mod number;
pub mod output;
pub mod page_policy;
pub mod pages;
pub mod pattern;
pub mod plot;
pub mod preset;
pub mod sim;
pub mod trace;
pub mod vm;
