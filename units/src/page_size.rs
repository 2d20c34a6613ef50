use core::fmt;

use crate::Level;

/// The size of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum PageSize {
    /// 4 KiB, mapped by a page-table entry.
    #[default]
    Size4KiB = 12,
    /// 2 MiB, mapped by a 64-bit page-directory entry.
    Size2MiB = 21,
    /// 4 MiB, mapped by a 32-bit page-directory entry.
    Size4MiB = 22,
    /// 1 GiB, mapped by a page-directory-pointer-table entry.
    Size1GiB = 30,
}

impl PageSize {
    /// Every size, the smallest first.
    pub const ALL: [Self; 4] = [
        Self::Size4KiB,
        Self::Size2MiB,
        Self::Size4MiB,
        Self::Size1GiB,
    ];

    /// The sizes that 4-level and 5-level paging have, the smallest first.
    pub const IA32E: [Self; 3] = [Self::Size4KiB, Self::Size2MiB, Self::Size1GiB];

    /// The size as a power of two.
    #[inline]
    pub const fn shift(self) -> u32 {
        self as u32
    }

    /// The size in bytes.
    #[inline]
    pub const fn bytes(self) -> u64 {
        1 << self.shift()
    }

    /// The bits of an address that are the offset into the page.
    #[inline]
    pub const fn offset_mask(self) -> u64 {
        self.bytes() - 1
    }

    /// The level whose entries map pages of this size.
    #[inline]
    pub const fn level(self) -> Level {
        match self {
            Self::Size4KiB => Level::Pte,
            Self::Size2MiB | Self::Size4MiB => Level::Pde,
            Self::Size1GiB => Level::Pdpte,
        }
    }

    /// The place of this size in [`PageSize::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        // Two bits for each power of two, as a table of branches is slower.
        const PLACES: u64 = 1 << (2 * 21) | 2 << (2 * 22) | 3 << (2 * 30);
        (PLACES >> (2 * self.shift()) & 0b11) as usize
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Size4KiB => "4 KiB",
            Self::Size2MiB => "2 MiB",
            Self::Size4MiB => "4 MiB",
            Self::Size1GiB => "1 GiB",
        })
    }
}
