use units::PhysAddr;

use super::{super::ElfError, Located};

const PHYSICAL_BYTES: u64 = 1 << 52;

/// A loadable segment, as its program header has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) index: usize,
    /// Where the program header lies in the file.
    pub(super) header_at: u64,
    pub(super) offset: u64,
    pub(super) paddr: PhysAddr,
    pub(super) file_bytes: u64,
    pub(super) memory_bytes: u64,
}

/// A piece of the file and the memory it holds; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) paddr: PhysAddr,
    pub(super) length: u64,
}

impl Extent {
    fn end(&self) -> u64 {
        self.offset + self.length
    }

    fn memory_end(&self) -> u64 {
        self.paddr.as_u64() + self.length
    }
}

/// The memory of all segments, by offset in the file.
///
/// With `dump-guest-memory -p` each segment is a piece of virtual memory, and any number of
/// them share a page; they agree then on where in the file it is. What a segment has in
/// memory beyond its bytes in the file was left out of the core, and is no memory here.
pub(super) fn extents(segments: &[Segment], file_length: Option<u64>) -> Located<Vec<Extent>> {
    let mut parts = Vec::new();
    for segment in segments {
        check(segment, file_length)?;
        if segment.file_bytes > 0 {
            parts.push(Extent {
                offset: segment.offset,
                paddr: segment.paddr,
                length: segment.file_bytes,
            });
        }
    }
    let shift = |extent: &Extent| extent.paddr.as_u64().wrapping_sub(extent.offset);
    parts.sort_unstable_by_key(|extent| (shift(extent), extent.offset));
    let mut extents: Vec<Extent> = Vec::new();
    for part in parts {
        match extents.last_mut() {
            Some(last) if shift(last) == shift(&part) && part.offset <= last.end() => {
                last.length = last.length.max(part.end() - last.offset);
            }
            _ => extents.push(part),
        }
    }

    extents.sort_unstable_by_key(|extent| extent.paddr);
    for pair in extents.windows(2) {
        let [one, other] = [pair[0], pair[1]];
        let paddr = other.paddr;
        if paddr.as_u64() < one.memory_end() {
            let first = one.offset + (paddr.as_u64() - one.paddr.as_u64());
            let second = other.offset;
            let error = ElfError::TwoContents {
                paddr,
                first,
                second,
            };
            return Err((second, error));
        }
    }
    extents.sort_unstable_by_key(|extent| extent.offset);
    for pair in extents.windows(2) {
        let [one, other] = [pair[0], pair[1]];
        let offset = other.offset;
        if offset < one.end() {
            let error = ElfError::TwoAddresses {
                offset,
                first: one.paddr.wrapping_add(offset - one.offset),
                second: other.paddr,
            };
            return Err((offset, error));
        }
    }
    if extents.is_empty() {
        return Err((0, ElfError::NoMemory));
    }
    Ok(extents)
}

fn check(segment: &Segment, file_length: Option<u64>) -> Located<()> {
    let Segment {
        index,
        offset,
        paddr,
        ..
    } = *segment;
    let length = segment.file_bytes.max(segment.memory_bytes);
    let memory_end = paddr.checked_add(length);
    if memory_end.is_none_or(|end| end.as_u64() > PHYSICAL_BYTES) {
        let error = ElfError::SegmentTooLarge {
            index,
            paddr,
            length,
        };
        return Err((segment.header_at, error));
    }
    let length = segment.file_bytes;
    if length == 0 {
        return Ok(());
    }
    let Some(end) = offset.checked_add(length) else {
        let error = ElfError::SegmentOutsideFile {
            index,
            offset,
            length,
        };
        return Err((segment.header_at, error));
    };
    match file_length.filter(|&file_length| file_length < end) {
        Some(file_length) => {
            let expected = "a segment";
            Err((file_length, ElfError::Truncated { expected, end }))
        }
        None => Ok(()),
    }
}
