//! Memory traces: what a program, or a whole machine, accessed.
//!
//! A trace of virtual addresses is read through [`TraceReader`], whatever its format, a
//! batch of records at a time; [`mmut`] reads the traces that also say which physical
//! address each access must reach.

pub mod compact;
mod error;
mod excerpt;
mod format;
mod lackey;
pub mod mmut;
mod reader;
mod record;
mod saving;
mod threaded;

pub use compact::{CompactReader, CompactWriter};
pub use error::TraceError;
pub use excerpt::Excerpt;
pub use format::{TraceFormat, UnknownFormatName, open};
pub use lackey::{LackeyReader, Malformed};
pub use reader::{BATCH_RECORDS, Counts, Records, TraceReader};
pub use record::{Record, RecordKind};
pub use saving::SavingReader;
pub use threaded::ThreadedReader;
