use mmu_core::{BusError, Fault, PageFault, PageSize};

/// No frame is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("out of physical memory: no {size} frame is free, of {total_bytes} bytes in all")]
pub struct OutOfMemory {
    /// The size of the frame that was needed.
    pub size: PageSize,
    /// The size of the machine's memory.
    pub total_bytes: u64,
}

/// A page fault that cannot be serviced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The program may not do what it tried.
    #[error("access violation: {0}")]
    AccessViolation(PageFault),
    /// There is no memory left to service it with.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// The page tables do not lie in the machine's memory.
    #[error(transparent)]
    NoMemory(#[from] BusError),
}

/// An access that cannot be made, even with its page faults serviced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A page fault cannot be serviced.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The processor raised something that is not a page fault.
    #[error(transparent)]
    Fault(Fault),
    /// The access faults again however often its fault is serviced.
    #[error("still faulting after its fault was serviced: {0}")]
    StillFaulting(PageFault),
}
