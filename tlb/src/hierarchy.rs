mod config;
mod level;

use alloc::boxed::Box;

use units::{Cycles, Pcid, VirtAddr};

use crate::{
    Cacheable, ConfigError, Cr3Write, Scope, Stream, Tlb,
    tag::LINEAR_BITS,
    unit::{Lost, Novelty, Victim},
};

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
    /// Look-ups that no level answered, by stream.
    missed: [u64; Stream::COUNT],
    /// Look-ups answered, by stream and level.
    hits: Box<[[u64; Stream::COUNT]]>,
    /// Whether a level includes or excludes another.
    evictions_matter: bool,
    /// The look-up that no level answered, if nothing was put in since.
    just_missed: Option<Missed>,
}

/// A look-up that found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missed {
    address: VirtAddr,
    pcid: Pcid,
    stream: Stream,
}

impl<P: Cacheable> TlbHierarchy<P> {
    /// Empty TLBs.
    ///
    /// # Errors
    /// [`ConfigError`] if a TLB cannot be built, a stream has none at the first level or none
    /// that is ever filled, or a level cannot behave as it is told to.
    pub fn new(config: &HierarchyConfig) -> Result<Self, ConfigError> {
        config.check_relations()?;
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
        config.check_filling()?;
        Ok(Self {
            hits: levels.iter().map(|_| [0; Stream::COUNT]).collect(),
            evictions_matter: levels
                .iter()
                .any(|level| level.inclusion != Inclusion::Free),
            levels,
            missed: [0; Stream::COUNT],
            just_missed: None,
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
        let first = &mut self.levels[0];
        if let Some(payload) = first.lookup_again(address, pcid, stream) {
            spend(0, first.penalty);
            self.hits[0][stream.index()] += 1;
            return Some(Found { payload, level: 0 });
        }
        self.lookup_all(address, pcid, stream, spend)
    }

    #[inline(never)]
    fn lookup_all(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        stream: Stream,
        mut spend: impl FnMut(usize, Cycles),
    ) -> Option<Found<P>> {
        if !address.is_canonical(LINEAR_BITS) {
            return None;
        }
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
        self.missed[stream.index()] += 1;
        self.just_missed = Some(Missed {
            address,
            pcid,
            stream,
        });
        None
    }

    /// Puts what a level has answered into the levels above that take it.
    #[inline]
    fn promote(&mut self, from: usize, address: VirtAddr, pcid: Pcid, stream: Stream, payload: P) {
        let takes = |level: &Level<P>| level.takes_from_below(stream, payload.page_size());
        if self.levels[from].inclusion == Inclusion::Exclusive
            && self.levels[..from].iter().any(takes)
        {
            self.levels[from].give_up(address, pcid);
        }
        for level in (0..from).rev() {
            if takes(&self.levels[level]) {
                // It was asked, and missed.
                self.put(level, address, pcid, stream, payload, Novelty::New);
            }
        }
    }

    /// Puts a translation into every level that takes what walks find. The address must be
    /// canonical.
    pub fn fill(&mut self, address: VirtAddr, pcid: Pcid, stream: Stream, payload: P) {
        if !address.is_canonical(LINEAR_BITS) {
            return;
        }
        let missed = Missed {
            address,
            pcid,
            stream,
        };
        let novelty = if self.just_missed.take() == Some(missed) {
            Novelty::New
        } else {
            Novelty::Unknown
        };
        for level in (0..self.levels.len()).rev() {
            if self.levels[level].takes_what_walks_find {
                self.put(level, address, pcid, stream, payload, novelty);
            }
        }
    }

    /// Puts a translation into a level, and sees to what has to make room there.
    #[inline]
    fn put(
        &mut self,
        level: usize,
        address: VirtAddr,
        pcid: Pcid,
        stream: Stream,
        payload: P,
        novelty: Novelty,
    ) {
        let (above, own) = self.levels.split_at_mut(level);
        let is_inclusive = own[0].inclusion == Inclusion::Inclusive;
        let mut lost = |victim: &Victim<P>| {
            if is_inclusive {
                drop_above(above, victim);
            }
        };
        let displaced = own[0].fill(address, pcid, stream, payload, novelty, &mut lost);
        if let Some(displaced) = displaced
            && self.evictions_matter
        {
            self.made_room(level, pcid, stream, &displaced.victim());
        }
    }

    #[cold]
    fn made_room(&mut self, level: usize, pcid: Pcid, stream: Stream, victim: &Victim<P>) {
        if self.levels[level].inclusion == Inclusion::Inclusive {
            drop_above(&mut self.levels[..level], victim);
        }
        let below = level + 1;
        let is_exclusive = |level: &Level<P>| level.inclusion == Inclusion::Exclusive;
        if self.levels.get(below).is_some_and(is_exclusive) {
            for (address, payload) in victim.pages() {
                let pcid = victim.pcid.unwrap_or(pcid);
                self.put(below, address, pcid, stream, payload, Novelty::Unknown);
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
        self.drop_from_each(|level, lost| level.cr3_written(pcid, written, lost))
    }

    /// Drops the entries that a look-up of the address could find, and says how many.
    pub fn forget(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        self.drop_from_each(|level, lost| level.forget(address, pcid, lost))
    }

    /// Drops the entries in the scope, and says how many.
    pub fn invalidate(&mut self, scope: Scope) -> usize {
        match scope {
            Scope::Page { .. } | Scope::PageOfPcid { .. } => {
                self.drop_from_each(|level, lost| level.invalidate(scope, lost))
            }
            // What overlaps with an entry in the scope is in it too.
            Scope::Pcid(_) | Scope::PcidAndGlobal(_) | Scope::NonGlobal | Scope::All => {
                let levels = self.levels.iter_mut();
                levels
                    .map(|level| level.invalidate(scope, &mut |_| {}))
                    .sum()
            }
        }
    }

    /// The TLBs of each level.
    pub fn levels(&self) -> impl Iterator<Item = &[Tlb<P>]> {
        self.levels.iter().map(|level| &*level.tlbs)
    }

    /// The look-ups of a stream.
    pub fn lookups(&self, stream: Stream) -> Lookups {
        let stream = stream.index();
        let missed = self.missed[stream];
        let answered: u64 = self.hits.iter().map(|hits| hits[stream]).sum();
        Lookups {
            total: answered + missed,
            missed,
        }
    }

    /// How many look-ups of a stream a level answered; 0 for a level there is not.
    pub fn hits(&self, stream: Stream, level: usize) -> u64 {
        self.hits.get(level).map_or(0, |hits| hits[stream.index()])
    }

    /// Has each level drop something.
    fn drop_from_each(
        &mut self,
        mut act: impl FnMut(&mut Level<P>, Lost<'_, P>) -> usize,
    ) -> usize {
        let count = self.levels.len();
        let levels = (1..=count).map(|to| drop_from(&mut self.levels[..to], &mut act));
        levels.sum()
    }
}

/// Has the last of these levels drop something, and with it, if it is inclusive, those above
/// it. Says how many entries that were.
fn drop_from<P: Cacheable>(
    levels: &mut [Level<P>],
    act: &mut dyn FnMut(&mut Level<P>, Lost<'_, P>) -> usize,
) -> usize {
    let Some((level, above)) = levels.split_last_mut() else {
        return 0;
    };
    let is_inclusive = level.inclusion == Inclusion::Inclusive;
    let mut dropped_above = 0;
    let mut lost = |victim: &Victim<P>| {
        if is_inclusive {
            dropped_above += drop_above(above, victim);
        }
    };
    let dropped = act(level, &mut lost);
    dropped + dropped_above
}

/// Drops what overlaps with what an inclusive level has lost from the levels above it, and says
/// how many entries that were.
#[cold]
fn drop_above<P: Cacheable>(above: &mut [Level<P>], victim: &Victim<P>) -> usize {
    let mut forget = |level: &mut Level<P>, lost: Lost<'_, P>| level.forget_victim(victim, lost);
    let levels = (1..=above.len()).map(|to| drop_from(&mut above[..to], &mut forget));
    levels.sum()
}

#[cfg(test)]
mod tests;
