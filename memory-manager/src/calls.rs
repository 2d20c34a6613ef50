//! The calls, one a file.

pub(crate) mod alloc;
mod flush;
mod free;
mod map;
mod protect;
mod query;
mod section;
mod thread;
mod unmap;
mod write_watch;
