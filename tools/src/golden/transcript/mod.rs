//! Transcripts of the virtual-memory API of Windows: calls and accesses with their results,
//! which the NT memory manager has to repeat to the letter.

mod call;
mod calls;
mod check;
mod cursor;
mod files;
mod fnv;
mod header;
mod line;
mod names;
mod place;
mod player;
mod region;
mod reply;
mod tag;
#[cfg(test)]
mod tests;
mod walks;

pub use call::{Call, FileName, Handle, Width};
pub use check::TranscriptMismatch;
pub use header::Header;
pub use line::{Done, Line};
pub use place::{Place, Slot};
pub use player::{Between, Got};
pub use region::{Allocation, Extent, Region, Walk};
pub use reply::{Alignment, Answer, Reply};
pub use tag::Tag;

pub(super) use check::check;
