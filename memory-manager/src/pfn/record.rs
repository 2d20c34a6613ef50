use bitflags::bitflags;

use super::list::Link;
use crate::{protection::Caching, pte::Pte};
use mmu_core::PhysAddr;

/// What a frame is (Windows' `MMLISTS`, in its order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameState {
    /// Nobody's, and zeros.
    Zeroed,
    /// Nobody's, and what its last owner left.
    Free,
    /// A page that nobody uses, as it is where it came from.
    Standby,
    /// A page that nobody uses, and that is nowhere else.
    Modified,
    /// The same, and not to be written until somebody says so.
    ModifiedNoWrite,
    /// Not to be used.
    Bad,
    /// In use: an entry shows it, or it is held.
    Active,
    /// On its way: in no list, and shown by no entry. So are pages that are being read.
    Transition,
}

impl FrameState {
    /// Whether such a frame can be had.
    pub fn is_available(self) -> bool {
        matches!(self, Self::Zeroed | Self::Free | Self::Standby)
    }
}

bitflags! {
    /// What else is known of a frame.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct FrameFlags: u8 {
        /// It was written since it was where it came from.
        const MODIFIED = 1 << 0;
        /// It is being written.
        const WRITE_IN_PROGRESS = 1 << 1;
        /// A prototype entry has it.
        const PROTOTYPE = 1 << 2;
        /// Somebody has it, whatever entries show it: it counts as one more share.
        const HELD = 1 << 3;
        /// It goes to the frames that are not to be written.
        const NO_WRITE = 1 << 4;
        /// What it is to hold is being read.
        const READ_IN_PROGRESS = 1 << 5;
    }
}

/// The priority of pages of which nothing else is said (literature only).
pub(crate) const USUAL_PRIORITY: u8 = 5;

/// What is known of a frame. What it is of colour is its number's remainder, and which table the
/// entry lies in that has it, that entry's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The frame behind it in its list, and the one before it.
    pub(super) next: Link,
    pub(super) previous: Link,
    /// Where the entry lies that has it: a page's own, or its prototype.
    entry: u64,
    /// What that entry is to say when the frame is taken.
    pub(crate) original: Pte,
    /// How many valid entries show it, and one more if it is held.
    pub(crate) shares: u32,
    /// What keeps it where it is: one for all shares, and one for each who is busy with it.
    pub(crate) references: u16,
    /// How many entries are not zero, if it is a page table.
    pub(crate) used: u16,
    pub(crate) state: FrameState,
    /// The higher, the later a frame on standby is taken; 7 at most.
    pub(crate) priority: u8,
    pub(crate) caching: Caching,
    pub(crate) flags: FrameFlags,
}

/// As Windows' `MMPFN` on x64 (literature only).
const _: () = assert!(size_of::<Record>() <= 48);

const NO_ENTRY: u64 = u64::MAX;

impl Record {
    /// Of a frame that was never used, and is zeros.
    pub(crate) const UNTOUCHED: Self = Self {
        next: Link::NONE,
        previous: Link::NONE,
        entry: NO_ENTRY,
        original: Pte::ZERO,
        shares: 0,
        references: 0,
        used: 0,
        state: FrameState::Zeroed,
        priority: USUAL_PRIORITY,
        caching: Caching::Usual,
        flags: FrameFlags::empty(),
    };

    /// Of a frame that was just taken: it is on its way.
    pub(super) const TAKEN: Self = Self {
        state: FrameState::Transition,
        ..Self::UNTOUCHED
    };

    /// Of a frame that nobody needs.
    pub(super) const FREE: Self = Self {
        state: FrameState::Free,
        ..Self::UNTOUCHED
    };

    /// Of a frame that is not to be used.
    pub(super) const BAD: Self = Self {
        state: FrameState::Bad,
        ..Self::UNTOUCHED
    };

    /// Where the entry lies that has the frame.
    pub(crate) fn entry(&self) -> Option<PhysAddr> {
        (self.entry != NO_ENTRY).then(|| PhysAddr::new(self.entry))
    }

    pub(crate) fn set_entry(&mut self, entry: Option<PhysAddr>) {
        self.entry = entry.map_or(NO_ENTRY, PhysAddr::as_u64);
    }

    pub(crate) fn is(&self, flags: FrameFlags) -> bool {
        self.flags.contains(flags)
    }
}
