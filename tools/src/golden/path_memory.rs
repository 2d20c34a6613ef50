use std::cell::Cell;

use mmu_core::{BusError, PhysAddr, PhysMem, VirtAddr};

use super::{Entries, layout::TABLES};
use crate::conform::Mode;

/// The memory of one vector: the entries of its path, and zeros in the rest of their tables.
/// Nothing else can be read and nothing else changed, so that a few words are all of it.
#[derive(Clone, Debug)]
pub(super) struct PathMemory {
    words: [Word; 5],
    count: usize,
}

/// Eight bytes of a table, with an entry in all of them or in one half.
#[derive(Clone, Debug, Default)]
struct Word {
    at: PhysAddr,
    bits: Cell<u64>,
    shift: u32,
}

impl PathMemory {
    pub(super) fn new(mode: Mode, address: VirtAddr, entries: &Entries) -> Self {
        let mut words: [Word; 5] = Default::default();
        for (place, (word, entry)) in words.iter_mut().zip(entries.iter()).enumerate() {
            let at = mode.entry_address(mode.level(place), address).as_u64();
            let shift = if at & 4 == 0 { 0 } else { 32 };
            *word = Word {
                at: PhysAddr::new(at & !7),
                bits: Cell::new(entry << shift),
                shift,
            };
        }
        Self {
            words,
            count: entries.len(),
        }
    }

    /// The entries as they are now, of so many bits each.
    pub(super) fn entries(&self, bits: u32) -> Entries {
        let mut entries = Entries::default();
        for word in &self.words[..self.count] {
            let entry = word.bits.get() >> word.shift & u64::MAX >> (64 - bits);
            // There are no more of them than came in.
            let _ = entries.push(entry);
        }
        entries
    }

    fn word(&self, at: PhysAddr) -> Option<&Cell<u64>> {
        let mut words = self.words[..self.count].iter();
        words.find(|word| word.at == at).map(|word| &word.bits)
    }
}

impl PhysMem for PathMemory {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        match self.word(at) {
            Some(word) => Ok(word.get()),
            None if TABLES.contains(&at) => Ok(0),
            None => Err(BusError(at)),
        }
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        let word = self.word(at).ok_or(BusError(at))?;
        match word.get() {
            found if found == current => {
                word.set(new);
                Ok(Ok(()))
            }
            found => Ok(Err(found)),
        }
    }
}
