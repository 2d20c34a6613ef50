use mmu_core::VirtAddr;

use crate::{
    Bitness,
    vad::{GRANULARITY, TOP_DOWN_LIMIT, USER_LIMIT},
};

/// How much of the address space is a process's own (Microsoft, "Memory Limits for Windows and
/// Windows Server Releases").
///
/// All processes have page tables of the same kind, as on 64-bit Windows. The first 64 KiB and
/// the last 64 KiB are never used, in any layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressLayout {
    /// 128 TiB, of a process of 64 bits.
    #[default]
    Wide,
    /// 2 GiB, of a process of 32 bits.
    TwoGiB,
    /// 3 GiB: of 32 bits and aware of large addresses, on 32-bit Windows that was set up for it
    /// (`increaseuserva`).
    ThreeGiB,
    /// 4 GiB: of 32 bits and aware of large addresses, on 64-bit Windows.
    FourGiB,
}

/// Where the page is that all processes share, in all layouts: what is made for a 32-bit
/// process's threads comes below it.
const SHARED_USER_DATA: u64 = 0x7ffe_0000;

impl AddressLayout {
    /// What programs the process runs.
    pub const fn bitness(self) -> Bitness {
        match self {
            Self::Wide => Bitness::Bits64,
            Self::TwoGiB | Self::ThreeGiB | Self::FourGiB => Bitness::Bits32,
        }
    }

    /// The first address behind those that programs may use (Microsoft, `GetSystemInfo`): the
    /// last 64 KiB in front of the system's are no man's land.
    pub const fn end(self) -> VirtAddr {
        VirtAddr::new(self.limit())
    }

    pub(crate) const fn limit(self) -> u64 {
        match self {
            Self::Wide => USER_LIMIT,
            Self::TwoGiB => (2 << 30) - GRANULARITY,
            Self::ThreeGiB => (3 << 30) - GRANULARITY,
            Self::FourGiB => (4 << 30) - GRANULARITY,
        }
    }

    /// The first address that no region reaches.
    pub(crate) const fn region_limit(self) -> u64 {
        self.limit() - GRANULARITY
    }

    /// Where allocations from the top down start.
    pub(crate) const fn top_down_limit(self) -> u64 {
        match self {
            Self::Wide => TOP_DOWN_LIMIT,
            _ => self.region_limit(),
        }
    }

    /// Below what the environment blocks are: just below the images of 64-bit processes, as
    /// Windows 8.1 had them, and below the shared page in those of 32 bits, as long as Windows
    /// had fixed places for them (both from literature).
    pub(crate) const fn environment_end(self) -> u64 {
        match self {
            Self::Wide => TOP_DOWN_LIMIT,
            _ => SHARED_USER_DATA,
        }
    }
}
