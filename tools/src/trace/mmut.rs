//! The `MMUTRC01` format: every access of a whole machine, with the physical address that
//! an emulator found for it, and every write to a page table. It is what a translation is
//! checked against.

use units::{PhysAddr, VirtAddr};

use super::{BATCH_RECORDS, TraceError};
use crate::input::{Input, Progress};

/// The first bytes of such a trace.
pub const MAGIC: [u8; 8] = *b"MMUTRC01";

const HEADER_BYTES: usize = 16;
const RECORD_BYTES: usize = 32;

/// What a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhysKind {
    /// Read data.
    Load,
    /// Wrote data.
    Store,
    /// Fetched the first instruction of a block.
    FetchBlock,
}

bitflags::bitflags! {
    /// What else is to be said of a record.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct PhysFlags: u8 {
        /// The access went to a device, not to memory.
        const MMIO = 1 << 0;
        /// A store into a page that serves as a page table; the value is valid.
        const TABLE_STORE = 1 << 1;
    }
}

/// One access, with the truth about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PhysRecord {
    /// The first byte accessed, as the program addressed it.
    pub vaddr: VirtAddr,
    /// Where that byte lies in physical memory.
    pub paddr: PhysAddr,
    /// What was written, for a [`PhysFlags::TABLE_STORE`].
    pub value: u64,
    /// The page-table base in CR3, without its low 12 bits.
    pub cr3: u64,
    /// What was done.
    pub kind: PhysKind,
    /// The base-two logarithm of the number of bytes.
    pub size_log2: u8,
    /// The current privilege level, 0 to 3.
    pub cpl: u8,
    /// What else is to be said.
    pub flags: PhysFlags,
}

/// What is wrong with an `MMUTRC01` trace; records are counted from 1, bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MmutError {
    /// It is shorter than the header.
    #[error("byte {length}: ends within its {HEADER_BYTES}-byte header")]
    HeaderTruncated {
        /// How long it is.
        length: u64,
    },
    /// It is something else.
    #[error("byte 0: does not start with MMUTRC01")]
    Magic,
    /// Its records are of another size.
    #[error("byte 8: its records have {found} bytes; only {RECORD_BYTES} are known")]
    RecordSize {
        /// What the header says.
        found: u32,
    },
    /// The rest of the header is not zero.
    #[error("byte 12: the header's last word is {found:#x} and not 0")]
    Reserved {
        /// What the header says.
        found: u32,
    },
    /// It ends within a record.
    #[error("record {record} (byte {offset}): truncated after {length} of {RECORD_BYTES} bytes")]
    RecordTruncated {
        /// Which record.
        record: u64,
        /// Where it starts.
        offset: u64,
        /// How much of it there is.
        length: usize,
    },
    /// A field of a record has a value without meaning.
    #[error("record {record} (byte {offset}): {field} is {found}")]
    Field {
        /// Which record.
        record: u64,
        /// Where it starts.
        offset: u64,
        /// Which field, and what it may be.
        field: Field,
        /// What it is.
        found: u8,
    },
}

/// A field of a record that can have a value without meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Field {
    /// The kind of access.
    #[error("the kind (0 load, 1 store, 2 fetch)")]
    Kind,
    /// The size.
    #[error("the logarithm of the size (at most 6, or 3 for a store with a value)")]
    Size,
    /// The privilege level.
    #[error("the privilege level (0 to 3)")]
    Cpl,
    /// The flags.
    #[error("the flags (1 MMIO, 2 store into a page table)")]
    Flags,
}

/// Reads an `MMUTRC01` trace.
#[derive(Debug)]
pub struct MmutReader {
    input: Input,
    buffer: Box<[u8]>,
    records: u64,
    ended: bool,
}

impl MmutReader {
    /// Reads an input as such a trace.
    ///
    /// # Errors
    /// [`TraceError`] if the header cannot be read or is not that of such a trace.
    pub fn new(mut input: Input) -> Result<Self, TraceError> {
        let mut header = [0; HEADER_BYTES];
        let length = input.read_full(&mut header)?;
        if let Err(error) = check(&header, length) {
            let source_name = input.source().clone();
            return Err(TraceError::Physical { source_name, error });
        }
        Ok(Self {
            input,
            buffer: vec![0; BATCH_RECORDS * RECORD_BYTES].into_boxed_slice(),
            records: 0,
            ended: false,
        })
    }

    /// Replaces what is in `batch` by the next records, at most [`BATCH_RECORDS`], and
    /// returns how many there are; none is the end. Give the same vector again, and nothing
    /// is allocated.
    ///
    /// # Errors
    /// [`TraceError`] if the trace is damaged. The records of the batch before the damage
    /// are in `batch`; after an error there are no more.
    pub fn next_batch(&mut self, batch: &mut Vec<PhysRecord>) -> Result<usize, TraceError> {
        batch.clear();
        if self.ended {
            return Ok(0);
        }
        let filled = self.fill(batch);
        self.ended = filled.is_err() || batch.is_empty();
        filled.map(|()| batch.len())
    }

    /// How many records were read.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// A watch on how much of the file has been read.
    pub fn progress(&self) -> Progress {
        self.input.progress()
    }

    fn fill(&mut self, batch: &mut Vec<PhysRecord>) -> Result<(), TraceError> {
        let length = self.input.read_full(&mut self.buffer)?;
        let (records, rest) = self.buffer[..length].as_chunks();
        for record in records {
            let parsed = parse(record).map_err(|(field, found)| {
                let (record, offset) = self.place();
                self.error(MmutError::Field {
                    record,
                    offset,
                    field,
                    found,
                })
            });
            batch.push(parsed?);
            self.records += 1;
        }
        if rest.is_empty() {
            return Ok(());
        }
        let (record, offset) = self.place();
        Err(self.error(MmutError::RecordTruncated {
            record,
            offset,
            length: rest.len(),
        }))
    }

    /// The number and the offset of the record after those that were read.
    fn place(&self) -> (u64, u64) {
        let offset = HEADER_BYTES as u64 + self.records * RECORD_BYTES as u64;
        (self.records + 1, offset)
    }

    fn error(&self, error: MmutError) -> TraceError {
        let source_name = self.input.source().clone();
        TraceError::Physical { source_name, error }
    }
}

fn check(header: &[u8; HEADER_BYTES], length: usize) -> Result<(), MmutError> {
    if !MAGIC.starts_with(&header[..length.min(MAGIC.len())]) {
        return Err(MmutError::Magic);
    }
    if length < HEADER_BYTES {
        let length = length as u64;
        return Err(MmutError::HeaderTruncated { length });
    }
    let found = u32_at(header, 8);
    if found as usize != RECORD_BYTES {
        return Err(MmutError::RecordSize { found });
    }
    match u32_at(header, 12) {
        0 => Ok(()),
        found => Err(MmutError::Reserved { found }),
    }
}

#[inline]
fn parse(bytes: &[u8; RECORD_BYTES]) -> Result<PhysRecord, (Field, u8)> {
    let [kind, size_log2, cpl, flag_bits] = u32_at(bytes, 28).to_le_bytes();
    let kind = match kind {
        0 => PhysKind::Load,
        1 => PhysKind::Store,
        2 => PhysKind::FetchBlock,
        _ => return Err((Field::Kind, kind)),
    };
    let Some(flags) = PhysFlags::from_bits(flag_bits) else {
        return Err((Field::Flags, flag_bits));
    };
    if flags.contains(PhysFlags::TABLE_STORE) && kind != PhysKind::Store {
        return Err((Field::Flags, flag_bits));
    }
    let largest = if flags.contains(PhysFlags::TABLE_STORE) {
        3
    } else {
        6
    };
    if size_log2 > largest {
        return Err((Field::Size, size_log2));
    }
    if cpl > 3 {
        return Err((Field::Cpl, cpl));
    }
    Ok(PhysRecord {
        vaddr: VirtAddr::new(u64_at(bytes, 0)),
        paddr: PhysAddr::new(u64_at(bytes, 8)),
        value: u64_at(bytes, 16),
        cr3: u64::from(u32_at(bytes, 24)) << 12,
        kind,
        size_log2,
        cpl,
        flags,
    })
}

/// The little-endian word at an offset; zero past the end, which the callers stay clear of.
#[inline]
fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let word = bytes.get(offset..).and_then(|bytes| bytes.first_chunk());
    word.map_or(0, |word| u64::from_le_bytes(*word))
}

#[inline]
fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let word = bytes.get(offset..).and_then(|bytes| bytes.first_chunk());
    word.map_or(0, |word| u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::input::Source;

    const HEADER: [u8; 16] = *b"MMUTRC01 \0\0\0\0\0\0\0";

    fn record(kind: u8, size_log2: u8, cpl: u8, flags: u8) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&0xffff_8000_0000_1008u64.to_le_bytes());
        bytes[8..16].copy_from_slice(&0x1008u64.to_le_bytes());
        bytes[16..24].copy_from_slice(&0x2067u64.to_le_bytes());
        bytes[24..28].copy_from_slice(&0x5617u32.to_le_bytes());
        bytes[28..].copy_from_slice(&[kind, size_log2, cpl, flags]);
        bytes
    }

    fn read(parts: &[&[u8]]) -> (Vec<PhysRecord>, Option<TraceError>) {
        let input = Input::new(Source::Embedded("test"), Cursor::new(parts.concat())).unwrap();
        let mut reader = match MmutReader::new(input) {
            Ok(reader) => reader,
            Err(error) => return (Vec::new(), Some(error)),
        };
        let (mut all, mut batch) = (Vec::new(), Vec::new());
        loop {
            let result = reader.next_batch(&mut batch);
            all.extend_from_slice(&batch);
            match result {
                Ok(0) => return (all, None),
                Ok(count) => assert_eq!(count, batch.len()),
                Err(error) => {
                    assert_eq!(reader.next_batch(&mut batch).unwrap(), 0);
                    return (all, Some(error));
                }
            }
        }
    }

    fn error(parts: &[&[u8]]) -> MmutError {
        match read(parts).1 {
            Some(TraceError::Physical { error, .. }) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let (records, error) = read(&[&HEADER, &record(1, 3, 0, 2)]);
        assert!(error.is_none());
        assert_eq!(
            records,
            [PhysRecord {
                vaddr: VirtAddr::new(0xffff_8000_0000_1008),
                paddr: PhysAddr::new(0x1008),
                value: 0x2067,
                cr3: 0x561_7000,
                kind: PhysKind::Store,
                size_log2: 3,
                cpl: 0,
                flags: PhysFlags::TABLE_STORE,
            }]
        );
        let many = record(2, 0, 3, 0).repeat(3 * BATCH_RECORDS + 1);
        assert_eq!(read(&[&HEADER, &many]).0.len(), 3 * BATCH_RECORDS + 1);
        assert!(matches!(read(&[&HEADER]), (records, None) if records.is_empty()));
    }

    #[test]
    fn a_bad_header_is_refused() {
        assert_eq!(error(&[]), MmutError::HeaderTruncated { length: 0 });
        let short = MmutError::HeaderTruncated { length: 15 };
        assert_eq!(error(&[&HEADER[..15]]), short);
        assert_eq!(error(&[b"MMUTRC02 \0\0\0\0\0\0\0"]), MmutError::Magic);
        assert_eq!(error(&[b"I  0401ab"]), MmutError::Magic);
        let size = MmutError::RecordSize { found: 40 };
        assert_eq!(error(&[b"MMUTRC01(\0\0\0\0\0\0\0"]), size);
        let reserved = MmutError::Reserved { found: 1 };
        assert_eq!(error(&[b"MMUTRC01 \0\0\0\x01\0\0\0"]), reserved);
    }

    #[test]
    fn a_truncated_record_is_named_and_those_before_it_are_kept() {
        let good = record(0, 3, 3, 0);
        let (records, error) = read(&[&HEADER, &good, &good[..31]]);
        assert_eq!(records.len(), 1);
        assert_eq!(
            error.unwrap().to_string(),
            "test, record 2 (byte 48): truncated after 31 of 32 bytes"
        );
    }

    #[test]
    fn a_field_without_meaning_is_refused() {
        let cases = [
            (record(3, 3, 0, 0), Field::Kind, 3),
            (record(0, 7, 0, 0), Field::Size, 7),
            (record(1, 4, 0, 2), Field::Size, 4),
            (record(0, 3, 4, 0), Field::Cpl, 4),
            (record(0, 3, 0, 4), Field::Flags, 4),
            (record(0, 3, 0, 2), Field::Flags, 2),
        ];
        for (bad, field, found) in cases {
            let expected = MmutError::Field {
                record: 2,
                offset: 48,
                field,
                found,
            };
            assert_eq!(error(&[&HEADER, &record(0, 0, 0, 1), &bad]), expected);
        }
    }
}
