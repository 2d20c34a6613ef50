//! Golden data and how this project does on it: recorded machines replayed, and the verdict on
//! data of every kind.

mod mode;
mod replay;
mod verdict;

pub use mode::Mode;
pub use replay::{Got, Mismatch, replay_trace};
pub use verdict::{Verdict, counts_line, file_line};
