//! What is fuzzed: each function takes any bytes at all, and must neither panic nor fail to
//! end. The targets of `fuzz` call them with what a fuzzer thinks of, a test with bytes at
//! random and with damaged files.

mod calls;
mod files;
mod hostile_memory;
mod page_tables;
mod registers;
mod scripts;
mod supply;

pub use calls::calls;
pub use files::{golden, images, presets, traces};
pub use page_tables::page_tables;
pub use registers::registers;
pub use scripts::scripts;
