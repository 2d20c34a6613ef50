use memory_manager::Status;
use mmu_core::VirtAddr;

use crate::byte_size::ByteSize;

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
    /// What is in memory has to stay there.
    #[error("{0} of memory is too small to page in: all of it is in use for good; give more --ram")]
    NoFrame(ByteSize),
    /// The pages of one access push each other out.
    #[error(
        "{0} of memory is too small: the pages of one access push each other out; give more --ram"
    )]
    NoProgress(ByteSize),
    /// The page file cannot be read or written.
    #[error(
        "{0} reads or writes of the temporary page file failed: is there room in {dir}? TMPDIR \
         names another place", dir = std::env::temp_dir().display()
    )]
    Disk(u64),
    /// Something else.
    #[error("the memory manager refuses: {0}")]
    Refused(Status),
}
