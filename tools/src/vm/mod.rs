//! Scripts of calls to the memory manager: who allocates what, who touches it, and what must
//! come of it.

mod constants;
mod error;
mod extended;
mod parse;
mod picture;
mod run;
mod script;
#[cfg(test)]
mod tests;

pub use error::{FailedStatement, Failure, ScriptError};
pub use parse::parse;
pub use picture::{Part, Picture, Use};
pub use run::{Setting, run};
pub use script::Script;
