//! Accesses that would go as they went before.

use cache::LINE_BYTES;
use units::{AccessKind, Cycles, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{Translated, Translation};

/// Of each kind of access, in each mode, the line of the last one that found its page in a
/// first-level TLB and its line in a first-level cache just as the uses before had left them. As
/// long as nothing else happens, such an access to the line changes nothing but counts.
#[derive(Clone, Debug)]
pub(super) struct Notes {
    notes: [[Note; PrivilegeMode::ALL.len()]; AccessKind::COUNT],
    /// A bit for each that still holds.
    valid: u32,
}

/// A line, and what an access to it comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    /// The first byte, and where it lies.
    line: VirtAddr,
    lies_at: PhysAddr,
    translation: Translation,
    /// Of its request of the data caches.
    pub(super) latency: Cycles,
}

impl Notes {
    pub(super) fn new() -> Self {
        let nothing = Note {
            line: VirtAddr::new(0),
            lies_at: PhysAddr::new(0),
            translation: Translation::default(),
            latency: Cycles::ZERO,
        };
        Self {
            notes: [[nothing; PrivilegeMode::ALL.len()]; AccessKind::COUNT],
            valid: 0,
        }
    }

    /// What holds for an access of this kind.
    #[inline]
    pub(super) fn of(&self, kind: AccessKind, mode: PrivilegeMode) -> Option<&Note> {
        let is_valid = self.valid & bit(kind, mode) != 0;
        is_valid.then(|| &self.notes[kind.index()][mode.index()])
    }

    /// From now on this does.
    #[inline]
    pub(super) fn note(&mut self, kind: AccessKind, mode: PrivilegeMode, note: Note) {
        self.notes[kind.index()][mode.index()] = note;
        self.valid |= bit(kind, mode);
    }

    /// Nothing is known any more.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.valid = 0;
    }
}

#[inline]
fn bit(kind: AccessKind, mode: PrivilegeMode) -> u32 {
    1 << (kind.index() * PrivilegeMode::ALL.len() + mode.index())
}

impl Note {
    /// Of an access to this address that found this.
    #[inline]
    pub(super) fn new(address: VirtAddr, found: Translated, latency: Cycles) -> Self {
        Self {
            line: VirtAddr::new(address.as_u64() / LINE_BYTES * LINE_BYTES),
            lies_at: PhysAddr::new(found.address.as_u64() / LINE_BYTES * LINE_BYTES),
            translation: found.translation,
            latency,
        }
    }

    /// Where an access of so many bytes leads, if it stays in the line.
    #[inline]
    pub(super) fn leads_to(&self, address: VirtAddr, length: u32) -> Option<Translated> {
        let offset = address.as_u64().wrapping_sub(self.line.as_u64());
        let stays = offset < LINE_BYTES && offset + u64::from(length) <= LINE_BYTES;
        stays.then(|| Translated {
            address: self.lies_at.wrapping_add(offset),
            translation: self.translation,
        })
    }
}
