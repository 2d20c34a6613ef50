use std::io::ErrorKind;

use memory_manager::{PageFileError, demand::AccessError};
use mmu_core::{GeneralProtection, RamTooLarge, TimedConfigError};

use super::{PageFilePlace, PagingError, paged};
use crate::{
    byte_size::ByteSize,
    input::Source,
    pattern::PatternError,
    trace::{Record, RecordKind, TraceError},
};

/// A trace cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The processor cannot be built.
    #[error(transparent)]
    Processor(#[from] TimedConfigError),
    /// No processor could address so much memory.
    #[error(transparent)]
    TooMuchRam(#[from] RamTooLarge),
    /// The processor that is modelled cannot address so much memory.
    #[error("{ram} of memory is more than the {bits} physical-address bits of {cpu} can reach")]
    RamBeyondWidth {
        /// The memory asked for.
        ram: ByteSize,
        /// The width of its addresses.
        bits: u32,
        /// The processor.
        cpu: String,
    },
    /// There is no such access pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The caches cannot be built.
    #[error(transparent)]
    Caches(#[from] cache::ConfigError),
    /// A processor refuses what the operating system writes to its registers.
    #[error(transparent)]
    Register(#[from] GeneralProtection),
    /// The processor that is modelled has no PCIDs.
    #[error("{cpu} has no PCIDs")]
    NoPcids {
        /// The processor.
        cpu: String,
    },
    /// The processor that is modelled has no 5-level paging.
    #[error("{cpu} has no 5-level paging")]
    NoFiveLevels {
        /// The processor.
        cpu: String,
    },
    /// There can be no such number of processes.
    #[error("there can be 1 to {most} processes, not {0}", most = super::Machine::MAX_PROCESSES)]
    Processes(usize),
    /// More accesses under way than any processor has.
    #[error(
        "a window of {0} accesses is larger than any reorder buffer: it can be {most} at most",
        most = super::MachineConfig::WINDOW_MOST
    )]
    Window(std::num::NonZeroU32),
    /// The processor that is modelled has no pages of this size.
    #[error("{cpu} has no {pages} pages")]
    NoSuchPages {
        /// The size asked for.
        pages: mmu_core::PageSize,
        /// The processor.
        cpu: String,
    },
    /// The memory does not even hold the first page table.
    #[error("{0} of memory does not hold the first page table of each process")]
    NoRoomForTables(ByteSize),
    /// Only small pages of 4-level paging go to page files.
    #[error(
        "only 4 KiB pages, in page tables of 4 levels, go to a page file; --page-file none lets \
         other ones stay in memory"
    )]
    NotPageable,
    /// The temporary file that is to be the page file cannot be made.
    #[error("cannot make a temporary page file in {}: {cause}", std::env::temp_dir().display())]
    TemporaryFile {
        /// Why not.
        cause: std::io::Error,
    },
    /// The page file cannot be made where it is to be.
    #[error("{}: {cause}{}", paged::told(*place), advice(cause))]
    PageFile {
        /// Where.
        place: PageFilePlace,
        /// Why not.
        #[source]
        cause: PageFileError,
    },
    /// The memory manager of a machine that pages cannot be built.
    #[error("the memory manager cannot be built: {0}")]
    MemoryManager(#[from] memory_manager::MachineError),
    /// The memory manager does not let processes be as they are to be.
    #[error("the memory manager does not make the processes: {0}")]
    NoProcess(memory_manager::Status),
    /// Memory cannot be paged for an access.
    #[error("{source_name}: record {record}, {description}: {error}")]
    Paging {
        /// The trace.
        source_name: Source,
        /// Which record, the first being 1.
        record: u64,
        /// What the record is.
        description: String,
        /// What is wrong.
        #[source]
        error: PagingError,
    },
    /// The memory is too small for the program.
    #[error(
        "{source_name}: {ram} of memory is too small: record {record}, {description}, found no \
         free {page_size} frame; the whole trace needs {needed} (--ram {}KiB)",
        needed.0.div_ceil(1024)
    )]
    OutOfMemory {
        /// The trace.
        source_name: Source,
        /// The memory asked for.
        ram: ByteSize,
        /// Which record, the first being 1.
        record: u64,
        /// What the record is.
        description: String,
        /// The size of the frame.
        page_size: mmu_core::PageSize,
        /// How much the whole trace needs.
        needed: ByteSize,
    },
    /// An access that no user-mode program can make.
    #[error("{source_name}: record {record}, {description}: {error}")]
    Access {
        /// The trace.
        source_name: Source,
        /// Which record, the first being 1.
        record: u64,
        /// What the record is.
        description: String,
        /// What is wrong with it.
        #[source]
        error: AccessError,
    },
    /// One of the machines of a comparison.
    #[error("{variant}: {error}")]
    Variant {
        /// The machine.
        variant: String,
        /// What is wrong with it.
        error: Box<SimError>,
    },
    /// No access was left to measure.
    #[error("there are {records} records, and the first {warm_up} are its warm-up")]
    NothingMeasured {
        /// How many records there are.
        records: u64,
        /// How many are not measured.
        warm_up: u64,
    },
    /// Ctrl-C.
    #[error("interrupted after {records} records; nothing was written")]
    Interrupted {
        /// How many records were simulated.
        records: u64,
    },
}

impl SimError {
    /// Whether the run failed, and not what it was given.
    pub fn is_of_the_run(&self) -> bool {
        match self {
            Self::Variant { error, .. } => error.is_of_the_run(),
            Self::Paging { error, .. } => !matches!(error, PagingError::NoUserMemory(_)),
            Self::PageFile { cause, .. } => cause
                .host()
                .is_some_and(|kind| paged::too_long(kind).is_some()),
            Self::Interrupted { .. }
            | Self::OutOfMemory { .. }
            | Self::NoRoomForTables(_)
            | Self::TemporaryFile { .. }
            | Self::Trace(TraceError::NotSaved(_)) => true,
            _ => false,
        }
    }
}

/// What to do about a page file that cannot be made, as the rest of a sentence.
fn advice(cause: &PageFileError) -> String {
    let advice = cause.host().and_then(|kind| match kind {
        ErrorKind::AlreadyExists => Some(
            "a page file replaces nothing: name another path, or remove what is there, which may \
             be of a run that was killed",
        ),
        ErrorKind::NotFound => Some("make the directory first, or name another one"),
        ErrorKind::PermissionDenied => Some("name a directory that you may write to"),
        kind => paged::too_long(kind),
    });
    advice.map_or_else(String::new, |advice| format!("; {advice}"))
}

/// What a record is, for people.
pub(super) fn describe(record: &Record) -> String {
    let kind = match record.kind {
        RecordKind::Fetch => "an instruction",
        RecordKind::Load => "a load",
        RecordKind::Store => "a store",
        RecordKind::Modify => "a modify",
    };
    let Record { address, size, .. } = record;
    format!("{kind} of {size} bytes at {address}")
}
