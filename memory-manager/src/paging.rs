//! How pages leave memory and come back.

mod file_in;
mod mapped_writer;
mod page_in;
mod page_out;
mod writer;

pub(crate) use page_in::SPARED;
