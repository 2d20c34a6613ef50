//! Scripts of calls to the memory manager: who allocates what, who touches it, and what must
//! come of it.

mod calls;
mod constants;
mod counter;
mod error;
mod help;
mod parse;
mod picture;
mod run;
mod script;
mod setting;
#[cfg(test)]
mod tests;
mod words;

pub use error::{FailedStatement, Failure, ScriptError};
pub use help::{language, reference};
pub use parse::parse;
pub use picture::{Part, Picture, Use};
pub use run::{RunOptions, run};
pub use script::Script;
pub use setting::Setting;
