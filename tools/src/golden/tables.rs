use std::{cell::Cell, collections::BTreeMap};

use mmu_core::{BusError, Entry, PhysAddr, PhysMem};

/// When something happened: the number of its line.
pub(super) type Time = u64;

/// The memory of a sequence: zeros, but for the entries that were stored, with what each of
/// them was before.
#[derive(Debug, Default)]
pub(super) struct Tables {
    words: BTreeMap<PhysAddr, Word>,
}

#[derive(Debug, Default)]
struct Word {
    now: Cell<u64>,
    stored: u64,
    past: Vec<Past>,
}

/// An entry that was stored over.
#[derive(Clone, Copy, Debug)]
struct Past {
    entry: u64,
    until: Time,
}

impl Tables {
    /// Stores an entry.
    pub(super) fn store(&mut self, at: PhysAddr, entry: u64, now: Time) {
        let word = self.words.entry(at).or_default();
        word.past.push(Past {
            entry: word.stored,
            until: now,
        });
        word.now.set(entry);
        word.stored = entry;
    }

    /// What a word holds, and what was last stored there.
    pub(super) fn load(&self, at: PhysAddr) -> (u64, u64) {
        let word = self.words.get(&at);
        word.map_or((0, 0), |word| (word.now.get(), word.stored))
    }

    /// One of the values of a word that may be cached if nothing older than `since` is: the
    /// present one first, and after it those that were there later than that. An entry that
    /// is not present is never cached (SDM vol. 3, 4.10.2.3).
    pub(super) fn version(&self, at: PhysAddr, since: Time, number: usize) -> Option<u64> {
        let Some(number) = number.checked_sub(1) else {
            return Some(self.load(at).0);
        };
        let word = self.words.get(&at)?;
        // They are in the order of time.
        let first = word.past.partition_point(|past| past.until <= since);
        let present = |past: &&Past| past.entry & Entry::PRESENT.bits() != 0;
        let mut cached = word.past[first..].iter().filter(present);
        cached.nth(number).map(|past| past.entry)
    }
}

impl PhysMem for Tables {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        Ok(self.load(at).0)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        let word = self.words.get(&at).ok_or(BusError(at))?;
        match word.now.get() {
            found if found == current => {
                word.now.set(new);
                Ok(Ok(()))
            }
            found => Ok(Err(found)),
        }
    }
}
