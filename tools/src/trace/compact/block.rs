//! A block: up to 4096 records, first their opcodes, then their data, under a checksum.

use units::VirtAddr;

use super::{
    BadRecord,
    opcode::{Bases, DATA_BYTES_MAX, Delta, Opcode, SIZE_BYTES},
};
use crate::trace::{BATCH_RECORDS, Record, RecordKind};

/// How many records a block has at most.
pub(super) const RECORDS_MAX: usize = BATCH_RECORDS;

/// How many bytes of data a block has at most.
pub(super) const DATA_MAX: usize = RECORDS_MAX * DATA_BYTES_MAX;

/// The number of records, that of the bytes of data, and the checksum.
pub(super) const HEADER_BYTES: usize = 12;

/// How many bytes of opcodes and data a block has at most.
pub(super) const BODY_MAX: usize = RECORDS_MAX + DATA_MAX;

/// Zeros behind the data, so that what is read there is always a whole word.
pub(super) const PADDING: usize = DATA_BYTES_MAX;

/// What stands before the opcodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) records: u32,
    pub(super) data_bytes: u32,
    pub(super) checksum: u32,
}

impl BlockHeader {
    pub(super) fn from_bytes(bytes: [u8; HEADER_BYTES]) -> Self {
        Self {
            records: word(&bytes, 0),
            data_bytes: word(&bytes, 4),
            checksum: word(&bytes, 8),
        }
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let words = [self.records, self.data_bytes, self.checksum];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }
}

/// The word at an offset within these bytes.
pub(super) fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The checksum of a block: the CRC-32 of its two numbers, its opcodes and its data.
pub(super) fn checksum(records: u32, data_bytes: u32, body: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&records.to_le_bytes());
    hasher.update(&data_bytes.to_le_bytes());
    for part in body {
        hasher.update(part);
    }
    hasher.finalize()
}

/// What is wrong with a block whose checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadBlock {
    /// This record, counted from 0; those before it are good.
    Record(usize, BadRecord),
    /// The records need less or more data than there is.
    Data,
}

/// Reads the records of a block, which has `data_bytes` of data and then [`PADDING`].
pub(super) fn decode(
    opcodes: &[u8],
    padded: &[u8],
    data_bytes: usize,
    records: &mut [Record],
) -> Result<(), BadBlock> {
    let mut bases = Bases::default();
    let mut at = 0;
    for (number, (&opcode, record)) in opcodes.iter().zip(records).enumerate() {
        let opcode = Opcode(opcode);
        let kind = opcode.kind();
        let word = padded.get(at..).and_then(|rest| rest.first_chunk());
        let address = opcode
            .delta(*word.ok_or(BadBlock::Data)?)
            .from(bases.of(kind));
        at += opcode.delta_bytes();
        let mut size = opcode.size();
        if size == 0 {
            let word = padded.get(at..).and_then(|rest| rest.first_chunk());
            size = u32::from_le_bytes(*word.ok_or(BadBlock::Data)?);
            at += SIZE_BYTES;
            if size == 0 {
                return Err(bad_record(number, at, data_bytes, BadRecord::ZeroSize));
            }
        }
        bases.follow(kind, address, size);
        if address.checked_add(u64::from(size) - 1).is_none() {
            return Err(bad_record(number, at, data_bytes, BadRecord::Wraps));
        }
        *record = Record {
            address: VirtAddr::new(address),
            size,
            kind,
        };
    }
    if at == data_bytes {
        Ok(())
    } else {
        Err(BadBlock::Data)
    }
}

/// What was made of padding is no record.
#[cold]
fn bad_record(number: usize, at: usize, data_bytes: usize, reason: BadRecord) -> BadBlock {
    if at > data_bytes {
        BadBlock::Data
    } else {
        BadBlock::Record(number, reason)
    }
}

/// The records of a block as it fills.
#[derive(Debug)]
pub(super) struct Encoder {
    opcodes: Vec<u8>,
    data: Vec<u8>,
    bases: Bases,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            opcodes: Vec::with_capacity(RECORDS_MAX),
            data: Vec::with_capacity(DATA_MAX),
            bases: Bases::default(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.opcodes.len() == RECORDS_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.opcodes.is_empty()
    }

    pub(super) fn push(&mut self, record: &Record) {
        let address = record.address.as_u64();
        let delta = Delta::between(self.bases.of(record.kind), address);
        let opcode = Opcode::new(record, delta);
        self.opcodes.push(opcode.0);
        let bytes = delta.0.to_le_bytes();
        self.data.extend_from_slice(&bytes[..opcode.delta_bytes()]);
        if opcode.size() == 0 {
            self.data.extend_from_slice(&record.size.to_le_bytes());
        }
        self.bases.follow(record.kind, address, record.size);
    }

    /// The block's header, opcodes and data.
    #[expect(clippy::cast_possible_truncation, reason = "a block is small")]
    pub(super) fn parts(&self) -> ([u8; HEADER_BYTES], &[u8], &[u8]) {
        let (records, data_bytes) = (self.opcodes.len() as u32, self.data.len() as u32);
        let header = BlockHeader {
            records,
            data_bytes,
            checksum: checksum(records, data_bytes, &[&self.opcodes, &self.data]),
        };
        (header.to_bytes(), &self.opcodes, &self.data)
    }

    pub(super) fn clear(&mut self) {
        self.opcodes.clear();
        self.data.clear();
        self.bases = Bases::default();
    }
}

/// A record to make room with.
pub(super) const NO_RECORD: Record = Record {
    address: VirtAddr::new(0),
    size: 1,
    kind: RecordKind::Fetch,
};
