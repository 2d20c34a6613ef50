use alloc::boxed::Box;

use tlb::{Cacheable, Scope};
use units::{AccessKind, Level, PageSize, Pcid, PhysAddr, VirtAddr};

use crate::{
    Flushed, Ledger, TableEntry, Translated, Translation, TranslationCache,
    soft_structures::SoftStructures,
};

const ENTRIES: usize = 1 << 12;
/// So many slots share one word of whether any was filled.
const GROUP: usize = 64;
const PAGE: PageSize = PageSize::Size4KiB;

/// A large direct-mapped TLB, and a cache of page-directory entries beside it, that model no
/// processor: they are there for speed.
///
/// It holds every page in pieces of 4 KiB. A tag is the piece's address with the PCID in the
/// low bits, so that a hit is one comparison.
#[derive(Clone, Debug)]
pub struct SoftTlb {
    slots: Box<[Slot; ENTRIES]>,
    /// For each group of slots, whether any was filled, so that to drop what is cached costs
    /// no more than there is.
    filled: [Filled; ENTRIES / GROUP],
    /// Whether a piece of a large page was put in since the TLB was last empty: then a page
    /// may lie in many slots.
    large_pages: LargePages,
    structures: SoftStructures,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filled {
    None,
    Some,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LargePages {
    None,
    Some,
}

/// Of a power of two in size, since that makes its place cheap to find.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Slot {
    tag: u64,
    translation: Translation,
    /// What to add to an address to get its physical address.
    displacement: u64,
}

impl Slot {
    /// A slot whose tag no look-up asks for there: it is that of an address that is not
    /// canonical and belongs into the next slot.
    fn empty(place: usize) -> Self {
        let elsewhere = (place as u64 + 1) << PAGE.shift();
        Self {
            tag: 1 << 63 | elsewhere,
            translation: Translation::default(),
            displacement: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.tag >> 62 == 0b10
    }

    fn pcid(&self) -> Pcid {
        Pcid::from_cr3(self.tag)
    }

    fn is_in(&self, scope: Scope) -> bool {
        let global = self.translation.is_global();
        let is_of = |pcid| self.pcid() == pcid;
        let is_in_page_of = |address: VirtAddr| {
            let size = self.translation.size();
            VirtAddr::new(self.tag).page_number(size) == address.page_number(size)
        };
        match scope {
            Scope::Page { address, pcid } => is_in_page_of(address) && (global || is_of(pcid)),
            Scope::PageOfPcid { address, pcid } => is_in_page_of(address) && !global && is_of(pcid),
            Scope::Pcid(pcid) => !global && is_of(pcid),
            Scope::PcidAndGlobal(pcid) => global || is_of(pcid),
            Scope::NonGlobal => !global,
            Scope::All => true,
        }
    }
}

#[inline]
fn tag(address: VirtAddr, pcid: Pcid) -> u64 {
    address.align_down(PAGE).as_u64() | pcid.as_u64()
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low bits choose")]
fn place(address: VirtAddr) -> usize {
    address.page_number(PAGE) as usize % ENTRIES
}

impl SoftTlb {
    /// An empty TLB.
    pub fn new() -> Self {
        let slots: Box<[Slot]> = (0..ENTRIES).map(Slot::empty).collect();
        match slots.try_into() {
            Ok(slots) => Self {
                slots,
                filled: [Filled::None; ENTRIES / GROUP],
                large_pages: LargePages::None,
                structures: SoftStructures::new(),
            },
            Err(_) => unreachable!("the slice has as many slots"),
        }
    }

    fn drop_slot(&mut self, place: usize, scope: Scope) -> usize {
        let slot = &mut self.slots[place];
        let drops = !slot.is_empty() && slot.is_in(scope);
        if drops {
            *slot = Slot::empty(place);
        }
        usize::from(drops)
    }

    /// Drops the piece that holds the address, and no other of its page.
    fn drop_slot_of_piece(&mut self, address: VirtAddr, scope: Scope) -> usize {
        let place = place(address);
        let held = VirtAddr::new(self.slots[place].tag);
        if held.page_number(PAGE) == address.page_number(PAGE) {
            self.drop_slot(place, scope)
        } else {
            0
        }
    }

    fn drop_slots(&mut self, scope: Scope) -> usize {
        let mut dropped = 0;
        for group in 0..self.filled.len() {
            if self.filled[group] == Filled::None {
                continue;
            }
            let places = group * GROUP..(group + 1) * GROUP;
            for place in places.clone() {
                dropped += self.drop_slot(place, scope);
            }
            if self.slots[places].iter().all(Slot::is_empty) {
                self.filled[group] = Filled::None;
            }
        }
        dropped
    }
}

impl Default for SoftTlb {
    fn default() -> Self {
        Self::new()
    }
}

impl TranslationCache for SoftTlb {
    const HOLDS_PIECES: bool = true;

    #[inline]
    fn lookup<L: Ledger>(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        _kind: AccessKind,
        _ledger: &mut L,
    ) -> Option<Translated> {
        let slot = &self.slots[place(address)];
        (slot.tag == tag(address, pcid)).then(|| Translated {
            address: PhysAddr::new(address.as_u64().wrapping_add(slot.displacement)),
            translation: slot.translation,
        })
    }

    #[inline]
    fn fill(&mut self, address: VirtAddr, pcid: Pcid, _kind: AccessKind, found: Translation) {
        if found.size() != PAGE {
            self.large_pages = LargePages::Some;
        }
        let physical = found.physical(address).as_u64();
        let place = place(address);
        self.filled[place / GROUP] = Filled::Some;
        self.slots[place] = Slot {
            tag: tag(address, pcid),
            translation: found,
            displacement: physical.wrapping_sub(address.as_u64()),
        };
    }

    #[inline]
    fn deepest_table<L: Ledger>(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        _ledger: &mut L,
    ) -> Option<(Level, TableEntry)> {
        let found = self.structures.lookup(address, pcid)?;
        Some((Level::Pde, found))
    }

    #[inline]
    fn fill_table(&mut self, level: Level, address: VirtAddr, pcid: Pcid, entry: TableEntry) {
        if level == Level::Pde {
            self.structures.fill(address, pcid, entry);
        }
    }

    fn forget_translation(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        let page = Scope::Page { address, pcid };
        self.drop_slot_of_piece(address, page)
    }

    fn forget_tables(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        self.structures.forget(address, pcid)
    }

    fn invalidate(&mut self, scope: Scope) -> Flushed {
        let translations = match scope {
            Scope::Page { address, .. } | Scope::PageOfPcid { address, .. }
                if self.large_pages == LargePages::None =>
            {
                self.drop_slot(place(address), scope)
            }
            _ => self.drop_slots(scope),
        };
        if scope == Scope::All {
            self.large_pages = LargePages::None;
        }
        Flushed {
            scope: Some(scope),
            translations,
            structures: self.structures.invalidate(scope),
        }
    }
}
