//! How pages leave memory and come back.

mod balance;
mod mapped_writer;
mod page_in;
mod writer;

pub(crate) use balance::Hand;
