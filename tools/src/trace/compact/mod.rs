//! Lookaside's own format for traces, `.lkt`: the records as deltas, in blocks with a
//! checksum, in one zstd frame. It says what a lackey trace says, record for record, and is
//! read several times as fast. docs/trace-format.md describes it to the byte.

mod block;
mod error;
mod opcode;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{BadRecord, CompactError};
pub use reader::CompactReader;
pub use writer::CompactWriter;

/// The first bytes of such a trace. The first is no text, and the line ends show a transfer
/// that has tampered with them.
pub const MAGIC: [u8; 8] = *b"\x89LKT\r\n\x1a\n";

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The magic bytes, the version, and a word that is zero.
const HEADER_BYTES: usize = 16;
