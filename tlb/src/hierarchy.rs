mod config;
mod level;
mod loss;
mod routes;

use alloc::boxed::Box;
use core::mem;

use units::{Cycles, Pcid, VirtAddr};

use crate::{
    Cacheable, ConfigError, Stream, Tlb, TlbCounters, array::Key, asked::Asked, probe::Probe,
    unit::Novelty,
};

pub use config::{HierarchyConfig, Inclusion, LevelConfig, LevelProblem, OnLowerHit, OnMiss};
use level::Level;
use routes::Page;

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
    /// Look-ups that found what the one before them had found, by stream: the TLB of the first
    /// level that answered is told when another one may.
    again: [u64; Stream::COUNT],
    /// Also in the first level, but here at hand.
    first_penalty: Cycles,
    /// Look-ups that no level answered, by stream.
    missed: [u64; Stream::COUNT],
    /// Whether a level includes or excludes another.
    evictions_matter: bool,
    /// Whether an entry that is put in changes nothing but its own TLB.
    is_plain: bool,
    /// The look-up that no level answered, if nothing was put in since.
    just_missed: Option<Asked>,
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
        let evictions_matter = levels
            .iter()
            .any(|level| level.inclusion != Inclusion::Free);
        Ok(Self {
            evictions_matter,
            is_plain: !evictions_matter && levels.iter().all(Level::is_plain),
            first_penalty: levels.first().map_or(Cycles::ZERO, |first| first.penalty),
            levels,
            again: [0; Stream::COUNT],
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
        if let Some(payload) = self.again(address, pcid, stream) {
            self.found_again(stream);
            spend(0, self.first_penalty());
            return Some(Found { payload, level: 0 });
        }
        self.lookup_anew(address, pcid, stream, spend)
    }

    /// What a look-up would find in the first level, if another one has just found it: so that the
    /// look-up would change nothing but a count.
    #[inline]
    pub fn again(&self, address: VirtAddr, pcid: Pcid, stream: Stream) -> Option<P> {
        self.levels[0].again(address, pcid, stream)
    }

    /// A look-up that finds something [again](Self::again) was made.
    #[inline]
    pub fn found_again(&mut self, stream: Stream) {
        self.again[stream.index()] += 1;
    }

    /// What asking the first level costs.
    #[inline]
    pub fn first_penalty(&self) -> Cycles {
        self.first_penalty
    }

    /// As [`TlbHierarchy::lookup`], of what need not be found [again](Self::again).
    #[inline(never)]
    pub fn lookup_anew(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        stream: Stream,
        mut spend: impl FnMut(usize, Cycles),
    ) -> Option<Found<P>> {
        let asked = Asked {
            address,
            pcid,
            stream,
        };
        if !asked.is_canonical() {
            return None;
        }
        self.tell_who_found_again(stream);
        let usual = Probe::usual_key(address, pcid);
        let first = &mut self.levels[0];
        spend(0, first.penalty);
        match first.lookup(asked, usual) {
            Some(payload) => Some(Found { payload, level: 0 }),
            None => self.lookup_below(asked, usual, spend),
        }
    }

    /// What the first level has not is looked for in the others.
    #[inline(never)]
    fn lookup_below(
        &mut self,
        asked: Asked,
        usual: Key,
        mut spend: impl FnMut(usize, Cycles),
    ) -> Option<Found<P>> {
        for (place, level) in self.levels.iter_mut().enumerate().skip(1) {
            spend(place, level.penalty);
            if let Some(payload) = level.lookup(asked, usual) {
                self.promote(place, asked, payload);
                return Some(Found {
                    payload,
                    level: place,
                });
            }
        }
        self.missed[asked.stream.index()] += 1;
        self.just_missed = Some(asked);
        None
    }

    #[inline]
    fn tell_who_found_again(&mut self, stream: Stream) {
        let found = mem::take(&mut self.again[stream.index()]);
        if found != 0 {
            self.levels[0].found_again(stream, found);
        }
    }

    /// Puts what a level has answered into the levels above that take it.
    #[inline(never)]
    fn promote(&mut self, from: usize, asked: Asked, payload: P) {
        let page = Page::new(payload);
        let takes = |level: &Level<P>| level.takes_from_below(asked.stream, page);
        if self.levels[from].inclusion == Inclusion::Exclusive
            && self.levels[..from].iter().any(takes)
        {
            self.levels[from].give_up(asked.address, asked.pcid);
        }
        let usual = Probe::usual_key(asked.address, asked.pcid);
        for level in (0..from).rev() {
            if !takes(&self.levels[level]) {
                continue;
            }
            // It was asked, and missed.
            if self.is_plain {
                self.levels[level].fill_new(asked, page, usual);
            } else {
                self.put(level, asked, page, Novelty::New);
            }
        }
    }

    /// Puts a translation into every level that takes what walks find. The address must be
    /// canonical.
    #[inline(never)]
    pub fn fill(&mut self, address: VirtAddr, pcid: Pcid, stream: Stream, payload: P) {
        let asked = Asked {
            address,
            pcid,
            stream,
        };
        if !asked.is_canonical() {
            return;
        }
        let novelty = if self.just_missed.take() == Some(asked) {
            Novelty::New
        } else {
            Novelty::Unknown
        };
        if !self.is_plain || novelty == Novelty::Unknown {
            return self.put_everywhere(asked, payload, novelty);
        }
        let page = Page::new(payload);
        let usual = Probe::usual_key(address, pcid);
        for level in self.levels.iter_mut().rev() {
            if level.takes_what_walks_find {
                level.fill_new(asked, page, usual);
            }
        }
    }

    #[inline(never)]
    fn put_everywhere(&mut self, asked: Asked, payload: P, novelty: Novelty) {
        let page = Page::new(payload);
        for level in (0..self.levels.len()).rev() {
            if self.levels[level].takes_what_walks_find {
                self.put(level, asked, page, novelty);
            }
        }
    }

    /// Puts a translation into a level, and sees to what has to make room there.
    #[inline(never)]
    fn put(&mut self, level: usize, asked: Asked, page: Page<P>, novelty: Novelty) {
        let own = &mut self.levels[level];
        let Some((tlb, kind)) = own.choose(asked, page, novelty) else {
            return;
        };
        if own.limits_pcids && !page.payload.is_global() {
            self.pcid_used(level, tlb, asked.pcid);
        }
        let own = &mut self.levels[level];
        if !self.evictions_matter {
            own.fill(tlb, kind, asked, page.payload, novelty);
            return;
        }
        if let Some(entry) = own.fill(tlb, kind, asked, page.payload, novelty) {
            let victim = own.tlbs[tlb].victim(entry);
            self.made_room(level, asked, &victim);
        }
    }

    /// Whether a look-up would find the address. Nothing changes.
    pub fn holds(&self, address: VirtAddr, pcid: Pcid, stream: Stream) -> bool {
        let asked = Asked {
            address,
            pcid,
            stream,
        };
        asked.is_canonical() && self.levels.iter().any(|level| level.holds(asked))
    }

    /// The TLBs of each level.
    pub fn levels(&self) -> impl Iterator<Item = &[Tlb<P>]> {
        self.levels.iter().map(|level| &*level.tlbs)
    }

    /// The look-ups of a stream.
    pub fn lookups(&self, stream: Stream) -> Lookups {
        let missed = self.missed[stream.index()];
        let answered = (0..self.levels.len()).map(|level| self.hits(stream, level));
        Lookups {
            total: answered.sum::<u64>() + missed,
            missed,
        }
    }

    /// How many look-ups of a stream a level answered; 0 for a level there is not.
    pub fn hits(&self, stream: Stream, level: usize) -> u64 {
        let tlbs = self.levels.get(level).map(|level| &*level.tlbs);
        let hits = tlbs.unwrap_or_default().iter().map(|tlb| tlb.hits(stream));
        let again = match level {
            0 => self.again[stream.index()],
            _ => 0,
        };
        hits.sum::<u64>() + again
    }

    /// What happened to each TLB so far, level after level.
    pub fn counters(&self) -> impl Iterator<Item = TlbCounters> {
        let levels = self.levels.iter().enumerate();
        levels.flat_map(move |(number, level)| {
            let tlbs = level.tlbs.iter().enumerate();
            tlbs.map(move |(place, tlb)| {
                let mut counters = tlb.counters();
                if number == 0 {
                    counters.hits += level.found_by(place, &self.again);
                }
                counters
            })
        })
    }
}

#[cfg(test)]
mod tests;
