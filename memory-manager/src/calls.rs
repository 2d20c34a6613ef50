//! The calls, one a file.

mod alloc;
pub(crate) mod copy;
mod flush;
mod free;
mod map;
mod protect;
mod query;
mod section;
mod unmap;
mod write_watch;
