use alloc::string::String;

use assoc::{Geometry, IndexFunction, Replacement};
use bitflags::bitflags;
use units::PageSize;

use crate::{Coalescing, PcidCapacity, Streams};

bitflags! {
    /// Sizes of pages.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct PageSizes: u8 {
        /// 4-KiB pages.
        const SIZE_4_KIB = 1 << PageSize::Size4KiB.index();
        /// 2-MiB pages.
        const SIZE_2_MIB = 1 << PageSize::Size2MiB.index();
        /// 4-MiB pages.
        const SIZE_4_MIB = 1 << PageSize::Size4MiB.index();
        /// 1-GiB pages.
        const SIZE_1_GIB = 1 << PageSize::Size1GiB.index();
    }
}

impl From<PageSize> for PageSizes {
    #[inline]
    fn from(size: PageSize) -> Self {
        Self::from_bits_truncate(1 << size.index())
    }
}

/// The shape of one TLB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlbConfig {
    /// Its name in reports.
    pub name: String,
    /// The kinds of access that look into it and fill it.
    pub serves: Streams,
    /// The sizes of the pages it can hold. A larger page is held as fragments of the largest
    /// of these sizes if no TLB of its level holds its own.
    pub holds: PageSizes,
    /// Its sets and ways.
    pub geometry: Geometry,
    /// How a page's number, at the size it is held as, chooses its set.
    pub index: IndexFunction,
    /// How a full set makes room.
    pub replacement: Replacement,
    /// Of how many PCIDs it keeps entries.
    pub pcids: PcidCapacity,
    /// Whether one entry can hold several neighbouring pages.
    pub coalescing: Coalescing,
}

/// What happened to one TLB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlbCounters {
    /// Look-ups that found their page here.
    pub hits: u64,
    /// Entries put in.
    pub fills: u64,
    /// Entries that made room for others, a group of pages for a page that does not fit into
    /// it among them.
    pub evictions: u64,
    /// Entries that were dropped though nothing took their place: by an invalidation, by a
    /// fault of their address, for a PCID too many, or along with what an inclusive level below
    /// has lost. What an exclusive level gives up to the levels above was not dropped.
    pub dropped: u64,
}
