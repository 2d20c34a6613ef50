use mmu_core::VirtAddr;

use crate::PageProtection;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    /// Its first address.
    pub base: VirtAddr,
    /// Its length in bytes.
    pub size: u64,
}

/// What pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryState {
    /// `MEM_COMMIT`.
    Commit,
    /// `MEM_RESERVE`.
    Reserve,
    /// `MEM_FREE`.
    Free,
}

impl MemoryState {
    /// The value that Windows has for it.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Commit => 0x1000,
            Self::Reserve => 0x2000,
            Self::Free => 0x1_0000,
        }
    }
}

/// What a region is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryKind {
    /// `MEM_PRIVATE`.
    Private,
    /// `MEM_MAPPED`: a view of a section.
    Mapped,
    /// `MEM_IMAGE`: a view of an image.
    Image,
}

impl MemoryKind {
    /// The value that Windows has for it.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Private => 0x2_0000,
            Self::Mapped => 0x4_0000,
            Self::Image => 0x100_0000,
        }
    }
}

/// What `virtual_query` says of an address (Microsoft, `MEMORY_BASIC_INFORMATION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryInformation {
    /// `BaseAddress`: the page that was asked for.
    pub base: VirtAddr,
    /// `AllocationBase`: where the region starts; none if the page is free.
    pub allocation_base: Option<VirtAddr>,
    /// `AllocationProtect`: what the region was allocated with; empty if the page is free.
    pub allocation_protection: PageProtection,
    /// `RegionSize`: how many bytes from the page on are alike.
    pub size: u64,
    /// `State`.
    pub state: MemoryState,
    /// `Protect`: empty if the page is reserved, no access if it is free.
    pub protection: PageProtection,
    /// `Type`; none if the page is free.
    pub kind: Option<MemoryKind>,
}

impl MemoryInformation {
    /// How many bytes it has in a 64-bit program: `sizeof(MEMORY_BASIC_INFORMATION)`.
    pub const BYTES: usize = 48;
}
