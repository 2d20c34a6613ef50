//! Kdump-compressed dumps, as makedumpfile and QEMU write them: headers, a bitmap of the
//! pages that were dumped, a descriptor of each, and the pages, each compressed by itself.
//!
//! They are read from the front to the back. A flattened one is rearranged first. A page
//! that was not dumped is no memory.

mod bytes;
mod error;
mod header;
mod packing;
mod rearranged;
#[cfg(test)]
mod tests;

use units::PhysAddr;

pub use error::{Arrangement, FlattenedError, KdumpError};
pub use packing::Packing;

use super::{
    ImageError, ImageFormat, MemoryImage,
    fields::{u32_at, u64_at},
    pages::Pages,
};
use crate::input::Input;
use bytes::Bytes;
use header::Header;
use packing::PAGE_BYTES;
use rearranged::Rearranged;

const DESCRIPTOR_BYTES: usize = 24;

pub(super) fn load(input: Input) -> Result<MemoryImage, ImageError> {
    load_bytes(Bytes::Stream(input), ImageFormat::Kdump)
}

pub(super) fn load_flattened(mut input: Input) -> Result<MemoryImage, ImageError> {
    let content = Rearranged::load(&mut input)?;
    load_bytes(Bytes::Rearranged(content), ImageFormat::KdumpFlattened)
}

fn load_bytes(mut bytes: Bytes, format: ImageFormat) -> Result<MemoryImage, ImageError> {
    let header = Header::read(&mut bytes)?;
    let bitmap = bytes.take(header.bitmap, header.frames.div_ceil(8), "a bitmap")?;
    let frames = Frames(&bitmap, header.frames);
    let stored = descriptors(&mut bytes, &header, &frames)?;
    if stored.is_empty() {
        return Err(bytes.error(header.bitmap, KdumpError::NoMemory));
    }
    let pages = copy(&mut bytes, &stored)?;
    let ram = pages.into_ram(frames.ranges());
    let ram = ram.map_err(|cause| ImageError::TooLarge {
        source_name: bytes.source().clone(),
        cause,
    })?;
    Ok(MemoryImage {
        ram,
        vcpus: header.notes.vcpus,
        machine: header.machine,
        format,
    })
}

/// The page frames that were dumped: a bitmap, and how many of its bits count.
struct Frames<'a>(&'a [u8], u64);

impl Frames<'_> {
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let bytes = (0..).zip(self.0).filter(|(_, byte)| **byte != 0);
        let bits = bytes.flat_map(|(at, byte)| {
            let set = (0..8).filter(move |bit| byte >> bit & 1 == 1);
            set.map(move |bit| at * 8 + bit)
        });
        bits.take_while(|number| *number < self.1)
    }

    /// The memory that they are, next to each other taken together.
    fn ranges(&self) -> impl Iterator<Item = (PhysAddr, u64)> {
        let mut numbers = self.numbers().peekable();
        std::iter::from_fn(move || {
            let first = numbers.next()?;
            let mut end = first + 1;
            while numbers.next_if_eq(&end).is_some() {
                end += 1;
            }
            Some((page(first), (end - first) * PAGE_BYTES as u64))
        })
    }
}

fn page(frame: u64) -> PhysAddr {
    PhysAddr::new(frame * PAGE_BYTES as u64)
}

/// Where a page is in the file, and how.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stored {
    offset: u64,
    length: u32,
    flags: u32,
    frame: u64,
}

/// The descriptors of all pages, by offset of the page in the file.
fn descriptors(
    bytes: &mut Bytes,
    header: &Header,
    frames: &Frames<'_>,
) -> Result<Vec<Stored>, ImageError> {
    let mut stored = Vec::new();
    let mut at = header.descriptors;
    for frame in frames.numbers() {
        let mut descriptor = [0; DESCRIPTOR_BYTES];
        bytes.read(at, &mut descriptor, "a page descriptor")?;
        let word = |at| u32_at(&descriptor, at).unwrap_or_default();
        stored.push(Stored {
            offset: u64_at(&descriptor, 0).unwrap_or_default(),
            length: word(8),
            flags: word(12),
            frame,
        });
        at += DESCRIPTOR_BYTES as u64;
    }
    stored.sort_unstable();
    Ok(stored)
}

/// Reads the pages. Many may share one place in the file: all pages of zeros do.
fn copy(bytes: &mut Bytes, stored: &[Stored]) -> Result<Pages, ImageError> {
    let mut pages = Pages::default();
    let mut packed = [0; PAGE_BYTES];
    let mut content = [0; PAGE_BYTES];
    let place = |one: &Stored| (one.offset, one.length, one.flags);
    for shared in stored.chunk_by(|one, other| place(one) == place(other)) {
        unpack(bytes, shared[0], &mut packed, &mut content)?;
        for one in shared {
            pages.copy(page(one.frame), &content);
        }
    }
    Ok(pages)
}

/// Reads one page.
fn unpack(
    bytes: &mut Bytes,
    stored: Stored,
    packed: &mut [u8; PAGE_BYTES],
    content: &mut [u8; PAGE_BYTES],
) -> Result<(), ImageError> {
    let Stored {
        offset,
        length,
        flags,
        frame,
    } = stored;
    let page = page(frame);
    let Some(packing) = Packing::from_flags(flags) else {
        return Err(bytes.error(offset, KdumpError::UnknownPacking { page, flags }));
    };
    let Some(packed) = packed.get_mut(..length as usize) else {
        return Err(bytes.error(offset, KdumpError::PageLength { page, length }));
    };
    bytes.read(offset, packed, "a page")?;
    packing.unpack(packed, content).map_err(|reason| {
        let error = KdumpError::Damaged {
            page,
            packing,
            reason,
        };
        bytes.error(offset, error)
    })
}
