use tlb::Cacheable;
use units::{Level, PageSize, PhysAddr, VirtAddr};

use crate::{Entry, Rights};

/// What a TLB entry says of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Translation {
    page: PhysAddr,
    size: PageSize,
    rights: Rights,
    global: bool,
}

impl Translation {
    #[inline]
    pub(crate) fn new(page: PhysAddr, size: PageSize, rights: Rights, entry: Entry) -> Self {
        Self {
            page,
            size,
            rights,
            global: entry.contains(Entry::GLOBAL),
        }
    }

    #[inline]
    pub(crate) fn local(self) -> Self {
        Self {
            global: false,
            ..self
        }
    }

    /// Where the page lies.
    #[inline]
    pub const fn page(self) -> PhysAddr {
        self.page
    }

    /// The size of the page.
    #[inline]
    pub const fn size(self) -> PageSize {
        self.size
    }

    /// What the page grants.
    #[inline]
    pub const fn rights(self) -> Rights {
        self.rights
    }

    /// Where an address of the page lies.
    #[inline]
    pub const fn physical(self, address: VirtAddr) -> PhysAddr {
        PhysAddr::new(self.page.as_u64() | address.offset_in(self.size))
    }
}

impl Cacheable for Translation {
    #[inline]
    fn page_size(&self) -> PageSize {
        self.size
    }

    #[inline]
    fn is_global(&self) -> bool {
        self.global
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
