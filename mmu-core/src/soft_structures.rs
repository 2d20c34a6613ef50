use alloc::boxed::Box;

use tlb::Scope;
use units::{PageSize, Pcid, VirtAddr};

use crate::TableEntry;

const ENTRIES: usize = 1 << 8;
/// So many slots share a word of which of them are filled.
const GROUP: usize = 64;

/// What a page-directory entry covers. One of 32-bit paging covers two of these.
const EXTENT: PageSize = PageSize::Size2MiB;

/// A direct-mapped cache of the page-directory entries that point to page tables.
#[derive(Clone, Debug)]
pub(crate) struct SoftStructures {
    slots: Box<[Slot; ENTRIES]>,
    /// A bit for each slot that is filled, so that to drop what is cached costs no more than there
    /// is.
    filled: [u64; ENTRIES / GROUP],
}

#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Slot {
    tag: u64,
    entry: TableEntry,
}

impl Slot {
    /// No look-up asks for this tag: bit 12 of one is never set.
    const EMPTY: Self = Self {
        tag: 1 << 12,
        entry: TableEntry::NONE,
    };
}

#[inline]
fn tag(address: VirtAddr, pcid: Pcid) -> u64 {
    address.align_down(EXTENT).as_u64() | pcid.as_u64()
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low bits choose")]
fn place(address: VirtAddr) -> usize {
    address.page_number(EXTENT) as usize % ENTRIES
}

impl SoftStructures {
    pub(crate) fn new() -> Self {
        Self {
            slots: Box::new([Slot::EMPTY; ENTRIES]),
            filled: [0; ENTRIES / GROUP],
        }
    }

    #[inline]
    pub(crate) fn lookup(&self, address: VirtAddr, pcid: Pcid) -> Option<TableEntry> {
        let slot = &self.slots[place(address)];
        (slot.tag == tag(address, pcid)).then_some(slot.entry)
    }

    #[inline]
    pub(crate) fn fill(&mut self, address: VirtAddr, pcid: Pcid, entry: TableEntry) {
        let place = place(address);
        self.filled[place / GROUP] |= 1 << (place % GROUP);
        self.slots[place] = Slot {
            tag: tag(address, pcid),
            entry,
        };
    }

    pub(crate) fn forget(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        let is_there = self.lookup(address, pcid).is_some();
        if is_there {
            self.empty(place(address));
        }
        usize::from(is_there)
    }

    fn empty(&mut self, place: usize) {
        self.filled[place / GROUP] &= !(1 << (place % GROUP));
        self.slots[place] = Slot::EMPTY;
    }

    /// Drops the entries in the scope, and says how many. None is global, and to drop a page
    /// is to drop all of its PCID (SDM vol. 3, 4.10.4.1).
    pub(crate) fn invalidate(&mut self, scope: Scope) -> usize {
        let is_in = |slot: &Slot| match scope {
            Scope::Page { pcid, .. }
            | Scope::PageOfPcid { pcid, .. }
            | Scope::Pcid(pcid)
            | Scope::PcidAndGlobal(pcid) => Pcid::from_cr3(slot.tag) == pcid,
            Scope::NonGlobal | Scope::All => true,
        };
        let mut dropped = 0;
        for group in 0..self.filled.len() {
            let mut filled = self.filled[group];
            while filled != 0 {
                let place = group * GROUP + filled.trailing_zeros() as usize;
                filled &= filled - 1;
                if is_in(&self.slots[place]) {
                    self.empty(place);
                    dropped += 1;
                }
            }
        }
        dropped
    }
}
