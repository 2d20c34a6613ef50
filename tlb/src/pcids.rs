use alloc::vec::Vec;

use units::Pcid;

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

/// The PCIDs that a TLB has entries of, the one used last at the end.
#[derive(Clone, Debug)]
pub(crate) struct PcidsHeld {
    capacity: PcidCapacity,
    held: Vec<Pcid>,
}

impl PcidsHeld {
    /// More than there are PCIDs is as good as no limit.
    const MOST: u32 = 1 << 12;

    pub(crate) fn new(capacity: PcidCapacity) -> Self {
        let most = match capacity {
            PcidCapacity::Unlimited => 0,
            // One more than it may keep, until the oldest goes; and one for a write of CR3 that
            // keeps none, which is still followed by entries.
            PcidCapacity::Last { plain, keeping } => plain.max(keeping).min(Self::MOST) + 1,
        };
        Self {
            capacity,
            held: Vec::with_capacity(most as usize),
        }
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.capacity != PcidCapacity::Unlimited
    }

    /// An entry of this PCID is put in; the PCIDs of which all entries have to go come out one
    /// by one.
    pub(crate) fn used(&mut self, pcid: Pcid, written: Cr3Write) -> Option<Pcid> {
        if !self.is_limited() || self.held.last() == Some(&pcid) {
            return None;
        }
        self.held.retain(|&held| held != pcid);
        self.held.push(pcid);
        // The PCID in use is there, whatever the capacity.
        self.oldest_beyond(self.keeps(written).max(1))
    }

    /// CR3 was written.
    pub(crate) fn written(&mut self, pcid: Pcid, written: Cr3Write) -> Gone {
        if !self.is_limited() {
            return Gone::None;
        }
        let keeps = self.keeps(written);
        if keeps == 0 {
            self.held.clear();
            return Gone::All;
        }
        self.used(pcid, written).map_or(Gone::None, Gone::One)
    }

    fn oldest_beyond(&mut self, keeps: usize) -> Option<Pcid> {
        (self.held.len() > keeps).then(|| self.held.remove(0))
    }

    fn keeps(&self, written: Cr3Write) -> usize {
        match (self.capacity, written) {
            (PcidCapacity::Unlimited, _) => usize::MAX,
            (PcidCapacity::Last { plain, .. }, Cr3Write::Plain) => plain as usize,
            (PcidCapacity::Last { keeping, .. }, Cr3Write::Keeping) => keeping as usize,
        }
    }
}

/// What has to go after a write of CR3, the global entries apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    None,
    One(Pcid),
    All,
}
