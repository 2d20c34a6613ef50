use std::io::{Cursor, Read};

use lookaside::{
    input::{Input, Source},
    sim::EMBEDDED_TRACE,
    trace::{self, CompactWriter, Record, ThreadedReader, TraceFormat, TraceReader},
};

/// What the embedded trace is read from.
#[derive(Clone, Copy, Debug)]
pub enum Contents {
    /// The text that valgrind prints.
    Lackey,
    /// The same in a zstd archive.
    LackeyZstd,
    /// The compact format.
    Compact,
}

/// The embedded trace in one of its formats, in memory.
#[derive(Debug)]
pub struct ReadWorld {
    bytes: &'static [u8],
}

impl ReadWorld {
    /// How many records there are.
    pub const RECORDS: u64 = 14_943_941;

    /// The sum of their addresses and of their sizes, modulo 2^64.
    const SUM: u64 = 0x426_2db8_f274_4599;

    /// The trace in this format, which stays in memory as long as the process.
    ///
    /// # Panics
    /// If the trace that is built in cannot be read.
    pub fn new(contents: Contents) -> Self {
        let bytes = match contents {
            Contents::LackeyZstd => EMBEDDED_TRACE,
            Contents::Lackey => {
                let mut text = Vec::new();
                let mut input = input(EMBEDDED_TRACE);
                input.read_to_end(&mut text).expect("it can be read");
                text.leak()
            }
            Contents::Compact => {
                let mut reader = open(EMBEDDED_TRACE);
                let mut writer = CompactWriter::new(Vec::new()).expect("memory can be written");
                let mut batch = Vec::new();
                while reader.next_batch(&mut batch).expect("it can be read") > 0 {
                    writer.write(&batch).expect("memory can be written");
                }
                writer.finish().expect("memory can be written").leak()
            }
        };
        Self { bytes }
    }

    /// How large the trace is.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Reads all records.
    ///
    /// # Panics
    /// If they are not those of the trace.
    pub fn read(&self) {
        check(open(self.bytes));
    }

    /// Reads all records in another thread.
    ///
    /// # Panics
    /// If they are not those of the trace.
    pub fn read_threaded(&self) {
        let reader = open(self.bytes);
        check(ThreadedReader::new(reader).expect("there is a thread for it"));
    }
}

fn input(bytes: &'static [u8]) -> Input {
    let source = Source::Embedded("the trace");
    Input::new(source, Cursor::new(bytes)).expect("it can be read")
}

fn open(bytes: &'static [u8]) -> Box<dyn TraceReader> {
    trace::open(input(bytes), TraceFormat::Auto).expect("it has a known format")
}

fn check(mut reader: impl TraceReader) {
    let (mut records, mut sum, mut batch) = (0, 0u64, Vec::new());
    while reader.next_batch(&mut batch).expect("it can be read") > 0 {
        records += batch.len() as u64;
        sum = batch.iter().fold(sum, add);
    }
    assert_eq!((records, sum), (ReadWorld::RECORDS, ReadWorld::SUM));
}

fn add(sum: u64, record: &Record) -> u64 {
    let address = record.address.as_u64();
    sum.wrapping_add(address).wrapping_add(record.size.into())
}
