use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
};

use super::{
    BadRecord, CompactError, HEADER_BYTES, MAGIC, VERSION,
    block::{self, BODY_MAX, BadBlock, BlockHeader, NO_RECORD, PADDING},
};
use crate::{
    input::{Input, InputError, Progress, ZSTD_WINDOW_LOG_MAX},
    trace::{Counts, Record, TraceError, TraceReader},
};

const RAW_BUFFER_BYTES: usize = 128 << 10;

/// How many bytes of data the end has: the number of all records.
const END_BYTES: u32 = 8;

type Frame = zstd::stream::read::Decoder<'static, BufReader<Input>>;

/// Reads a compact trace.
pub struct CompactReader {
    frame: Frame,
    progress: Progress,
    /// How much of the content was read.
    offset: u64,
    /// A block's opcodes and data, and room for the padding.
    body: Box<[u8]>,
    records: u64,
    /// The error to report next, or that everything was reported.
    ended: Option<Ended>,
}

#[derive(Debug)]
enum Ended {
    WithError(TraceError),
    Reported,
}

/// A failure of the frame or of what it holds.
enum Failure {
    Input(InputError),
    Trace(CompactError),
}

impl From<CompactError> for Failure {
    fn from(error: CompactError) -> Self {
        Self::Trace(error)
    }
}

impl CompactReader {
    /// Reads an input as a compact trace.
    ///
    /// # Errors
    /// [`TraceError`] if the header cannot be read or is not that of such a trace.
    pub fn new(mut input: Input) -> Result<Self, TraceError> {
        let mut header = [0; HEADER_BYTES];
        let length = input.read_full(&mut header)?;
        let source_name = input.source().clone();
        if let Err(error) = check(&header, length) {
            return Err(TraceError::Compact { source_name, error });
        }
        let progress = input.progress();
        let input = BufReader::with_capacity(RAW_BUFFER_BYTES, input);
        let frame = Frame::with_buffer(input).and_then(|mut frame| {
            frame.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Ok(frame.single_frame())
        });
        let offset = HEADER_BYTES as u64;
        let frame = frame.map_err(|cause| TraceError::Compact {
            source_name,
            error: CompactError::Frame {
                record: 1,
                offset,
                reason: cause.to_string(),
            },
        })?;
        Ok(Self {
            frame,
            progress,
            offset,
            body: vec![0; BODY_MAX + PADDING].into_boxed_slice(),
            records: 0,
            ended: None,
        })
    }

    /// Reads the next block; none is the end.
    fn read_block(&mut self, batch: &mut Vec<Record>) -> Result<(), Failure> {
        batch.clear();
        let (record, offset) = (self.records + 1, self.offset);
        let mut header = [0; block::HEADER_BYTES];
        self.read(Part::Header(&mut header))?;
        let header = BlockHeader::from_bytes(header);
        let BlockHeader {
            records,
            data_bytes,
            checksum: found,
        } = header;
        if records == 0 {
            return self.read_end(header, offset);
        }
        let (count, data_length) = (records as usize, data_bytes as usize);
        if count > block::RECORDS_MAX || data_length > block::DATA_MAX {
            let error = CompactError::Oversized {
                record,
                offset,
                records,
                data_bytes,
            };
            return Err(error.into());
        }
        self.read(Part::Body(count + data_length))?;
        let computed = block::checksum(records, data_bytes, &[&self.body[..count + data_length]]);
        if computed != found {
            let error = CompactError::Checksum {
                record,
                offset,
                found,
                computed,
            };
            return Err(error.into());
        }
        self.body[count + data_length..][..PADDING].fill(0);
        let (opcodes, rest) = self.body.split_at(count);
        batch.resize(count, NO_RECORD);
        match block::decode(opcodes, &rest[..data_length + PADDING], data_length, batch) {
            Ok(()) => self.records += count as u64,
            Err(BadBlock::Data) => {
                batch.clear();
                return Err(CompactError::Data { record, offset }.into());
            }
            Err(BadBlock::Record(number, reason)) => {
                batch.truncate(number);
                self.records += number as u64;
                return Err(bad_record(record, offset, number as u64, reason).into());
            }
        }
        Ok(())
    }

    /// Reads what follows the header of the end, and makes sure that it is the end.
    fn read_end(&mut self, header: BlockHeader, offset: u64) -> Result<(), Failure> {
        let record = self.records + 1;
        if header.data_bytes != END_BYTES {
            let error = CompactError::Oversized {
                record,
                offset,
                records: 0,
                data_bytes: header.data_bytes,
            };
            return Err(error.into());
        }
        let mut total = [0; END_BYTES as usize];
        self.read(Part::Header(&mut total))?;
        let computed = block::checksum(0, END_BYTES, &[&total]);
        if computed != header.checksum {
            let error = CompactError::Checksum {
                record,
                offset,
                found: header.checksum,
                computed,
            };
            return Err(error.into());
        }
        let (found, records) = (u64::from_le_bytes(total), self.records);
        if found != records {
            let error = CompactError::Total {
                offset,
                found,
                records,
            };
            return Err(error.into());
        }
        let offset = self.offset;
        let in_frame = self.frame.read(&mut [0]);
        let in_frame = in_frame.map_err(|cause| self.failure(cause))?;
        let behind = self.frame.get_mut().fill_buf().map(|rest| !rest.is_empty());
        let is_behind = behind.map_err(|cause| self.failure(cause))?;
        if in_frame != 0 || is_behind {
            return Err(CompactError::Trailing { offset }.into());
        }
        Ok(())
    }

    /// Reads a part whole.
    fn read(&mut self, part: Part<'_>) -> Result<(), Failure> {
        let bytes = match part {
            Part::Header(bytes) => bytes,
            Part::Body(length) => &mut self.body[..length],
        };
        let mut done = 0;
        while done < bytes.len() {
            match self.frame.read(&mut bytes[done..]) {
                Ok(0) => {
                    self.offset += done as u64;
                    return Err(self.truncated());
                }
                Ok(count) => done += count,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    self.offset += done as u64;
                    return Err(self.failure(cause));
                }
            }
        }
        self.offset += done as u64;
        Ok(())
    }

    fn truncated(&self) -> Failure {
        let (record, offset) = (self.records + 1, self.offset);
        CompactError::Truncated { record, offset }.into()
    }

    /// Tells a damaged frame from an input that cannot be read.
    fn failure(&self, cause: io::Error) -> Failure {
        if cause.kind() == io::ErrorKind::UnexpectedEof {
            return self.truncated();
        }
        match cause.downcast::<InputError>() {
            Ok(error) => Failure::Input(error),
            Err(cause) => Failure::Trace(CompactError::Frame {
                record: self.records + 1,
                offset: self.offset,
                reason: cause.to_string(),
            }),
        }
    }

    fn error(&self, failure: Failure) -> TraceError {
        match failure {
            Failure::Input(error) => error.into(),
            Failure::Trace(error) => TraceError::Compact {
                source_name: self.source().clone(),
                error,
            },
        }
    }

    fn source(&self) -> &crate::input::Source {
        self.frame.get_ref().get_ref().source()
    }
}

/// Where bytes are read to.
enum Part<'a> {
    Header(&'a mut [u8]),
    /// So many bytes of a block.
    Body(usize),
}

impl TraceReader for CompactReader {
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
        match self.ended.take() {
            None => {}
            Some(ended) => {
                batch.clear();
                self.ended = Some(Ended::Reported);
                return match ended {
                    Ended::WithError(error) => Err(error),
                    Ended::Reported => Ok(0),
                };
            }
        }
        let read = self
            .read_block(batch)
            .map_err(|failure| self.error(failure));
        match read {
            // What was good of the block is returned before the error.
            Err(error) if !batch.is_empty() => self.ended = Some(Ended::WithError(error)),
            Err(error) => {
                self.ended = Some(Ended::Reported);
                return Err(error);
            }
            Ok(()) if batch.is_empty() => {
                self.ended = Some(Ended::Reported);
                if self.records == 0 {
                    let source_name = self.source().clone();
                    return Err(TraceError::Empty { source_name });
                }
            }
            Ok(()) => {}
        }
        Ok(batch.len())
    }

    /// There are no lines.
    fn counts(&self) -> Counts {
        Counts {
            lines: 0,
            records: self.records,
        }
    }

    fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl fmt::Debug for CompactReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompactReader")
            .field("input", self.frame.get_ref().get_ref())
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

fn bad_record(first: u64, block: u64, number: u64, reason: BadRecord) -> CompactError {
    CompactError::Record {
        record: first + number,
        offset: block + block::HEADER_BYTES as u64 + number,
        reason,
    }
}

fn check(header: &[u8; HEADER_BYTES], length: usize) -> Result<(), CompactError> {
    if !MAGIC.starts_with(&header[..length.min(MAGIC.len())]) {
        return Err(CompactError::Magic);
    }
    if length < HEADER_BYTES {
        let length = length as u64;
        return Err(CompactError::HeaderTruncated { length });
    }
    match (block::word(header, 8), block::word(header, 12)) {
        (VERSION, 0) => Ok(()),
        (VERSION, found) => Err(CompactError::Reserved { found }),
        (found, _) => Err(CompactError::Version { found }),
    }
}
