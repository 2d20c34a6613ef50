use std::io::ErrorKind;

use memory_manager::Status;
use mmu_core::VirtAddr;

use crate::{byte_size::ByteSize, sim::PageFilePlace};

/// Memory cannot be paged for an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PagingError {
    /// Programs have no memory there.
    #[error(
        "a machine that pages is one of Windows, which gives programs no memory at {0}; \
         --page-file none runs the trace without paging"
    )]
    NoUserMemory(VirtAddr),
    /// All of memory and of the page file is promised.
    #[error(
        "{0} of memory and the page file at its largest are all in use: allow a larger one with \
         --page-file MIN-MAX, or more --ram"
    )]
    Full(ByteSize),
    /// The host does not make the page file longer.
    #[error("the {} cannot be made longer: {cause}; {}", told(*place), remedy(*place, *cause))]
    NotGrown {
        /// Where it is.
        place: PageFilePlace,
        /// What the host says.
        cause: ErrorKind,
    },
    /// What is in memory has to stay there.
    #[error("{0} of memory is too small to page in: all of it is in use for good; give more --ram")]
    NoFrame(ByteSize),
    /// The pages of one access push each other out.
    #[error(
        "{0} of memory is too small: the pages of one access push each other out; give more --ram"
    )]
    NoProgress(ByteSize),
    /// The page file cannot be read or written.
    #[error("{failures} reads or writes of the {} failed: {}", told(*place), advice(*place))]
    Disk {
        /// How many.
        failures: u64,
        /// Where it is.
        place: PageFilePlace,
    },
    /// Something else.
    #[error("the memory manager refuses: {0}")]
    Refused(Status),
}

/// What to do about a page file that cannot be as long as it is to be.
pub(in crate::sim) fn too_long(cause: ErrorKind) -> Option<&'static str> {
    match cause {
        ErrorKind::FileTooLarge => Some(
            "the shell (ulimit -f) or the file system lets no file be as large: raise the limit, \
             or give a smaller one with --page-file MIN-MAX",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("give a smaller one with --page-file MIN-MAX, or one on another disk")
        }
        _ => None,
    }
}

fn remedy(place: PageFilePlace, cause: ErrorKind) -> String {
    too_long(cause).map_or_else(|| advice(place), Into::into)
}

/// What a page file is called.
pub(in crate::sim) fn told(place: PageFilePlace) -> String {
    match place {
        PageFilePlace::Temporary => "temporary page file".into(),
        PageFilePlace::At(path) => format!("page file {}", path.display()),
    }
}

fn advice(place: PageFilePlace) -> String {
    match place {
        PageFilePlace::Temporary => format!(
            "is there room in {}? TMPDIR names another place, and so does --page-file-path",
            std::env::temp_dir().display()
        ),
        PageFilePlace::At(_) => "is there room on its disk? --page-file-path names another".into(),
    }
}
