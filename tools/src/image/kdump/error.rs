use std::fmt;

use units::PhysAddr;

use super::{super::NoteError, packing::Packing};

/// What an offset in a kdump counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrangement {
    /// The file as it is.
    File,
    /// The dump that a flattened file becomes when it is rearranged.
    Rearranged,
}

impl fmt::Display for Arrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "",
            Self::Rearranged => " when rearranged",
        })
    }
}

/// What is wrong with a kdump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KdumpError {
    /// The file ends too early; a flattened one may lack any part.
    #[error("truncated: there is nothing here, but {expected} reaches to {end:#x}")]
    Truncated {
        /// What is missing.
        expected: &'static str,
        /// Where that would end.
        end: u64,
    },
    /// A part is said to be where another one is.
    #[error("{what} cannot be here: what comes before it reaches to {reached:#x}")]
    OutOfPlace {
        /// The part.
        what: &'static str,
        /// How far the file was read before.
        reached: u64,
    },
    /// The rearranged content of a flattened file is not a kdump.
    #[error("no kdump, but something else that was flattened: rearrange it with makedumpfile -R")]
    NoSignature,
    /// The version of the header is unknown.
    #[error("a kdump header of version {0}; only 1 to 6 are known")]
    Version(u32),
    /// The blocks are not pages of an x86 processor.
    #[error("blocks of {0} bytes; those of an x86 machine have 4096")]
    BlockSize(u32),
    /// The machine is not an x86 processor.
    #[error("a dump of the machine `{0}`, not of an x86 processor")]
    NotX86(String),
    /// The file holds only some of the pages.
    #[error("one part of a split dump: put them together with makedumpfile --reassemble")]
    Split,
    /// There would be pages outside the physical address space.
    #[error("{0:#x} page frames do not end below 2^52")]
    TooManyFrames(u64),
    /// The bitmaps do not reach to the last page.
    #[error("bitmaps of {bytes:#x} bytes are too small for {frames:#x} page frames")]
    BitmapTooSmall {
        /// The size of each.
        bytes: u64,
        /// How many bits are needed.
        frames: u64,
    },
    /// The notes are too large, or not between the headers and the bitmaps.
    #[error(
        "notes of {length:#x} bytes; they must end before the bitmaps at {bitmaps:#x} and have at \
         most {limit:#x}"
    )]
    NotesOutside {
        /// Their size.
        length: u64,
        /// Where they must end.
        bitmaps: u64,
        /// How much is read of them at most.
        limit: u64,
    },
    /// A note cannot be read.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// No page was dumped.
    #[error("no page of memory was dumped")]
    NoMemory,
    /// A page is stored in a way that is not known.
    #[error("the page at {page} is stored in an unknown way: flags {flags:#x}")]
    UnknownPacking {
        /// The page.
        page: PhysAddr,
        /// How it is said to be stored.
        flags: u32,
    },
    /// A page has a size that it cannot have.
    #[error("the page at {page} has {length:#x} bytes in the file")]
    PageLength {
        /// The page.
        page: PhysAddr,
        /// How many bytes.
        length: u32,
    },
    /// A page cannot be decompressed.
    #[error("the page at {page} cannot be unpacked from {packing}: {reason}")]
    Damaged {
        /// The page.
        page: PhysAddr,
        /// How it is compressed.
        packing: Packing,
        /// What the decompressor says.
        reason: String,
    },
}

/// What is wrong with the stream that a flattened file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlattenedError {
    /// The file ends too early.
    #[error("truncated: the file ends here, but {expected} reaches to {end:#x}")]
    Truncated {
        /// What is missing.
        expected: &'static str,
        /// Where that would end.
        end: u64,
    },
    /// The type or the version of the header is unknown.
    #[error("a flattened file of type {kind} and version {version}; only 1 and 1 are known")]
    Unknown {
        /// The type.
        kind: u64,
        /// The version.
        version: u64,
    },
    /// A record's place cannot be.
    #[error("a record of {length} bytes for offset {offset}")]
    Record {
        /// Where it should go.
        offset: i64,
        /// How long it is.
        length: i64,
    },
}
