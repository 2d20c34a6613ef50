//! Images of the Linux Memory Extractor, version 1: ranges of memory, one after another,
//! each with a header.

#[cfg(test)]
mod tests;

use units::PhysAddr;

use super::{
    ImageError, ImageFormat, MemoryImage,
    fields::{u32_at, u64_at},
    pages::{CHUNK_BYTES, Pages},
};
use crate::input::Input;

/// What is wrong with an image of the Linux Memory Extractor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimeError {
    /// The file ends too early.
    #[error("truncated: the file ends here, but {expected} reaches to {end:#x}")]
    Truncated {
        /// What is missing.
        expected: &'static str,
        /// Where that would end.
        end: u64,
    },
    /// Where the header of a range should be is something else.
    #[error("{0:#x} where the header of a range should start with 0x4c694d45")]
    NoHeader(u32),
    /// The version of a header is unknown.
    #[error("a LiME header of version {0}; only 1 is known")]
    Version(u32),
    /// A range's addresses cannot be.
    #[error(
        "a range from {first} to {last} (included): it must end below 2^52, and not before it starts"
    )]
    Range {
        /// The address of its first byte.
        first: PhysAddr,
        /// The address of its last byte.
        last: PhysAddr,
    },
    /// The same memory is in the file twice.
    #[error("memory at {0} is in the file twice")]
    Twice(PhysAddr),
}

const MAGIC: u32 = 0x4c69_4d45;
const HEADER_BYTES: usize = 32;
const PHYSICAL_BYTES: u64 = 1 << 52;

/// Memory and where its header lies in the file.
struct Range {
    first: PhysAddr,
    length: u64,
    header_at: u64,
}

pub(super) fn load(input: &mut Input) -> Result<MemoryImage, ImageError> {
    let mut pages = Pages::default();
    let mut ranges = Vec::new();
    while let Some(range) = header(input)? {
        copy(input, &range, &mut pages)?;
        ranges.push(range);
    }
    ranges.sort_unstable_by_key(|range| range.first);
    for pair in ranges.windows(2) {
        let [one, other] = [&pair[0], &pair[1]];
        if other.first.as_u64() - one.first.as_u64() < one.length {
            let at = one.header_at.max(other.header_at);
            return Err(locate(input, at, LimeError::Twice(other.first)));
        }
    }
    let ranges = ranges.iter().map(|range| (range.first, range.length));
    let ram = pages
        .into_ram(ranges)
        .map_err(|cause| ImageError::TooLarge {
            source_name: input.source().clone(),
            cause,
        })?;
    Ok(MemoryImage {
        ram,
        vcpus: Vec::new(),
        machine: None,
        format: ImageFormat::Lime,
    })
}

/// The next range, unless the file ends here.
fn header(input: &mut Input) -> Result<Option<Range>, ImageError> {
    let at = input.offset();
    let mut header = [0; HEADER_BYTES];
    let count = input.read_full(&mut header)?;
    if count == 0 {
        return Ok(None);
    }
    let fields = || {
        let [magic, version] = [u32_at(&header[..count], 0)?, u32_at(&header[..count], 4)?];
        let [first, last] = [u64_at(&header[..count], 8)?, u64_at(&header[..count], 16)?];
        (count == HEADER_BYTES).then_some((magic, version, first, last))
    };
    let Some((magic, version, first, last)) = fields() else {
        let error = LimeError::Truncated {
            expected: "the header of a range",
            end: at + HEADER_BYTES as u64,
        };
        return Err(locate(input, at + count as u64, error));
    };
    if magic != MAGIC {
        return Err(locate(input, at, LimeError::NoHeader(magic)));
    }
    if version != 1 {
        return Err(locate(input, at + 4, LimeError::Version(version)));
    }
    if last < first || last >= PHYSICAL_BYTES {
        let [first, last] = [first, last].map(PhysAddr::new);
        return Err(locate(input, at + 8, LimeError::Range { first, last }));
    }
    Ok(Some(Range {
        first: PhysAddr::new(first),
        length: last - first + 1,
        header_at: at,
    }))
}

fn copy(input: &mut Input, range: &Range, pages: &mut Pages) -> Result<(), ImageError> {
    let start = input.offset();
    let end = start + range.length;
    let mut chunk = vec![0; CHUNK_BYTES];
    while input.offset() < end {
        let at = input.offset();
        let wanted = usize::try_from(end - at).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let count = input.read_full(&mut chunk[..wanted])?;
        if count < wanted {
            let expected = "a range";
            let error = LimeError::Truncated { expected, end };
            return Err(locate(input, at + count as u64, error));
        }
        pages.copy(range.first.wrapping_add(at - start), &chunk[..count]);
    }
    Ok(())
}

fn locate(input: &Input, offset: u64, error: LimeError) -> ImageError {
    ImageError::Lime {
        source_name: input.source().clone(),
        offset,
        error,
    }
}
