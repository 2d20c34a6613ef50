use std::io;

use super::{MAX_PAGE_FILES, PageFileNumber, PageFileSize, Slot};
use crate::{Status, disk};

/// What went wrong with page files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageFileError {
    /// There are as many page files as there can be.
    #[error("a machine has {MAX_PAGE_FILES} page files at most")]
    TooMany,
    /// A page file cannot have this size.
    #[error(
        "a page file of {} to {} bytes: give it a page at least, no minimum above the maximum, \
         and less than 16 TiB",
        .0.minimum, .0.maximum
    )]
    Size(PageFileSize),
    /// A page file cannot be made.
    #[error("cannot make a page file: {0}")]
    Create(#[source] io::Error),
    /// A page file cannot be made longer.
    #[error("page file {file} cannot be made {pages} pages long: {source}")]
    Grow {
        /// Which one.
        file: PageFileNumber,
        /// How long it was to be.
        pages: u64,
        /// What the host says.
        source: io::Error,
    },
    /// No page file has a free slot, and none may grow.
    #[error("the page files are full")]
    Full,
    /// What was to be written is not made of whole pages, or is nothing.
    #[error("{0} bytes are no whole pages")]
    NotPages(usize),
    /// Pages were not written; their slots are free again.
    #[error("page file {file}: cannot write from slot {slot} on: {source}")]
    Write {
        /// Which one.
        file: PageFileNumber,
        /// The first slot.
        slot: Slot,
        /// What the host says.
        source: io::Error,
    },
    /// Pages were not read.
    #[error("page file {file}: cannot read from slot {slot} on: {source}")]
    Read {
        /// Which one.
        file: PageFileNumber,
        /// The first slot.
        slot: Slot,
        /// What the host says.
        source: io::Error,
    },
    /// The file ends before a page that was written to it.
    #[error("page file {file} ends before slot {slot}: it was made shorter by others")]
    Ends {
        /// Which one.
        file: PageFileNumber,
        /// The first slot that is not there.
        slot: Slot,
    },
    /// A page is not what was written.
    #[error("page file {file}: slot {slot} does not hold what was written to it")]
    Corrupt {
        /// Which one.
        file: PageFileNumber,
        /// The first such slot.
        slot: Slot,
    },
    /// Nothing was written to a slot, or it was freed.
    #[error("page file {file}: slot {slot} is not in use")]
    NotInUse {
        /// Which one.
        file: PageFileNumber,
        /// The first such slot.
        slot: Slot,
    },
}

impl PageFileError {
    /// What the host said, if that is why.
    pub fn host(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Create(source)
            | Self::Grow { source, .. }
            | Self::Write { source, .. }
            | Self::Read { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// What Windows calls it.
    pub fn status(&self) -> Status {
        match self {
            Self::TooMany => Status::TooManyPagingFiles,
            Self::Size(_) => Status::InvalidParameterMix,
            Self::Create(source)
            | Self::Grow { source, .. }
            | Self::Write { source, .. }
            | Self::Read { source, .. } => disk::status(source),
            Self::Full => Status::DiskFull,
            Self::Ends { .. } => Status::EndOfFile,
            Self::Corrupt { .. } => Status::CrcError,
            Self::NotPages(_) | Self::NotInUse { .. } => Status::InternalError,
        }
    }
}
