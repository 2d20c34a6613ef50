//! What the tests that cross crates share: the data, page tables to walk, and processors of
//! shapes simple enough to reckon with.
#![forbid(unsafe_code)]

pub mod captures;
pub mod chase;
pub mod data;
pub mod fuzzing;
mod one_page;
pub mod oracle;
pub mod processor;
pub mod product;
mod random;
pub mod random_machine;
pub mod reference;
pub mod settings;
pub mod software;
mod tables;

pub use one_page::OnePage;
pub use random::Random;
pub use tables::Tables;
