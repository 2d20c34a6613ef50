use super::{VERSION, block};

/// What is wrong with a compact trace. Records are counted from 1; bytes from 0, in the
/// content: the header, and then what the zstd frame holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// It is shorter than the header.
    #[error("byte {length}: ends within its header")]
    HeaderTruncated {
        /// How long it is.
        length: u64,
    },
    /// It is something else.
    #[error("byte 0: does not start as a compact trace (.lkt) does")]
    Magic,
    /// It was written by a later version.
    #[error("byte 8: version {found} of the format; only version {VERSION} is known")]
    Version {
        /// What the header says.
        found: u32,
    },
    /// The last word of the header is not zero.
    #[error("byte 12: the header's last word is {found:#x} and not 0")]
    Reserved {
        /// What it is.
        found: u32,
    },
    /// The zstd frame is damaged.
    #[error("record {record} (byte {offset}): corrupt zstd frame: {reason}")]
    Frame {
        /// The first record that is lost.
        record: u64,
        /// How much of the content came out before.
        offset: u64,
        /// What the decoder says.
        reason: String,
    },
    /// It ends before the end that the format demands.
    #[error("record {record} (byte {offset}): truncated")]
    Truncated {
        /// The first record that is missing.
        record: u64,
        /// Where it ends.
        offset: u64,
    },
    /// A block says that it has a size that none can have.
    #[error(
        "record {record} (byte {offset}): a block of {records} records cannot have \
         {data_bytes} bytes of data (at most {} and {})",
        block::RECORDS_MAX,
        block::DATA_MAX
    )]
    Oversized {
        /// The block's first record.
        record: u64,
        /// Where the block begins.
        offset: u64,
        /// How many records it says it has.
        records: u32,
        /// How many bytes of data it says it has.
        data_bytes: u32,
    },
    /// A block is not what was written.
    #[error(
        "record {record} (byte {offset}): the checksum of the block is {found:#010x}, that of \
         its content {computed:#010x}"
    )]
    Checksum {
        /// The block's first record.
        record: u64,
        /// Where the block begins.
        offset: u64,
        /// What the block says.
        found: u32,
        /// What it should say.
        computed: u32,
    },
    /// The records of a block need less or more data than it has.
    #[error("record {record} (byte {offset}): the block's records do not take up its data")]
    Data {
        /// The block's first record.
        record: u64,
        /// Where the block begins.
        offset: u64,
    },
    /// A record that no access can be.
    #[error("record {record} (byte {offset}): {reason}")]
    Record {
        /// Which record.
        record: u64,
        /// Where its opcode is.
        offset: u64,
        /// What is wrong with it.
        reason: BadRecord,
    },
    /// The end says that there are other than so many records.
    #[error("byte {offset}: the trace says it has {found} records, and has {records}")]
    Total {
        /// Where the end block begins.
        offset: u64,
        /// What it says.
        found: u64,
        /// How many records were read.
        records: u64,
    },
    /// Something follows the end.
    #[error("byte {offset}: something follows the end of the trace")]
    Trailing {
        /// Where the trace ends.
        offset: u64,
    },
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// An access of no bytes.
    #[error("an access of size 0")]
    ZeroSize,
    /// The access reaches past the end of the address space.
    #[error("the access reaches past the last address, 0xffffffffffffffff")]
    Wraps,
}
