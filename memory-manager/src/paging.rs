//! How pages leave memory and come back.

mod mapped_writer;
mod page_in;
mod writer;
