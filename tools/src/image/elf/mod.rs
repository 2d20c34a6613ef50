//! ELF cores of a whole machine. They may be compressed, so they are read from the front to
//! the back: first the headers and notes, then the memory.

mod headers;
mod segments;

use units::PhysAddr;

use super::{
    ElfError, ImageError, ImageFormat, MemoryImage,
    pages::{CHUNK_BYTES, Pages},
};
use crate::input::Input;
use headers::Headers;
use segments::{Extent, extents};

/// An error and its offset in the file, until the file's name is added.
type Located<T> = Result<T, (u64, ElfError)>;

pub(super) fn load(input: &mut Input) -> Result<MemoryImage, ImageError> {
    let headers = Headers::read(input)?;
    let extents = extents(&headers.segments, input.length());
    let extents = extents.map_err(|error| locate(input, error))?;

    let mut pages = Pages::default();
    for extent in &extents {
        copy(input, extent, &mut pages)?;
    }
    let ranges = extents.iter().map(|extent| (extent.paddr, extent.length));
    let ram = pages
        .into_ram(ranges)
        .map_err(|cause| ImageError::TooLarge {
            source_name: input.source().clone(),
            cause,
        })?;
    Ok(MemoryImage {
        ram,
        vcpus: headers.vcpus,
        machine: Some(headers.machine),
        format: ImageFormat::ElfCore,
    })
}

/// Skips to the extent, which is not behind, and reads it.
fn copy(input: &mut Input, extent: &Extent, pages: &mut Pages) -> Result<(), ImageError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let end = extent.offset + extent.length;
    while input.offset() < end {
        let at = input.offset();
        let stop = if at < extent.offset {
            extent.offset
        } else {
            end
        };
        let wanted = usize::try_from(stop - at).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let count = input.read_full(&mut chunk[..wanted])?;
        if count < wanted {
            let expected = "a segment";
            let error = ElfError::Truncated { expected, end };
            return Err(locate(input, (at + count as u64, error)));
        }
        if at >= extent.offset {
            let paddr = extent.paddr.as_u64() + (at - extent.offset);
            pages.copy(PhysAddr::new(paddr), &chunk[..count]);
        }
    }
    Ok(())
}

fn locate(input: &Input, (offset, error): (u64, ElfError)) -> ImageError {
    ImageError::Elf {
        source_name: input.source().clone(),
        offset,
        error,
    }
}
