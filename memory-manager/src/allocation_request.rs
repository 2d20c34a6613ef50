use mmu_core::VirtAddr;

use crate::{AllocationType, PageProtection};

/// An allocation that is asked for (Microsoft, `VirtualAlloc2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocationRequest {
    /// Where; none, or 0, for wherever there is room.
    pub base: Option<VirtAddr>,
    /// How many bytes.
    pub size: u64,
    /// What is to be done.
    pub kind: AllocationType,
    /// The protection of its pages.
    pub protection: PageProtection,
}
