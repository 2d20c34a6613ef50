use std::io::{Cursor, Read};

use proptest::prelude::*;
use units::VirtAddr;

use super::*;
use crate::{
    input::Source,
    trace::{RecordKind, Records},
};

/// Gives its bytes in pieces of these sizes, over and over.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    next: usize,
}

impl Read for Pieces {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()].min(bytes.len());
        self.next += 1;
        self.bytes.read(&mut bytes[..size])
    }
}

/// Past the compression, whose buffer would even the pieces out again.
fn in_pieces(text: Vec<u8>, sizes: Vec<usize>) -> LackeyReader {
    let pieces = Pieces {
        bytes: Cursor::new(text),
        sizes,
        next: 0,
    };
    LackeyReader::new(Input::undecoded(Source::Embedded("test"), pieces))
}

fn reader(text: impl Into<Vec<u8>>) -> LackeyReader {
    in_pieces(text.into(), vec![usize::MAX])
}

fn parse(text: impl Into<Vec<u8>>) -> Result<Vec<Record>, TraceError> {
    Records::new(reader(text)).collect()
}

fn record(kind: RecordKind, address: u64, size: u32) -> Record {
    Record {
        address: VirtAddr::new(address),
        size,
        kind,
    }
}

#[test]
fn what_valgrind_prints_is_read() {
    let text = "==1== Lackey, an example Valgrind tool\n==1== \n\
                I  0401ab70,3\n S 1fff000738,8\n L 04039e68,32\n M 0403a4e0,8\n\
                I  0401AB75,1\n==1== Exit code: 0\n";
    let expected = [
        record(RecordKind::Fetch, 0x401_ab70, 3),
        record(RecordKind::Store, 0x1f_ff00_0738, 8),
        record(RecordKind::Load, 0x403_9e68, 32),
        record(RecordKind::Modify, 0x403_a4e0, 8),
        record(RecordKind::Fetch, 0x401_ab75, 1),
    ];
    assert_eq!(parse(text).unwrap(), expected);
    let mut reader = reader(text);
    let mut batch = Vec::new();
    while reader.next_batch(&mut batch).unwrap() > 0 {}
    let counts = Counts {
        lines: 8,
        records: 5,
    };
    assert_eq!(reader.counts(), counts);
}

#[test]
fn what_valgrind_does_not_print_but_means_the_same_is_read() {
    let text = "\r\n \nI  0401ab70,3\r\n L 0,4294967295\n S ffffffffffffffff,1\n M 1,0007";
    let expected = [
        record(RecordKind::Fetch, 0x401_ab70, 3),
        record(RecordKind::Load, 0, u32::MAX),
        record(RecordKind::Store, u64::MAX, 1),
        record(RecordKind::Modify, 1, 7),
    ];
    assert_eq!(parse(text).unwrap(), expected);
}

/// Lines that are wrong, and short ones also with more lines behind, where the quick
/// parser sees them.
#[test]
fn a_malformed_line_is_an_error_with_its_number_and_text() {
    let cases = [
        ("X  0401ab70,3", Malformed::Start),
        ("I 0401ab70,3", Malformed::Start),
        ("I   0401ab70,3", Malformed::Address),
        (" I 0401ab70,3", Malformed::Start),
        ("S  0401ab70,3", Malformed::Start),
        ("\tL 0401ab70,3", Malformed::Start),
        ("hello", Malformed::Start),
        ("=", Malformed::Start),
        (" L", Malformed::Start),
        (" L ", Malformed::Address),
        (" L ,8", Malformed::Address),
        (" L 0x401ab70,8", Malformed::Address),
        (" L 0401ab7g,8", Malformed::Address),
        (" L 0401ab70", Malformed::Address),
        (" L 0401ab70 8", Malformed::Address),
        (" L 0401ab70123g,8", Malformed::Address),
        (" L 00000000000000000,8", Malformed::LongAddress),
        (" L 0401ab70,", Malformed::Size),
        (" L 0401ab70,a", Malformed::Size),
        (" L 0401ab70,8 ", Malformed::Size),
        (" L 0401ab70,8,8", Malformed::Size),
        (" L 0401ab70,-8", Malformed::Size),
        (" L 0401ab70,+8", Malformed::Size),
        (" L 0401ab70,0", Malformed::ZeroSize),
        (" L 0401ab70,00", Malformed::ZeroSize),
        (" L 0401ab70,4294967296", Malformed::LargeSize),
        (" L ffffffffffffffff,2", Malformed::Wraps),
        (" L fffffffffffffff0,32", Malformed::Wraps),
    ];
    for (bad, expected) in cases {
        for behind in ["", "\n", "\nI  0401ab70,3\nI  0401ab70,3\nI  0401ab70,3\n"] {
            let text = format!("==1== x\nI  0401ab70,3\n\n{bad}{behind}");
            let mut records = Records::new(reader(text));
            assert!(records.next().unwrap().is_ok());
            let Some(Err(TraceError::Line {
                line, reason, text, ..
            })) = records.next()
            else {
                panic!("{bad}");
            };
            assert_eq!((line, reason), (4, expected), "{bad}");
            assert_eq!(text, Excerpt::new(bad.as_bytes()));
            assert!(records.next().is_none());
        }
    }
    let error = parse("I  0401ab70,3\n L zz,8\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "test, line 2: expected an address in hexadecimal digits, without 0x, then a comma: \
         ` L zz,8`"
    );
}

#[test]
fn a_trace_without_a_record_is_an_error() {
    for text in ["", "\n", "==1== nothing\n", "==1== nothing"] {
        assert!(matches!(parse(text), Err(TraceError::Empty { .. })));
    }
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let record = "I  0401ab70,3\n";
    for sizes in [vec![usize::MAX], vec![1000]] {
        let endless = [record.as_bytes(), &vec![b'x'; 3 << 20]].concat();
        let mut records = Records::new(in_pieces(endless, sizes.clone()));
        assert!(records.next().unwrap().is_ok());
        let Some(Err(TraceError::Line { line, reason, .. })) = records.next() else {
            panic!("no error");
        };
        assert_eq!((line, reason), (2, Malformed::Long));

        // A message may be as long as the traced command's arguments.
        let message = format!("=={}\n", "x".repeat(3 << 20));
        let text = format!("{message}{record}{message}{record} L zz,1\n").into_bytes();
        let mut records = Records::new(in_pieces(text, sizes));
        assert!(records.next().unwrap().is_ok());
        assert!(records.next().unwrap().is_ok());
        let Some(Err(TraceError::Line { line, reason, .. })) = records.next() else {
            panic!("no error");
        };
        assert_eq!((line, reason), (5, Malformed::Address));
    }
}

#[test]
fn a_truncated_archive_gives_the_records_before_the_damage() {
    let text = "I  0401ab70,3\n L 1fff000738,8\n".repeat(50_000);
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let half = Cursor::new(packed[..packed.len() / 2].to_vec());
    let input = Input::new(Source::Embedded("test"), half).unwrap();
    let mut records = Records::new(LackeyReader::new(input));
    let good = records.by_ref().take_while(Result::is_ok).count();
    assert!(good <= 100_000);
    assert!(records.next().is_none());
    let half = Cursor::new(packed[..packed.len() / 2].to_vec());
    let input = Input::new(Source::Embedded("test"), half).unwrap();
    let last = Records::new(LackeyReader::new(input)).last();
    assert!(matches!(last, Some(Err(TraceError::Input(_)))));
}

fn any_record() -> impl Strategy<Value = Record> {
    let address = prop_oneof![any::<u64>(), any::<u32>().prop_map(u64::from), 0u64..100];
    let size = prop_oneof![1u32..100, any::<u32>()];
    (0..4usize, address, size).prop_map(|(kind, address, size)| {
        let most = u32::try_from(u64::MAX - address).unwrap_or(u32::MAX);
        record(RecordKind::ALL[kind], address, size.min(most).max(1))
    })
}

/// A record as text; `style` chooses among the ways to write it.
fn print(record: &Record, style: u8) -> String {
    let letter = ["I ", " L", " S", " M"][record.kind.index()];
    let address = record.address.as_u64();
    let end = if style & 1 == 0 { "\n" } else { "\r\n" };
    let before = if style & 2 == 0 { "" } else { "==9== ...\n" };
    match style >> 2 & 3 {
        0 => format!("{before}{letter} {address:x},{}{end}", record.size),
        1 => format!("{before}{letter} {address:016X},{}{end}", record.size),
        _ => format!("{before}{letter} {address:08x},{}{end}", record.size),
    }
}

proptest! {
    #[test]
    fn printed_records_are_read_back_however_the_bytes_arrive(
        records in prop::collection::vec(any_record(), 1..300),
        style: u8,
        sizes in prop::collection::vec(1..200usize, 1..5),
    ) {
        let text: String = records.iter().map(|record| print(record, style)).collect();
        let read: Result<Vec<_>, _> = Records::new(in_pieces(text.into(), sizes)).collect();
        prop_assert_eq!(read.unwrap(), records);
    }

    #[test]
    fn the_quick_parser_agrees_with_the_careful_one(
        record in any_record(),
        damaged: bool,
        crlf: bool,
        place in 0..32usize,
        byte: u8,
    ) {
        let mut text = [b'\n'; QUICK_BYTES + 1];
        let line = print(&record, 8 | u8::from(crlf));
        text[..line.len()].copy_from_slice(line.as_bytes());
        if damaged {
            text[place] = byte;
        }
        let text = text.first_chunk().unwrap();
        if let Some((parsed, length)) = quick(text) {
            prop_assert_eq!(text[length - 1], b'\n');
            prop_assert!(!text[..length - 1].contains(&b'\n'));
            let line = &text[..length - 1];
            prop_assert_eq!(careful(line.strip_suffix(b"\r").unwrap_or(line)), Ok(parsed));
        } else if !damaged {
            prop_assert!(record.size > 99);
        }
    }

    #[test]
    fn nothing_makes_it_panic(text in prop::collection::vec(
        prop_oneof![Just(b'\n'), Just(b','), Just(b' '), Just(b'L'), Just(b'0'), any::<u8>()],
        0..400,
    )) {
        let _ = parse(text);
    }
}
