use mmu_core::RamTooLarge;
use units::PhysAddr;

use super::{
    LimeError, NoteError, UnsupportedImage,
    kdump::{Arrangement, FlattenedError, KdumpError},
};
use crate::input::{InputError, Source};

/// A memory image cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file itself cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// There is nothing in the file.
    #[error("{source_name}: an empty file is no memory image")]
    Empty {
        /// The image.
        source_name: Source,
    },
    /// The format is known, but not read.
    #[error(
        "{source_name}: {format} images are not supported yet: convert it to an ELF core or a \
         raw image"
    )]
    Unsupported {
        /// The image.
        source_name: Source,
        /// Its format.
        format: UnsupportedImage,
    },
    /// The memory would not fit in the physical address space.
    #[error("{source_name}: {cause}")]
    TooLarge {
        /// The image.
        source_name: Source,
        /// How large it would be.
        #[source]
        cause: RamTooLarge,
    },
    /// An ELF core is damaged, or not what was expected.
    #[error("{source_name}, byte {offset:#x}: {error}")]
    Elf {
        /// The image.
        source_name: Source,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        #[source]
        error: ElfError,
    },
    /// An image of the Linux Memory Extractor is damaged.
    #[error("{source_name}, byte {offset:#x}: {error}")]
    Lime {
        /// The image.
        source_name: Source,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        #[source]
        error: LimeError,
    },
    /// A kdump is damaged, or not what was expected.
    #[error("{source_name}, byte {offset:#x}{of}: {error}")]
    Kdump {
        /// The image.
        source_name: Source,
        /// Where in the dump, in bytes.
        offset: u64,
        /// What the offset counts in.
        of: Arrangement,
        /// What is wrong there.
        #[source]
        error: KdumpError,
    },
    /// The stream that a flattened kdump is cannot be put together.
    #[error("{source_name}, byte {offset:#x}: {error}")]
    Flattened {
        /// The image.
        source_name: Source,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong there.
        #[source]
        error: FlattenedError,
    },
}

/// What is wrong with an ELF core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// The file ends too early.
    #[error("truncated: the file ends here, but {expected} reaches to {end:#x}")]
    Truncated {
        /// What is missing.
        expected: &'static str,
        /// Where that would end.
        end: u64,
    },
    /// A header contradicts the ELF format.
    #[error("invalid ELF file: {0}")]
    Invalid(#[from] object::Error),
    /// A note cannot be read.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The class or the byte order is none there is.
    #[error("an ELF file of unknown class or byte order")]
    UnknownIdent,
    /// The file is of the other byte order.
    #[error("a big-endian ELF file, not one of an x86 machine")]
    BigEndian,
    /// The file is a program or a library.
    #[error("an ELF file of type {0}, not a core (type 4)")]
    NotCore(u16),
    /// The machine is not an x86 processor.
    #[error("an ELF core of machine {0}, not of an x86 processor (3 or 62)")]
    NotX86(u16),
    /// Headers or notes are too far into the file, or too many.
    #[error("{what} reach to byte {end:#x}; within the first {limit:#x} is expected")]
    HeadersTooLarge {
        /// Which part.
        what: &'static str,
        /// Where it ends.
        end: u64,
        /// How much is read of it at most.
        limit: u64,
    },
    /// There is no memory in the core.
    #[error("no loadable segment with anything in it")]
    NoMemory,
    /// A segment lies outside the physical address space.
    #[error("segment {index}: {length:#x} bytes at {paddr} do not end below 2^52")]
    SegmentTooLarge {
        /// Which program header, the first being 0.
        index: usize,
        /// Its physical address.
        paddr: PhysAddr,
        /// Its size in memory or in the file, whichever is more.
        length: u64,
    },
    /// A segment's place in the file cannot be.
    #[error("segment {index}: {length:#x} bytes of the file from {offset:#x} on")]
    SegmentOutsideFile {
        /// Which program header, the first being 0.
        index: usize,
        /// Its offset.
        offset: u64,
        /// Its size in the file.
        length: u64,
    },
    /// The same bytes of the file are to be in two places.
    #[error("byte {offset:#x} of the file is memory at {first} and also at {second}")]
    TwoAddresses {
        /// The place in the file.
        offset: u64,
        /// One physical address.
        first: PhysAddr,
        /// The other one.
        second: PhysAddr,
    },
    /// The same memory is in the file twice.
    #[error("memory at {paddr} is at byte {first:#x} of the file and also at byte {second:#x}")]
    TwoContents {
        /// The physical address.
        paddr: PhysAddr,
        /// One place in the file.
        first: u64,
        /// The other one.
        second: u64,
    },
}
