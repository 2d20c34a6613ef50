use crate::Entry;

/// P and A, which nearly all entries that are used have, and XD, which is left to the rights.
const FLIPPED: u64 = Entry::PRESENT
    .union(Entry::ACCESSED)
    .union(Entry::NO_EXECUTE)
    .bits();

/// An entry with P, A and XD the other way round: what remains of the bits that tell an
/// ordinary entry is zero then, and a set bit among R/W, U/S and XD is a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrdinaryEntry(u64);

impl OrdinaryEntry {
    #[inline]
    pub(crate) const fn new(entry: Entry) -> Self {
        Self(entry.bits() ^ FLIPPED)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}
