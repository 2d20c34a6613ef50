use std::io::{Cursor, Read, Write};

use proptest::prelude::*;
use units::VirtAddr;

use super::{
    block::{BlockHeader, DATA_MAX, checksum},
    *,
};
use crate::{
    input::{Input, InputError, Source},
    trace::{
        BATCH_RECORDS, Record, RecordKind, Records, TraceError, TraceFormat, TraceReader, open,
    },
};

fn record(kind: RecordKind, address: u64, size: u32) -> Record {
    Record {
        address: VirtAddr::new(address),
        size,
        kind,
    }
}

fn write(records: &[Record]) -> Vec<u8> {
    let mut writer = CompactWriter::new(Vec::new()).unwrap();
    writer.write(records).unwrap();
    writer.finish().unwrap()
}

fn reader(bytes: Vec<u8>) -> Result<CompactReader, TraceError> {
    CompactReader::new(Input::new(Source::Embedded("test"), Cursor::new(bytes)).unwrap())
}

/// The records that can be read, and how it ended.
fn read(bytes: Vec<u8>) -> (Vec<Record>, Option<TraceError>) {
    let mut reader = match reader(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    loop {
        match reader.next_batch(&mut batch) {
            Ok(0) => return (all, None),
            Ok(count) => {
                assert_eq!(count, batch.len());
                all.extend_from_slice(&batch);
                assert_eq!(reader.counts().records, all.len() as u64);
            }
            Err(error) => {
                assert_eq!(reader.next_batch(&mut batch).unwrap(), 0);
                return (all, Some(error));
            }
        }
    }
}

fn compact_error(bytes: Vec<u8>) -> (usize, CompactError) {
    match read(bytes) {
        (records, Some(TraceError::Compact { error, .. })) => (records.len(), error),
        (_, other) => panic!("{other:?}"),
    }
}

/// What the frame of a trace holds.
fn content(trace: &[u8]) -> Vec<u8> {
    zstd::decode_all(&trace[HEADER_BYTES..]).unwrap()
}

/// A trace whose frame holds this.
fn framed(content: &[u8]) -> Vec<u8> {
    let mut trace = write(&[])[..HEADER_BYTES].to_vec();
    trace.extend(zstd::encode_all(content, 1).unwrap());
    trace
}

/// A block with a good checksum.
fn block(records: u32, body: &[u8]) -> Vec<u8> {
    let data_bytes = u32::try_from(body.len()).unwrap() - records;
    let checksum = checksum(records, data_bytes, &[body]);
    let header = BlockHeader {
        records,
        data_bytes,
        checksum,
    };
    [&header.to_bytes(), body].concat()
}

fn end(total: u64) -> Vec<u8> {
    block(0, &total.to_le_bytes())
}

/// Accesses of a loop, in a few blocks.
fn program() -> Vec<Record> {
    let step = |n: u64| {
        [
            record(RecordKind::Fetch, 0x40_1000 + n % 7 * 16, 3),
            record(RecordKind::Load, 0x1fff_0000 + n * 8, 8),
            record(RecordKind::Store, 0x7fff_ffff_0000 - n * 16, 4),
            record(RecordKind::Modify, 0x60_0000 + n % 3, 1),
        ]
    };
    (0..5000).flat_map(step).collect()
}

#[test]
fn every_kind_size_and_address_comes_back() {
    let mut records = Vec::new();
    for kind in RecordKind::ALL {
        for size in (0..70).chain([127, 128, 255, 256, 4096, 1 << 31, u32::MAX]) {
            for shift in 0..64 {
                let size = u32::max(size, 1);
                let address = (1u64 << shift).min(u64::MAX - u64::from(size) + 1);
                records.push(record(kind, address, size));
                records.push(record(
                    kind,
                    0u64.wrapping_sub(address | 0x10_0000_0000) & !63,
                    1,
                ));
            }
        }
        records.push(record(kind, u64::MAX, 1));
        records.push(record(kind, 0, u32::MAX));
        // The middle of the addresses that are not canonical.
        records.push(record(kind, 0x8000_0000_0000_0000, 16));
    }
    let (back, error) = read(write(&records));
    assert!(error.is_none(), "{error:?}");
    assert!(back == records);
}

#[test]
fn blocks_have_4096_records_and_the_last_what_is_left() {
    for count in [1, BATCH_RECORDS - 1, BATCH_RECORDS, BATCH_RECORDS + 1] {
        let records = &program()[..count];
        let mut reader = reader(write(records)).unwrap();
        let mut batch = Vec::new();
        assert_eq!(
            reader.next_batch(&mut batch).unwrap(),
            count.min(BATCH_RECORDS)
        );
        assert_eq!(read(write(records)).0, records);
    }
}

#[test]
fn the_format_is_seen_in_the_content_also_in_an_archive() {
    let trace = write(&program());
    for bytes in [trace.clone(), zstd::encode_all(&*trace, 1).unwrap()] {
        for format in [TraceFormat::Auto, TraceFormat::Compact] {
            let input = Input::new(Source::Embedded("test"), Cursor::new(bytes.clone())).unwrap();
            let records = Records::new(open(input, format).unwrap());
            assert_eq!(records.map(Result::unwrap).count(), 20_000);
        }
    }
}

/// The example of docs/trace-format.md.
#[test]
fn the_format_is_as_it_is_documented() {
    let records = [
        record(RecordKind::Fetch, 0x40_1000, 4),
        record(RecordKind::Fetch, 0x40_1004, 15),
        record(RecordKind::Load, 0x1000, 8),
        record(RecordKind::Load, 0xff8, 8),
    ];
    let trace = write(&records);
    assert_eq!(trace[..16], *b"\x89LKT\r\n\x1a\n\x01\0\0\0\0\0\0\0");
    let content = content(&trace);
    let opcodes = [0x70, 0x00, 0x51, 0x31];
    let data = [0x00, 0x20, 0x80, 15, 0, 0, 0, 0x00, 0x20, 0x0f];
    assert_eq!(content[..4], 4u32.to_le_bytes());
    assert_eq!(content[4..8], 10u32.to_le_bytes());
    assert_eq!(
        content[8..12],
        crc32fast::hash(&[&content[..8], &opcodes, &data].concat()).to_le_bytes()
    );
    assert_eq!(content[12..16], opcodes);
    assert_eq!(content[16..26], data);
    assert_eq!(content[26..], end(4));
    assert_eq!(read(framed(&content)).0, records);
}

#[test]
fn a_trace_without_a_record_is_an_error() {
    assert!(matches!(read(write(&[])).1, Some(TraceError::Empty { .. })));
}

#[test]
fn a_record_that_no_access_can_be_is_not_written() {
    for (address, size) in [(0, 0), (u64::MAX, 2), (u64::MAX - 6, 8)] {
        let mut writer = CompactWriter::new(Vec::new()).unwrap();
        let written = writer.write(&[record(RecordKind::Load, address, size)]);
        assert_eq!(
            written.unwrap_err().kind(),
            std::io::ErrorKind::InvalidInput
        );
    }
}

#[test]
fn a_bad_header_is_refused() {
    let trace = write(&program());
    for length in [0, 1, 8, 15] {
        let (_, error) = compact_error(trace[..length].to_vec());
        let length = length as u64;
        assert_eq!(error, CompactError::HeaderTruncated { length });
    }
    let with = |at: usize, byte: u8| {
        let mut trace = trace.clone();
        trace[at] = byte;
        compact_error(trace).1
    };
    assert_eq!(with(4, b'\n'), CompactError::Magic);
    assert_eq!(with(8, 2), CompactError::Version { found: 2 });
    assert_eq!(with(12, 1), CompactError::Reserved { found: 1 });
}

#[test]
fn a_truncated_trace_gives_whole_blocks_and_then_says_where_it_ends() {
    let trace = write(&program());
    for length in (HEADER_BYTES..trace.len()).step_by(97) {
        let (records, error) = compact_error(trace[..length].to_vec());
        let CompactError::Truncated { record, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(record, records as u64 + 1);
    }
    // The frame may also end properly, but the trace not.
    let content = content(&trace);
    for length in [0, 11, 12, 100, content.len() - 20, content.len() - 1] {
        let (records, error) = compact_error(framed(&content[..length]));
        let expected = CompactError::Truncated {
            record: records as u64 + 1,
            offset: (HEADER_BYTES + length) as u64,
        };
        assert_eq!(error, expected);
    }
}

#[test]
fn a_damaged_frame_is_an_error() {
    let trace = write(&program());
    for at in (HEADER_BYTES..trace.len()).step_by(31) {
        let mut damaged = trace.clone();
        damaged[at] ^= 0x55;
        let (records, error) = read(damaged);
        assert!(program().starts_with(&records));
        assert!(
            matches!(error, Some(TraceError::Compact { .. })),
            "{at}: {error:?}"
        );
    }
}

#[test]
fn a_changed_block_is_seen_by_its_checksum() {
    let whole = content(&write(&program()));
    for at in [0, 4, 8, 12, 5000] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let (records, error) = compact_error(framed(&changed));
        assert_eq!(records, 0);
        let is_expected = match error {
            // One record more than a block can have.
            CompactError::Oversized { .. } => at == 0,
            CompactError::Checksum {
                record: 1,
                offset: 16,
                found,
                computed,
            } => found != computed,
            _ => false,
        };
        assert!(is_expected, "{at}: {error:?}");
    }
    let mut changed = whole.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let (records, error) = compact_error(framed(&changed));
    assert_eq!(records, 20_000);
    let offset = (HEADER_BYTES + whole.len() - 20) as u64;
    assert!(matches!(error, CompactError::Checksum { offset: at, .. } if at == offset));
}

#[test]
fn a_block_that_is_too_large_is_refused_before_it_is_read() {
    for (records, data_bytes) in [(4097, 0), (u32::MAX, 0), (1, u32::MAX), (0, 9), (0, 0)] {
        let checksum = 0;
        let header = BlockHeader {
            records,
            data_bytes,
            checksum,
        };
        let (_, error) = compact_error(framed(&header.to_bytes()));
        let (record, offset) = (1, 16);
        assert_eq!(
            error,
            CompactError::Oversized {
                record,
                offset,
                records,
                data_bytes
            }
        );
    }
    assert_eq!(DATA_MAX, 4096 * 12);
}

/// The checksum is right: these were written so.
#[test]
fn a_record_that_no_access_can_be_is_named_and_those_before_it_are_kept() {
    let good = block(1, &[0x51, 0, 0x20]);
    // A load at 8, and one of 0 bytes; a load at the last address, and one behind it.
    let zero = block(2, &[0x31, 0x01, 16, 0, 0, 0, 0]);
    let wraps = block(2, &[0x31, 0x31, 16, 25]);
    let cases = [
        (zero, 1, BadRecord::ZeroSize),
        (wraps, 1, BadRecord::Wraps),
        (block(1, &[0x31, 1]), 0, BadRecord::Wraps),
    ];
    for (bad, before, reason) in cases {
        let content = [&good[..], &bad, &end(3)].concat();
        let (records, error) = compact_error(framed(&content));
        assert_eq!(records, 1 + before);
        let expected = CompactError::Record {
            record: 2 + before as u64,
            offset: (16 + good.len() + 12 + before) as u64,
            reason,
        };
        assert_eq!(error, expected);
    }
}

#[test]
fn records_that_need_other_data_than_there_is_are_refused() {
    let bodies: [(u32, &[u8]); 4] = [
        (1, &[0x31]),
        (1, &[0x31, 16, 0]),
        (2, &[0x31, 0xf1, 16, 0, 0]),
        (1, &[0x01, 1, 0, 0]),
    ];
    for (records, body) in bodies {
        let (read, error) = compact_error(framed(&block(records, body)));
        assert_eq!(
            (read, error),
            (
                0,
                CompactError::Data {
                    record: 1,
                    offset: 16
                }
            )
        );
    }
}

#[test]
fn a_wrong_total_and_what_follows_the_end_are_refused() {
    let good = block(1, &[0x51, 0, 0x20]);
    let offset = (16 + good.len()) as u64;
    let (records, error) = compact_error(framed(&[&good[..], &end(2)].concat()));
    let expected = CompactError::Total {
        offset,
        found: 2,
        records: 1,
    };
    assert_eq!((records, error), (1, expected));

    let whole = [&good[..], &end(1)].concat();
    let expected = CompactError::Trailing {
        offset: offset + 20,
    };
    let in_frame = framed(&[&whole[..], b"x"].concat());
    let behind = [&framed(&whole)[..], b"x"].concat();
    for trace in [in_frame, behind] {
        assert_eq!(compact_error(trace), (1, expected.clone()));
    }
}

#[test]
fn an_error_of_the_medium_stays_one() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(bytes)? {
                0 => Err(std::io::Error::from_raw_os_error(5)),
                count => Ok(count),
            }
        }
    }
    let mut start = write(&program());
    start.truncate(start.len() / 2);
    let input = Input::new(Source::Embedded("test"), Failing(Cursor::new(start))).unwrap();
    let last = Records::new(CompactReader::new(input).unwrap()).last();
    assert!(matches!(
        last,
        Some(Err(TraceError::Input(InputError::Read { .. })))
    ));
}

/// A writer that has room for so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_of_the_writer() {
    assert!(CompactWriter::new(Full(10)).is_err());
    let mut writer = CompactWriter::new(Full(20)).unwrap();
    writer.write(&program()[..5]).unwrap();
    assert!(writer.finish().is_err());
}

fn any_record() -> impl Strategy<Value = Record> {
    let address = prop_oneof![any::<u64>(), any::<u32>().prop_map(u64::from), 0u64..100];
    let size = prop_oneof![1u32..100, any::<u32>()];
    (0..4usize, address, size).prop_map(|(kind, address, size)| {
        let most = u32::try_from(u64::MAX - address).unwrap_or(u32::MAX);
        record(RecordKind::ALL[kind], address, size.min(most).max(1))
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(records in prop::collection::vec(any_record(), 1..300)) {
        let (back, error) = read(write(&records));
        prop_assert!(error.is_none(), "{:?}", error);
        prop_assert_eq!(back, records);
    }

    #[test]
    fn nothing_makes_it_panic(
        body in prop::collection::vec(any::<u8>(), 0..200),
        records in 1u32..100,
    ) {
        let records = records.min(u32::try_from(body.len()).unwrap());
        read(framed(&block(records, &body)));
        read(framed(&body));
        read([write(&[])[..16].to_vec(), body].concat());
    }
}
