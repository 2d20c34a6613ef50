use std::{
    fmt,
    io::{self, BufRead, Read},
};

use flate2::bufread::MultiGzDecoder;
use liblzma::{
    bufread::XzDecoder,
    stream::{CONCATENATED, Stream},
};

/// The longest window a zstd frame may ask for: 128 MiB, as `zstd --long` writes. A frame of a
/// few bytes can ask for as much, so that more would be too much.
pub(crate) const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// What an xz stream may need: `xz -9` makes files that need 65 MiB.
const XZ_MEMORY_LIMIT: u64 = 128 << 20;

/// How an input is compressed, found from its first bytes and never from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// Zstandard frames, one after another.
    Zstd,
    /// XZ streams, one after another.
    Xz,
    /// Gzip members, one after another.
    Gzip,
}

impl Compression {
    /// How many bytes tell the compressions apart.
    pub(super) const MAGIC_BYTES: usize = 6;

    /// The compression of a stream that starts with these bytes.
    pub fn detect(start: &[u8]) -> Self {
        match start {
            // The second form is a skippable frame, which some tools write first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // The third byte is the only method there is: deflate.
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            _ => Self::Plain,
        }
    }

    /// Puts the decoder of this compression before a reader.
    pub(super) fn decode<R>(self, raw: R) -> io::Result<Box<dyn Read + Send>>
    where
        R: BufRead + Send + 'static,
    {
        Ok(match self {
            Self::Plain => Box::new(raw),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
            Self::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY_LIMIT, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(raw, stream))
            }
            Self::Gzip => Box::new(MultiGzDecoder::new(raw)),
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Gzip => "gzip",
        })
    }
}
