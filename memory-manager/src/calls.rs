//! The calls, one a file.

pub(crate) mod alloc;
pub(crate) mod copy;
mod discard;
mod end_of_file;
mod flush;
mod free;
mod lock;
mod map;
mod memory;
mod page_file;
mod prefetch;
mod processors;
mod protect;
mod query;
pub(crate) mod query_region;
pub(crate) mod query_section;
pub(crate) mod query_working_set;
mod read_file;
mod section;
mod thread;
mod unmap;
mod working_set;
mod write_watch;
