use alloc::vec::Vec;

use units::Pcid;

use crate::Scope;

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
        /// How many if it is written with bit 63 set.
        keeping: u32,
    },
}

/// What a write of CR3 says of the translations that are cached of the new PCID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cr3Write {
    /// Drop them (bit 63 is clear, or CR4.PCIDE is).
    Plain,
    /// Keep them (bit 63).
    Keeping,
}

/// The PCIDs that a TLB may have entries of, the one used last at the end.
#[derive(Clone, Debug)]
pub(crate) struct PcidsHeld {
    capacity: PcidCapacity,
    /// How many it may keep since CR3 was written last.
    keeps: usize,
    held: Vec<Pcid>,
}

impl PcidsHeld {
    /// More than there are PCIDs is as good as no limit.
    const MOST: u32 = 1 << 12;

    pub(crate) fn new(capacity: PcidCapacity) -> Self {
        let most = match capacity {
            PcidCapacity::Unlimited => 0,
            // The PCID in use is there, whatever the capacity; and one more than may be kept,
            // until the oldest goes.
            PcidCapacity::Last { plain, keeping } => plain.max(keeping).clamp(1, Self::MOST) + 1,
        };
        Self {
            capacity,
            keeps: keeps(capacity, Cr3Write::Plain),
            held: Vec::with_capacity(most as usize),
        }
    }

    /// CR3 was written.
    pub(crate) fn written(&mut self, written: Cr3Write) {
        self.keeps = keeps(self.capacity, written);
    }

    /// Whether nothing that is not global outlives a write of CR3.
    pub(crate) fn keeps_none(&self) -> bool {
        self.keeps == 0
    }

    /// Whether there may ever be too many.
    #[inline]
    pub(crate) fn are_limited(&self) -> bool {
        self.capacity != PcidCapacity::Unlimited
    }

    /// The PCID is that used last.
    #[inline]
    pub(crate) fn used(&mut self, pcid: Pcid) {
        if !self.are_limited() || self.held.last() == Some(&pcid) {
            return;
        }
        self.held.retain(|&held| held != pcid);
        self.held.push(pcid);
    }

    /// The PCID used longest ago, of which all entries have to go, while there are too many.
    #[inline]
    pub(crate) fn one_too_many(&mut self) -> Option<Pcid> {
        (self.held.len() > self.keeps.max(1)).then(|| self.held.remove(0))
    }

    /// Entries were dropped; PCIDs that have none left take no place.
    pub(crate) fn invalidated(&mut self, scope: Scope) {
        match scope {
            Scope::Pcid(pcid) | Scope::PcidAndGlobal(pcid) => {
                self.held.retain(|&held| held != pcid);
            }
            Scope::NonGlobal | Scope::All => self.held.clear(),
            Scope::Page { .. } | Scope::PageOfPcid { .. } => {}
        }
    }
}

fn keeps(capacity: PcidCapacity, written: Cr3Write) -> usize {
    match (capacity, written) {
        (PcidCapacity::Unlimited, _) => usize::MAX,
        (PcidCapacity::Last { plain, .. }, Cr3Write::Plain) => plain as usize,
        (PcidCapacity::Last { keeping, .. }, Cr3Write::Keeping) => keeping as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_for_pcids_is_there_from_the_start() {
        for (plain, keeping) in [(0, 0), (1, 0), (0, 3), (4, 2), (u32::MAX, 1)] {
            let mut pcids = PcidsHeld::new(PcidCapacity::Last { plain, keeping });
            let room = pcids.held.capacity();
            for round in 0..3 * u64::from(PcidsHeld::MOST) {
                let written = if round % 8 < 4 {
                    Cr3Write::Plain
                } else {
                    Cr3Write::Keeping
                };
                pcids.written(written);
                pcids.used(Pcid::from_cr3(round));
                while pcids.one_too_many().is_some() {}
                assert!(pcids.held.len() <= keeps(pcids.capacity, written).max(1));
            }
            assert_eq!(pcids.held.capacity(), room, "{plain}, {keeping}");
        }
    }
}
