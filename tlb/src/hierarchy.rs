mod config;
mod level;

use alloc::boxed::Box;

use units::{Cycles, Pcid, VirtAddr};

use crate::{Cacheable, ConfigError, Cr3Write, Scope, Stream, Tlb, tag::LINEAR_BITS, unit::Victim};

pub use config::{HierarchyConfig, Inclusion, LevelConfig, LevelProblem, OnLowerHit, OnMiss};
use level::Level;

/// The look-ups of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Look-ups made.
    pub total: u64,
    /// Look-ups that no level could answer.
    pub missed: u64,
}

/// A translation that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<P> {
    /// What the entry says.
    pub payload: P,
    /// The level that had it, from 0.
    pub level: usize,
}

/// The TLBs of one processor.
///
/// A look-up asks level after level. What a lower level finds is put into the levels above it
/// that take it, and what no level has into all that take it, by [`TlbHierarchy::fill`]. A hit
/// in an upper level leaves the lower ones as they are, and so does an eviction, unless the
/// level below is [exclusive](Inclusion::Exclusive): so Intel's hierarchies behave (Tatar et
/// al., "TLB;DR", USENIX Security 2022).
///
/// If several TLBs of a level hold pages of the same size for the same stream, as the two
/// arrays of Golden Cove's second level do, all are asked, and a new page goes to the first
/// whose set has room, else to each in turn. How a processor chooses is not published.
#[derive(Clone, Debug)]
pub struct TlbHierarchy<P> {
    levels: Box<[Level<P>]>,
    lookups: [Lookups; Stream::COUNT],
    /// Look-ups answered, by stream and level.
    hits: Box<[[u64; Stream::COUNT]]>,
    /// Whether a level includes or excludes another.
    evictions_matter: bool,
}

impl<P: Cacheable> TlbHierarchy<P> {
    /// Empty TLBs.
    ///
    /// # Errors
    /// [`ConfigError`] if a TLB cannot be built, or a stream has none at the first level.
    pub fn new(config: &HierarchyConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let levels: Box<[_]> = config
            .levels
            .iter()
            .map(Level::new)
            .collect::<Result<_, _>>()?;
        for stream in Stream::ALL {
            let first = levels.first();
            if first.is_none_or(|level| !level.serves(stream)) {
                return Err(ConfigError::Unserved { stream });
            }
        }
        Ok(Self {
            hits: levels.iter().map(|_| [0; Stream::COUNT]).collect(),
            evictions_matter: levels
                .iter()
                .any(|level| level.inclusion != Inclusion::Free),
            levels,
            lookups: [Lookups::default(); Stream::COUNT],
        })
    }

    /// Looks for the translation of an address. `spend` is told the penalty of each level
    /// asked.
    #[inline]
    pub fn lookup(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        stream: Stream,
        mut spend: impl FnMut(usize, Cycles),
    ) -> Option<Found<P>> {
        if !address.is_canonical(LINEAR_BITS) {
            return None;
        }
        self.lookups[stream.index()].total += 1;
        let first = &mut self.levels[0];
        spend(0, first.penalty);
        if let Some(payload) = first.lookup(address, pcid, stream) {
            self.hits[0][stream.index()] += 1;
            return Some(Found { payload, level: 0 });
        }
        self.lookup_lower(address, pcid, stream, spend)
    }

    #[inline(never)]
    fn lookup_lower(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        stream: Stream,
        mut spend: impl FnMut(usize, Cycles),
    ) -> Option<Found<P>> {
        for level in 1..self.levels.len() {
            spend(level, self.levels[level].penalty);
            if let Some(payload) = self.levels[level].lookup(address, pcid, stream) {
                self.hits[level][stream.index()] += 1;
                self.promote(level, address, pcid, stream, payload);
                return Some(Found { payload, level });
            }
        }
        self.lookups[stream.index()].missed += 1;
        None
    }

    /// Puts what a level has answered into the levels above that take it.
    #[inline]
    fn promote(&mut self, from: usize, address: VirtAddr, pcid: Pcid, stream: Stream, payload: P) {
        if self.levels[from].inclusion == Inclusion::Exclusive {
            self.levels[from].forget(address, pcid);
        }
        for level in (0..from).rev() {
            if self.levels[level].on_lower_hit == OnLowerHit::Promote {
                self.put(level, address, pcid, stream, payload);
            }
        }
    }

    /// Puts a translation into every level that takes what walks find. The address must be
    /// canonical.
    pub fn fill(&mut self, address: VirtAddr, pcid: Pcid, stream: Stream, payload: P) {
        if !address.is_canonical(LINEAR_BITS) {
            return;
        }
        for level in (0..self.levels.len()).rev() {
            if self.levels[level].takes_what_walks_find {
                self.put(level, address, pcid, stream, payload);
            }
        }
    }

    /// Puts a translation into a level, and sees to what has to make room there.
    #[inline]
    fn put(&mut self, level: usize, address: VirtAddr, pcid: Pcid, stream: Stream, payload: P) {
        if let Some(victim) = self.levels[level].fill(address, pcid, stream, payload)
            && self.evictions_matter
        {
            self.made_room(level, pcid, stream, &victim);
        }
    }

    #[cold]
    fn made_room(&mut self, level: usize, pcid: Pcid, stream: Stream, victim: &Victim<P>) {
        if self.levels[level].inclusion == Inclusion::Inclusive {
            for above in &mut self.levels[..level] {
                above.forget_victim(victim);
            }
        }
        let below = level + 1;
        let is_exclusive = |level: &Level<P>| level.inclusion == Inclusion::Exclusive;
        if self.levels.get(below).is_some_and(is_exclusive) {
            for (address, payload) in victim.pages() {
                self.put(below, address, victim.pcid.unwrap_or(pcid), stream, payload);
            }
        }
    }

    /// Whether a look-up would find the address. Nothing changes.
    pub fn holds(&self, address: VirtAddr, pcid: Pcid, stream: Stream) -> bool {
        address.is_canonical(LINEAR_BITS)
            && self
                .levels
                .iter()
                .any(|level| level.holds(address, pcid, stream))
    }

    /// CR3 was written, and the invalidation that goes with it is done: what the TLBs cannot
    /// keep of other PCIDs is dropped. Says how many entries.
    pub fn cr3_written(&mut self, pcid: Pcid, written: Cr3Write) -> usize {
        let tlbs = self.tlbs_mut();
        tlbs.map(|tlb| tlb.cr3_written(pcid, written)).sum()
    }

    /// Drops the entries that a look-up of the address could find, and says how many.
    pub fn forget(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        self.tlbs_mut().map(|tlb| tlb.forget(address, pcid)).sum()
    }

    /// Drops the entries in the scope, and says how many.
    pub fn invalidate(&mut self, scope: Scope) -> usize {
        self.tlbs_mut().map(|tlb| tlb.invalidate(scope)).sum()
    }

    /// The TLBs of each level.
    pub fn levels(&self) -> impl Iterator<Item = &[Tlb<P>]> {
        self.levels.iter().map(|level| &*level.tlbs)
    }

    /// The look-ups of a stream.
    pub fn lookups(&self, stream: Stream) -> Lookups {
        self.lookups[stream.index()]
    }

    /// How many look-ups of a stream a level answered; 0 for a level there is not.
    pub fn hits(&self, stream: Stream, level: usize) -> u64 {
        self.hits.get(level).map_or(0, |hits| hits[stream.index()])
    }

    fn tlbs_mut(&mut self) -> impl Iterator<Item = &mut Tlb<P>> {
        self.levels.iter_mut().flat_map(|level| &mut level.tlbs)
    }
}

#[cfg(test)]
mod tests;
