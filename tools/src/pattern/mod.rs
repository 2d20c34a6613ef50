//! Traces that are made and not recorded: the access patterns that are used to measure
//! memory with.

mod error;
mod places;
mod random;
mod range;
mod reader;
mod spec;
#[cfg(test)]
mod tests;
mod zipf;

pub use error::PatternError;
pub use range::{PatternRange, Patterns};
pub use reader::PatternReader;
pub use spec::{BASE, Pattern, Seed, Shape};
