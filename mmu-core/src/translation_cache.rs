use tlb::{Cr3Write, Scope};
use units::{AccessKind, Level, Pcid, VirtAddr};

use crate::{Flushed, Ledger, TableEntry, Translated, Translation};

/// What an [`Mmu`](crate::Mmu) remembers between walks: translations, and, if it likes, the
/// entries that lead to them.
pub trait TranslationCache {
    /// Whether every page is held in pieces of 4 KiB, each with what was found for it.
    const HOLDS_PIECES: bool = false;

    /// Looks for a translation of the address, made under this PCID or global. Only an
    /// address that was filled, in all its 64 bits, may be found.
    fn lookup<L: Ledger>(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        kind: AccessKind,
        ledger: &mut L,
    ) -> Option<Translated>;

    /// Whether a translation of the address is remembered for such accesses. Nothing changes.
    #[inline]
    fn holds(&self, _address: VirtAddr, _pcid: Pcid, _kind: AccessKind) -> bool {
        false
    }

    /// Remembers a translation of an address.
    fn fill(&mut self, address: VirtAddr, pcid: Pcid, kind: AccessKind, found: Translation);

    /// The entry nearest the page that is remembered on the way to the address.
    #[inline]
    fn deepest_table<L: Ledger>(
        &mut self,
        _address: VirtAddr,
        _pcid: Pcid,
        _ledger: &mut L,
    ) -> Option<(Level, TableEntry)> {
        None
    }

    /// Remembers an entry on the way to the address.
    #[inline]
    fn fill_table(&mut self, _level: Level, _address: VirtAddr, _pcid: Pcid, _entry: TableEntry) {}

    /// Drops what a look-up of the address could find, and says how many entries.
    fn forget_translation(&mut self, address: VirtAddr, pcid: Pcid) -> usize;

    /// Drops what is remembered on the way to the address, and says how many entries.
    #[inline]
    fn forget_tables(&mut self, _address: VirtAddr, _pcid: Pcid) -> usize {
        0
    }

    /// CR3 was written, and what that drops by the manual is dropped. Drops what the
    /// processor cannot keep besides, and says how many translations.
    #[inline]
    fn cr3_written(&mut self, _pcid: Pcid, _written: Cr3Write) -> usize {
        0
    }

    /// Drops everything in the scope.
    fn invalidate(&mut self, scope: Scope) -> Flushed;
}
