use core::fmt;

use tlb::Cacheable;
use units::{Level, PageSize, PhysAddr, VirtAddr};

use crate::{Entry, Rights};

/// What a TLB entry says of a page: where it lies, its size, what it grants, and whether it is
/// global.
///
/// It is one word, since copying it is most of what a hit does. The address stands where a
/// paging entry has it; below are the [`Rights`], then the size as a power of two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Translation(u64);

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const RIGHTS: u64 = Rights::all().bits() as u64;
const SHIFT_AT: u32 = 4;
const SHIFT: u64 = 0x1f;
const GLOBAL: u64 = 1 << 9;

impl Translation {
    #[inline]
    pub(crate) fn new(page: PhysAddr, size: PageSize, rights: Rights, entry: Entry) -> Self {
        let global = if entry.contains(Entry::GLOBAL) {
            GLOBAL
        } else {
            0
        };
        let address = page.as_u64() & ADDRESS;
        let rights = u64::from(rights.bits());
        Self(address | rights | u64::from(size.shift()) << SHIFT_AT | global)
    }

    #[inline]
    pub(crate) fn local(self) -> Self {
        Self(self.0 & !GLOBAL)
    }

    /// Where the page lies.
    #[inline]
    pub const fn page(self) -> PhysAddr {
        PhysAddr::new(self.0 & ADDRESS)
    }

    /// The size of the page.
    #[inline]
    pub const fn size(self) -> PageSize {
        match self.shift() {
            30 => PageSize::Size1GiB,
            22 => PageSize::Size4MiB,
            21 => PageSize::Size2MiB,
            _ => PageSize::Size4KiB,
        }
    }

    /// What the page grants.
    #[inline]
    pub const fn rights(self) -> Rights {
        Rights::from_bits_truncate((self.0 & RIGHTS) as u8)
    }

    /// Where an address of the page lies.
    #[inline]
    pub const fn physical(self, address: VirtAddr) -> PhysAddr {
        let offset = address.as_u64() & ((1 << self.shift()) - 1);
        PhysAddr::new(self.0 & ADDRESS | offset)
    }

    const fn shift(self) -> u32 {
        (self.0 >> SHIFT_AT & SHIFT) as u32
    }
}

impl fmt::Debug for Translation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Translation")
            .field("page", &self.page())
            .field("size", &self.size())
            .field("rights", &self.rights())
            .field("global", &self.is_global())
            .finish()
    }
}

impl Cacheable for Translation {
    #[inline]
    fn page_size(&self) -> PageSize {
        self.size()
    }

    #[inline]
    fn is_global(&self) -> bool {
        self.0 & GLOBAL != 0
    }
}

/// A translated address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Translated {
    /// The physical address.
    pub address: PhysAddr,
    /// The page it lies in.
    pub translation: Translation,
}

impl Translated {
    #[inline]
    pub(crate) const fn new(address: VirtAddr, translation: Translation) -> Self {
        Self {
            address: translation.physical(address),
            translation,
        }
    }
}

/// What a paging-structure cache keeps of an entry that points to a table: where the table
/// lies and what the path so far grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct TableEntry {
    pub(crate) table: PhysAddr,
    pub(crate) rights: Rights,
}

/// The entry that maps a page, as a walk found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// The first address of the page.
    pub address: VirtAddr,
    /// The level at which the walk ended.
    pub level: Level,
    /// Where the entry lies.
    pub entry_address: PhysAddr,
    /// The entry.
    pub entry: Entry,
    /// What it says, with the rights of the whole path.
    pub translation: Translation,
}
