use mmu_core::VirtAddr;

use crate::{
    Machine, PageProtection, ProcessId, Status,
    vad::{PAGE, USER_LIMIT},
};

/// What `query_region` says of a region as a whole (Microsoft,
/// `WIN32_MEMORY_REGION_INFORMATION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegionInformation {
    /// `AllocationBase`: where it starts.
    pub allocation_base: VirtAddr,
    /// `AllocationProtect`: what it was allocated with.
    pub allocation_protection: PageProtection,
    /// `RegionSize`: its length in bytes, whatever its pages are.
    pub size: u64,
    /// `CommitSize`: how many bytes of it are committed for this process alone. Of a view that
    /// is what may be copied, or was. It has no place in a buffer that ends before it.
    pub commit: u64,
}

impl RegionInformation {
    /// The fewest bytes that it has in a 64-bit program: those of Windows 7, without
    /// `CommitSize`.
    pub const BYTES: usize = 24;
}

impl Machine {
    /// What the region is that holds an address (`NtQueryVirtualMemory`,
    /// `MemoryRegionInformation`), into a buffer of so many bytes.
    ///
    /// # Errors
    /// - [`Status::InfoLengthMismatch`]: that is less than [`RegionInformation::BYTES`].
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::InvalidParameter`]: the address is not in user space.
    /// - [`Status::InvalidAddress`]: no region is there.
    pub fn query_region(
        &self,
        process: ProcessId,
        address: VirtAddr,
        length: usize,
    ) -> Result<RegionInformation, Status> {
        if length < RegionInformation::BYTES {
            return Err(Status::InfoLengthMismatch);
        }
        let (space, _) = self.space_ref(process)?;
        let page = address.as_u64() & !(PAGE - 1);
        if page >= USER_LIMIT {
            return Err(Status::InvalidParameter);
        }
        let vad = space.vads.find(page).ok_or(Status::InvalidAddress)?;
        Ok(RegionInformation {
            allocation_base: VirtAddr::new(vad.start),
            allocation_protection: vad.allocation_protection(),
            size: vad.end - vad.start,
            commit: vad.charge * PAGE,
        })
    }
}
