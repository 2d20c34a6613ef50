use core::fmt;

use tlb::Cacheable;
use units::{Level, MemoryType, PageSize, PhysAddr, VirtAddr};

use crate::{Entry, Rights, rights::Path};

/// What a TLB entry says of a page: where it lies, its size, what it grants, its protection
/// key, how it is cached, and whether it is global.
///
/// It is one word, since copying it is most of what a hit does. Address and G stand where a
/// paging entry has them; the [`Rights`] are the lowest bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Translation(u64);

const RIGHTS: u64 = Rights::all().bits() as u64;
const SIZE_AT: u32 = 6;
const SIZE: u64 = 0b11;
const TYPE_AT: u32 = 9;
const TYPE: u64 = 0b111;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const KEY_AT: u32 = 52;
const KEY: u64 = 0xf;

/// A memory type where a translation has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TypeBits(u64);

impl From<MemoryType> for TypeBits {
    #[inline]
    fn from(memory_type: MemoryType) -> Self {
        Self(u64::from(memory_type.bits()) << TYPE_AT)
    }
}

impl From<TypeBits> for MemoryType {
    #[inline]
    fn from(bits: TypeBits) -> Self {
        Translation(bits.0).memory_type()
    }
}

/// What each value of the type's bits says; those that are no type are never there.
const MEMORY_TYPES: [MemoryType; 8] = {
    let mut types = [MemoryType::Uncacheable; 8];
    let (mut place, mut bits) = (0, 0_u8);
    while place < types.len() {
        if let Some(memory_type) = MemoryType::from_bits(bits) {
            types[place] = memory_type;
        }
        place += 1;
        bits += 1;
    }
    types
};
const _: () = assert!(MEMORY_TYPES.len() as u64 == TYPE + 1);

/// The bits of an address that say where it lies in a page of each size.
const OFFSETS: [u64; PageSize::ALL.len()] = {
    let mut offsets = [0; PageSize::ALL.len()];
    let mut place = 0;
    while place < offsets.len() {
        offsets[place] = PageSize::ALL[place].bytes() - 1;
        place += 1;
    }
    offsets
};
const _: () = assert!(OFFSETS.len() as u64 == SIZE + 1);

impl Translation {
    #[inline]
    pub(crate) const fn new(
        page: PhysAddr,
        size: PageSize,
        rights: Rights,
        memory_type: TypeBits,
    ) -> Self {
        let size = (size.index() as u64) << SIZE_AT;
        Self(page.as_u64() | rights.bits() as u64 | size | memory_type.0)
    }

    /// A page of 4 KiB, with G of its entry.
    #[inline]
    pub(crate) const fn small(
        page: PhysAddr,
        rights: Rights,
        memory_type: TypeBits,
        global: Entry,
    ) -> Self {
        let translation = Self::new(page, PageSize::Size4KiB, rights, memory_type);
        // Only the compiler does not know that these bits are clear.
        Self(translation.with_global(global).0 & !(SIZE << SIZE_AT))
    }

    /// Takes G, and nothing else, from an entry that has no other bit.
    #[inline]
    #[must_use]
    pub(crate) const fn with_global(self, global: Entry) -> Self {
        Self(self.0 | global.bits())
    }

    #[inline]
    #[must_use]
    pub(crate) const fn with_key(self, key: u8) -> Self {
        Self(self.0 | (key as u64 & KEY) << KEY_AT)
    }

    /// Where the page lies.
    #[inline]
    pub const fn page(self) -> PhysAddr {
        PhysAddr::new(self.0 & ADDRESS)
    }

    /// The size of the page.
    #[inline]
    pub const fn size(self) -> PageSize {
        PageSize::ALL[(self.0 >> SIZE_AT & SIZE) as usize]
    }

    /// What the page grants.
    #[inline]
    pub const fn rights(self) -> Rights {
        Rights::from_bits_truncate((self.0 & RIGHTS) as u8)
    }

    /// How the caches treat accesses to the page. Where range registers split a large page,
    /// that of the part that was walked for.
    #[inline]
    pub const fn memory_type(self) -> MemoryType {
        MEMORY_TYPES[(self.0 >> TYPE_AT & TYPE) as usize]
    }

    /// The protection key of the page; 0 while no keys count.
    #[inline]
    pub const fn key(self) -> u8 {
        (self.0 >> KEY_AT & KEY) as u8
    }

    /// Where an address of the page lies.
    #[inline]
    pub const fn physical(self, address: VirtAddr) -> PhysAddr {
        let offset = address.as_u64() & OFFSETS[(self.0 >> SIZE_AT & SIZE) as usize];
        PhysAddr::new(self.page().as_u64().wrapping_add(offset))
    }
}

impl fmt::Debug for Translation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Translation")
            .field("page", &self.page())
            .field("size", &self.size())
            .field("rights", &self.rights())
            .field("memory_type", &self.memory_type())
            .field("key", &self.key())
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
        self.0 & Entry::GLOBAL.bits() != 0
    }

    /// Before the first frame and after the last there is none: what comes out then is no
    /// translation of any page, but leads back to this one.
    #[inline]
    fn neighbour(&self, pages: i64) -> Self {
        let bytes = pages * PageSize::Size4KiB.bytes().cast_signed();
        Self(self.0.wrapping_add_signed(bytes))
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

/// What a paging-structure cache keeps of an entry that points to a table: the entry, and what
/// the path so far grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct TableEntry {
    entry: Entry,
    path: Path,
}

impl TableEntry {
    pub(crate) const NONE: Self = Self::new(Entry::empty(), Path::START);

    #[inline]
    pub(crate) const fn new(entry: Entry, path: Path) -> Self {
        Self { entry, path }
    }

    /// Where the table lies.
    #[inline]
    pub const fn table(self) -> PhysAddr {
        self.entry.table_address()
    }

    /// The entry, as it was when it was read.
    #[inline]
    pub const fn entry(self) -> Entry {
        self.entry
    }

    #[inline]
    pub(crate) const fn path(self) -> Path {
        self.path
    }
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
