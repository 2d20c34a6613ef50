use alloc::boxed::Box;

use tlb::Scope;
use units::{PageSize, Pcid, VirtAddr};

use crate::TableEntry;

const ENTRIES: usize = 1 << 8;

/// What a page-directory entry covers. One of 32-bit paging covers two of these.
const EXTENT: PageSize = PageSize::Size2MiB;

/// A direct-mapped cache of the page-directory entries that point to page tables.
#[derive(Clone, Debug)]
pub(crate) struct SoftStructures {
    slots: Box<[Slot; ENTRIES]>,
    /// Whether anything was put in since the cache was last empty.
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    None,
    Some,
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

    fn is_empty(&self) -> bool {
        self.tag == Self::EMPTY.tag
    }
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
            content: Content::None,
        }
    }

    #[inline]
    pub(crate) fn lookup(&self, address: VirtAddr, pcid: Pcid) -> Option<TableEntry> {
        let slot = &self.slots[place(address)];
        (slot.tag == tag(address, pcid)).then_some(slot.entry)
    }

    #[inline]
    pub(crate) fn fill(&mut self, address: VirtAddr, pcid: Pcid, entry: TableEntry) {
        self.content = Content::Some;
        self.slots[place(address)] = Slot {
            tag: tag(address, pcid),
            entry,
        };
    }

    pub(crate) fn forget(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        let slot = &mut self.slots[place(address)];
        let is_there = slot.tag == tag(address, pcid);
        if is_there {
            *slot = Slot::EMPTY;
        }
        usize::from(is_there)
    }

    /// Drops the entries in the scope, and says how many. None is global, and to drop a page
    /// is to drop all of its PCID (SDM vol. 3, 4.10.4.1).
    pub(crate) fn invalidate(&mut self, scope: Scope) -> usize {
        if self.content == Content::None {
            return 0;
        }
        let is_in = |slot: &Slot| match scope {
            Scope::Page { pcid, .. }
            | Scope::PageOfPcid { pcid, .. }
            | Scope::Pcid(pcid)
            | Scope::PcidAndGlobal(pcid) => Pcid::from_cr3(slot.tag) == pcid,
            Scope::NonGlobal | Scope::All => true,
        };
        let (mut dropped, mut left) = (0, 0);
        for slot in self.slots.iter_mut().filter(|slot| !slot.is_empty()) {
            if is_in(slot) {
                *slot = Slot::EMPTY;
                dropped += 1;
            } else {
                left += 1;
            }
        }
        if left == 0 {
            self.content = Content::None;
        }
        dropped
    }
}
