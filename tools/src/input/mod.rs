//! Input files: plain or compressed, named or standard input, always as one stream.

mod compression;
mod error;
mod progress;
mod source;
mod stream;
#[cfg(test)]
mod tests;

pub use compression::Compression;
pub(crate) use compression::ZSTD_WINDOW_LOG_MAX;
pub use error::InputError;
pub use progress::Progress;
pub use source::Source;
pub use stream::{Input, open};
