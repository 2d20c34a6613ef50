//! Flattened dumps: a stream of pieces, each with its offset in the file that they make.

use std::collections::BTreeMap;

use super::{super::ImageError, super::pages::CHUNK_BYTES, FlattenedError};
use crate::input::{Input, Source};

/// The header takes a block, though most of it is not used.
const HEADER_BYTES: usize = 4096;
const RECORD_BYTES: usize = 16;

/// The content of a flattened file, in order. Pages come before what describes them, so
/// all has to be at hand; what was read is let go.
pub(super) struct Rearranged {
    source: Source,
    /// By offset. None is empty, and no two overlap.
    pieces: BTreeMap<u64, Vec<u8>>,
    reached: u64,
}

impl Rearranged {
    pub(super) fn load(input: &mut Input) -> Result<Self, ImageError> {
        let mut header = [0; HEADER_BYTES];
        read(input, &mut header, ("the header", HEADER_BYTES as u64))?;
        let [kind, version] = [&header[16..], &header[24..]].map(be_word);
        if (kind, version) != (1, 1) {
            return Err(locate(input, 16, FlattenedError::Unknown { kind, version }));
        }
        let mut content = Self {
            source: input.source().clone(),
            pieces: BTreeMap::new(),
            reached: 0,
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let at = input.offset();
            let mut record = [0; RECORD_BYTES];
            let what = "a record, or the one that ends the file,";
            read(input, &mut record, (what, at + RECORD_BYTES as u64))?;
            let [offset, length] = [&record[..], &record[8..]].map(be_word);
            if (offset, length) == (u64::MAX, u64::MAX) {
                return Ok(content);
            }
            let [offset, length] = [offset, length].map(u64::cast_signed);
            if offset < 0 || length <= 0 || offset.checked_add(length).is_none() {
                return Err(locate(input, at, FlattenedError::Record { offset, length }));
            }
            let [mut offset, mut left] = [offset, length].map(i64::cast_unsigned);
            let end = input.offset().saturating_add(left);
            while left > 0 {
                let count = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
                read(input, &mut chunk[..count], ("the content of a record", end))?;
                content.write(offset, &chunk[..count]);
                offset += count as u64;
                left -= count as u64;
            }
        }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn reached(&self) -> u64 {
        self.reached
    }

    /// Lays bytes over what is there; makedumpfile writes its headers twice.
    fn write(&mut self, mut offset: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let before = self.pieces.range_mut(..=offset).next_back();
            if let Some((&start, piece)) = before
                && let Ok(within) = usize::try_from(offset - start)
                && within < piece.len()
            {
                let count = bytes.len().min(piece.len() - within);
                piece[within..within + count].copy_from_slice(&bytes[..count]);
                offset += count as u64;
                bytes = &bytes[count..];
                continue;
            }
            let next = self.pieces.range(offset..).next().map(|(&start, _)| start);
            let free = next.and_then(|start| usize::try_from(start - offset).ok());
            let count = free.map_or(bytes.len(), |free| bytes.len().min(free));
            let (new, rest) = bytes.split_at(count);
            match self.pieces.range_mut(..offset).next_back() {
                Some((&start, piece)) if start + piece.len() as u64 == offset => {
                    piece.extend_from_slice(new);
                }
                _ => {
                    self.pieces.insert(offset, new.to_vec());
                }
            }
            offset += count as u64;
            bytes = rest;
        }
    }

    /// Reads from an offset on, which is not behind, up to the first byte that is not there.
    pub(super) fn read(&mut self, offset: u64, bytes: &mut [u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let Some(first) = self.pieces.first_entry() else {
                break;
            };
            let start = *first.key();
            if start > at {
                break;
            }
            let within = usize::try_from(at - start).ok();
            let Some(rest) = within.and_then(|within| first.get().get(within..)) else {
                first.remove();
                continue;
            };
            if rest.is_empty() {
                first.remove();
                continue;
            }
            let count = rest.len().min(bytes.len() - done);
            bytes[done..done + count].copy_from_slice(&rest[..count]);
            done += count;
        }
        self.reached = offset + done as u64;
        done
    }
}

fn read(
    input: &mut Input,
    bytes: &mut [u8],
    (expected, end): (&'static str, u64),
) -> Result<(), ImageError> {
    if input.read_full(bytes)? == bytes.len() {
        return Ok(());
    }
    let error = FlattenedError::Truncated { expected, end };
    Err(locate(input, input.offset(), error))
}

fn be_word(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |&word| u64::from_be_bytes(word))
}

fn locate(input: &Input, offset: u64, error: FlattenedError) -> ImageError {
    ImageError::Flattened {
        source_name: input.source().clone(),
        offset,
        error,
    }
}
