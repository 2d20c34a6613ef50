//! How pages leave memory and come back.

mod file_in;
mod in_flight;
mod mapped_writer;
mod page_in;
mod page_out;
mod reader;
mod writer;

pub use in_flight::PageReadId;
pub(crate) use in_flight::{Awaited, FailedPage, PagesInFlight};
pub(crate) use page_in::SPARED;
pub(crate) use reader::{Patience, Reader};
