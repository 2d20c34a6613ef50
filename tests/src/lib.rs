//! What the tests that cross crates share: the data, page tables to walk, and processors of
//! shapes simple enough to reckon with.
#![forbid(unsafe_code)]

pub mod data;
mod one_page;
pub mod processor;
mod random;
mod tables;

pub use one_page::OnePage;
pub use random::Random;
pub use tables::Tables;
