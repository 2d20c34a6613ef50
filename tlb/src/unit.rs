use alloc::string::String;

use assoc::{Geometry, IndexFunction, Replacement, SetAssociative};
use bitflags::bitflags;
use units::{PageSize, Pcid, VirtAddr};

use crate::{
    Cacheable, ConfigError, Scope, Streams,
    tag::{self, Parts},
};

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

impl PageSizes {
    /// The sizes, the smallest first.
    #[inline]
    fn sizes(self) -> impl Iterator<Item = PageSize> {
        let mut left = self.bits();
        core::iter::from_fn(move || {
            let size = PageSize::ALL.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(*size)
        })
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

/// Of how many PCIDs a TLB keeps entries, the global ones apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PcidCapacity {
    /// Of all.
    #[default]
    Unlimited,
    /// Of so many, those used last. Of none: what is not global goes at each write of CR3,
    /// even one that keeps what is cached. Skylake's second-level TLB keeps 4, its
    /// first-level data TLB none (Tatar et al., "TLB;DR", USENIX Security 2022).
    Last {
        /// How many if CR3 is written with bit 63 clear.
        plain: u32,
        /// How many if it is always written with bit 63 set.
        keeping: u32,
    },
}

/// Whether one entry can hold several 4-KiB pages that are neighbours in virtual and in
/// physical memory, with the same rights, as AMD's do since Zen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coalescing {
    /// An entry holds one page.
    #[default]
    Never,
    /// An aligned group of up to so many pages, a power of two.
    UpTo(u32),
}

/// What happened to one TLB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlbCounters {
    /// Look-ups that found their page here.
    pub hits: u64,
    /// Entries put in.
    pub fills: u64,
    /// Entries that made room for others.
    pub evictions: u64,
}

/// One TLB.
#[derive(Clone, Debug)]
pub struct Tlb<P> {
    config: TlbConfig,
    array: SetAssociative<P>,
    /// The sizes that were put in since the TLB was last empty: others need no look-up.
    present: PageSizes,
    /// The same for global pages.
    present_global: PageSizes,
    /// The entry found last, which is the most recently used of its set: finding it again
    /// changes nothing but a count.
    last: Last<P>,
    counters: TlbCounters,
}

#[derive(Clone, Copy, Debug)]
struct Last<P> {
    /// The 4-KiB piece of it that was asked for.
    piece: u64,
    payload: P,
}

impl<P: Cacheable> Last<P> {
    fn none() -> Self {
        // A piece of an address that is not canonical.
        Self {
            piece: 1 << 50,
            payload: P::default(),
        }
    }
}

/// The number of the address's 4-KiB piece, and the PCID above it.
#[inline]
fn piece(address: VirtAddr, pcid: Pcid) -> u64 {
    address.page_number(PageSize::Size4KiB) ^ pcid.as_u64() << 52
}

impl<P: Cacheable> Tlb<P> {
    pub(crate) fn new(config: &TlbConfig) -> Result<Self, ConfigError> {
        if config.serves.is_empty() || config.holds.is_empty() {
            return Err(ConfigError::Useless {
                name: config.name.clone(),
            });
        }
        let array = SetAssociative::new(config.geometry, config.index, config.replacement)
            .map_err(|source| ConfigError::Tlb {
                name: config.name.clone(),
                source,
            })?;
        Ok(Self {
            config: config.clone(),
            array,
            present: PageSizes::empty(),
            present_global: PageSizes::empty(),
            last: Last::none(),
            counters: TlbCounters::default(),
        })
    }

    /// The shape it was built with.
    pub fn config(&self) -> &TlbConfig {
        &self.config
    }

    /// What happened to it so far.
    pub fn counters(&self) -> TlbCounters {
        self.counters
    }

    #[inline]
    pub(crate) fn lookup(&mut self, address: VirtAddr, pcid: Pcid) -> Option<P> {
        let piece = piece(address, pcid);
        if self.last.piece != piece {
            let payload = self.lookup_array(address, pcid)?;
            self.last = Last { piece, payload };
        }
        self.counters.hits += 1;
        Some(self.last.payload)
    }

    #[inline]
    fn lookup_array(&mut self, address: VirtAddr, pcid: Pcid) -> Option<P> {
        for size in self.present.sizes() {
            let number = tag::page_number(address, size);
            if let Some(&mut found) = self.array.get(number, tag::local(number, size, pcid)) {
                return Some(found);
            }
        }
        for size in self.present_global.sizes() {
            let number = tag::page_number(address, size);
            if let Some(&mut found) = self.array.get(number, tag::global(number, size)) {
                return Some(found);
            }
        }
        None
    }

    /// Puts the translation in, held as `size`.
    pub(crate) fn fill(&mut self, address: VirtAddr, pcid: Pcid, size: PageSize, payload: P) {
        self.last = Last::none();
        let number = tag::page_number(address, size);
        let tag = if payload.is_global() {
            self.present_global |= size.into();
            tag::global(number, size)
        } else {
            self.present |= size.into();
            tag::local(number, size, pcid)
        };
        self.counters.fills += 1;
        if self.array.insert(number, tag, payload).is_some() {
            self.counters.evictions += 1;
        }
    }

    /// Drops the entries that a look-up of the address could find.
    pub(crate) fn forget(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        self.last = Last::none();
        let mut dropped = 0;
        for size in PageSize::ALL {
            let number = tag::page_number(address, size);
            for tag in [tag::local(number, size, pcid), tag::global(number, size)] {
                dropped += usize::from(self.array.remove(number, tag).is_some());
            }
        }
        dropped
    }

    pub(crate) fn invalidate(&mut self, scope: Scope) -> usize {
        self.last = Last::none();
        let dropped = self.array.retain(|tag, payload| {
            let entry = Parts::of(tag);
            match scope {
                Scope::Page { address, pcid } => {
                    entry.pcid.is_some_and(|own| own != pcid)
                        || !entry.lies_in_page_of(address, payload.page_size())
                }
                Scope::PageOfPcid { address, pcid } => {
                    entry.pcid != Some(pcid) || !entry.lies_in_page_of(address, payload.page_size())
                }
                Scope::Pcid(pcid) => entry.pcid != Some(pcid),
                Scope::PcidAndGlobal(pcid) => entry.pcid.is_some_and(|own| own != pcid),
                Scope::NonGlobal => entry.pcid.is_none(),
                Scope::All => false,
            }
        });
        if self.array.iter().next().is_none() {
            self.present = PageSizes::empty();
            self.present_global = PageSizes::empty();
        }
        dropped
    }
}
