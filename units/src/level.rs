use core::fmt;

use crate::PageSize;

/// A level of the paging structures, by the name of its entries (SDM vol. 3, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Page-table entries; each maps a 4-KiB page.
    Pte = 1,
    /// Page-directory entries.
    Pde = 2,
    /// Page-directory-pointer-table entries.
    Pdpte = 3,
    /// Page-map-level-4 entries.
    Pml4e = 4,
    /// Page-map-level-5 entries.
    Pml5e = 5,
}

impl Level {
    /// How many levels there are.
    pub const COUNT: usize = 5;

    /// Every level, the one nearest the page first.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Pte, Self::Pde, Self::Pdpte, Self::Pml4e, Self::Pml5e];

    /// The levels of 4-level paging, the one nearest the page first.
    pub const FOUR_LEVEL: [Self; 4] = [Self::Pte, Self::Pde, Self::Pdpte, Self::Pml4e];

    /// The place of this level in [`Level::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize - 1
    }

    /// The next level on the way to the page.
    #[inline]
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::Pte => None,
            Self::Pde => Some(Self::Pte),
            Self::Pdpte => Some(Self::Pde),
            Self::Pml4e => Some(Self::Pdpte),
            Self::Pml5e => Some(Self::Pml4e),
        }
    }

    /// The size of the page that a 64-bit entry of this level maps, if it can map one.
    #[inline]
    pub const fn page_size(self) -> Option<PageSize> {
        match self {
            Self::Pte => Some(PageSize::Size4KiB),
            Self::Pde => Some(PageSize::Size2MiB),
            Self::Pdpte => Some(PageSize::Size1GiB),
            Self::Pml4e | Self::Pml5e => None,
        }
    }

    /// The bits of a linear address below those that choose the 64-bit entry at this level:
    /// one entry covers 2^shift bytes.
    #[inline]
    pub const fn shift(self) -> u32 {
        3 + 9 * self as u32
    }

    /// How many bytes of the linear-address space one 64-bit entry covers.
    #[inline]
    pub const fn covers(self) -> u64 {
        1 << self.shift()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pte => "PTE",
            Self::Pde => "PDE",
            Self::Pdpte => "PDPTE",
            Self::Pml4e => "PML4E",
            Self::Pml5e => "PML5E",
        })
    }
}
