use std::fmt;

use flate2::{Decompress, FlushDecompress};

pub(super) const PAGE_BYTES: usize = 4096;

/// How a page is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// As it is.
    Plain,
    /// Compressed by zlib.
    Zlib,
    /// Compressed by LZO1X.
    Lzo,
    /// Compressed by snappy, without its framing.
    Snappy,
    /// Compressed by zstd.
    Zstd,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Zlib => "zlib",
            Self::Lzo => "lzo",
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
        })
    }
}

impl Packing {
    /// What the flags of a page say, if it is known.
    pub(super) fn from_flags(flags: u32) -> Option<Self> {
        match flags {
            0 => Some(Self::Plain),
            1 => Some(Self::Zlib),
            2 => Some(Self::Lzo),
            4 => Some(Self::Snappy),
            0x20 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Unpacks one whole page, or says why it cannot.
    pub(super) fn unpack(self, packed: &[u8], page: &mut [u8; PAGE_BYTES]) -> Result<(), String> {
        let count = match self {
            Self::Plain => {
                let count = packed.len().min(PAGE_BYTES);
                page[..count].copy_from_slice(&packed[..count]);
                count
            }
            Self::Zlib => zlib(packed, page)?,
            Self::Lzo => lzokay::decompress::decompress(packed, page).map_err(text)?,
            Self::Snappy => {
                let mut decoder = snap::raw::Decoder::new();
                decoder.decompress(packed, page).map_err(text)?
            }
            Self::Zstd => {
                let unpacked = zstd::bulk::decompress_to_buffer(packed, page);
                unpacked.map_err(text)?
            }
        };
        if count < PAGE_BYTES {
            return Err(format!("it gives {count} bytes"));
        }
        Ok(())
    }
}

/// Succeeds only at the end of the stream, where its checksum is.
fn zlib(packed: &[u8], page: &mut [u8; PAGE_BYTES]) -> Result<usize, String> {
    let mut decoder = Decompress::new(true);
    let status = decoder.decompress(packed, page, FlushDecompress::Finish);
    match status.map_err(text)? {
        flate2::Status::StreamEnd => Ok(usize::try_from(decoder.total_out()).unwrap_or(PAGE_BYTES)),
        _ => Err("the stream does not end with the page".into()),
    }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
