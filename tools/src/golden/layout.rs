//! Where the files of vectors have their tables, by paging mode.

use std::ops::{Range, RangeInclusive};

use mmu_core::{Level, PhysAddr, VirtAddr};

use super::Entries;
use crate::conform::Mode;

impl Mode {
    /// The mode that a golden file names.
    pub(super) fn of_header(name: &[u8]) -> Option<Self> {
        match name {
            b"64bit-4level" => Some(Self::FourLevel),
            b"64bit-5level" => Some(Self::FiveLevel),
            b"pae32" => Some(Self::Pae),
            b"legacy32" => Some(Self::ThirtyTwoBit),
            _ => None,
        }
    }

    /// The levels of its paging structures, from the root on.
    pub(super) fn levels(self) -> &'static [Level] {
        const LEVELS: [Level; 5] = [
            Level::Pml5e,
            Level::Pml4e,
            Level::Pdpte,
            Level::Pde,
            Level::Pte,
        ];
        match self {
            Self::FiveLevel => &LEVELS,
            Self::FourLevel => &LEVELS[1..],
            Self::Pae => &LEVELS[2..],
            Self::ThirtyTwoBit => &LEVELS[3..],
        }
    }

    /// How many levels lead to a page: fewer to a larger one.
    pub(super) fn path_lengths(self) -> RangeInclusive<usize> {
        match self {
            Self::FiveLevel => 3..=5,
            Self::FourLevel => 2..=4,
            Self::Pae => 2..=3,
            Self::ThirtyTwoBit => 1..=2,
        }
    }

    /// [`Mode::path_lengths`] for people.
    pub(super) fn path_lengths_in_words(self) -> &'static str {
        match self {
            Self::FiveLevel => "3 to 5 entries, separated by commas",
            Self::FourLevel => "2 to 4 entries, separated by commas",
            Self::Pae => "2 or 3 entries, separated by a comma",
            Self::ThirtyTwoBit => "1 or 2 entries, separated by a comma",
        }
    }

    /// How many bits a linear address has.
    pub(super) fn address_bits(self) -> u32 {
        match self {
            Self::FourLevel | Self::FiveLevel => 64,
            Self::Pae | Self::ThirtyTwoBit => 32,
        }
    }

    /// How many bytes R and W access.
    pub(super) fn data_bytes(self) -> u32 {
        self.address_bits() / 8
    }

    /// How many bits an entry has.
    pub(super) fn entry_bits(self) -> u32 {
        match self {
            Self::ThirtyTwoBit => 32,
            _ => 64,
        }
    }

    /// Where the golden files put the first table.
    pub(super) fn root(self) -> PhysAddr {
        table(self.levels()[0])
    }

    /// Where the golden files put the entry of a level for an address.
    pub(super) fn entry_address(self, level: Level, address: VirtAddr) -> PhysAddr {
        let address = address.as_u64();
        let offset = match (self, level) {
            (Self::ThirtyTwoBit, Level::Pde) => (address >> 22 & 0x3ff) * 4,
            (Self::ThirtyTwoBit, _) => (address >> 12 & 0x3ff) * 4,
            (Self::Pae, Level::Pdpte) => (address >> 30 & 3) * 8,
            _ => (address >> level.shift() & 0x1ff) * 8,
        };
        table(level).wrapping_add(offset)
    }

    /// The level of an entry by its place on the path.
    pub(super) fn level(self, place: usize) -> Level {
        self.levels().get(place).copied().unwrap_or(Level::Pte)
    }

    /// The path with these bits set at the levels of a mask, whose bit 0 is the PML5E.
    pub(super) fn with_bits(self, mut path: Entries, mask: u8, bits: u64) -> Entries {
        for (place, entry) in path.iter_mut().enumerate() {
            if mask >> mask_bit(self.level(place)) & 1 != 0 {
                *entry |= bits;
            }
        }
        path
    }
}

/// The bit of a level in the files' masks.
pub(super) fn mask_bit(level: Level) -> u32 {
    match level {
        Level::Pml5e => 0,
        Level::Pml4e => 1,
        Level::Pdpte => 2,
        Level::Pde => 3,
        Level::Pte => 4,
    }
}

/// Where the five tables of the golden files lie, one behind the other, the fifth level's
/// first.
pub(super) const TABLES: Range<PhysAddr> = PhysAddr::new(0x10_0000)..PhysAddr::new(0x10_5000);

fn table(level: Level) -> PhysAddr {
    TABLES
        .start
        .wrapping_add(0x1000 * u64::from(mask_bit(level)))
}
