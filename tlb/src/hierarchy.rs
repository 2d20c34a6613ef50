use alloc::{boxed::Box, vec::Vec};

use units::{Cycles, PageSize, Pcid, VirtAddr};

use crate::{
    Cacheable, ConfigError, PageSizes, Scope, Stream, Streams, Tlb, TlbConfig, tag::LINEAR_BITS,
};

/// One level of a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelConfig {
    /// What a look-up at this level adds to an access, found or not.
    pub penalty: Cycles,
    /// The TLBs of the level.
    pub tlbs: Vec<TlbConfig>,
    /// Whether what the page tables say is put into the level.
    pub on_miss: OnMiss,
    /// Whether what a lower level answers is put into this one.
    pub on_lower_hit: OnLowerHit,
    /// How the level relates to those above it.
    pub inclusion: Inclusion,
}

impl LevelConfig {
    /// A level that behaves as Intel's do (Tatar et al., "TLB;DR", USENIX Security 2022).
    pub fn new(penalty: Cycles, tlbs: Vec<TlbConfig>) -> Self {
        Self {
            penalty,
            tlbs,
            on_miss: OnMiss::default(),
            on_lower_hit: OnLowerHit::default(),
            inclusion: Inclusion::default(),
        }
    }
}

/// What a level does with a translation that a walk has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMiss {
    /// Takes it in.
    #[default]
    Fill,
    /// Leaves it to the other levels.
    Pass,
}

/// What a level does with a translation that a lower one has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLowerHit {
    /// Takes it in: it is promoted.
    #[default]
    Promote,
    /// Leaves it where it is.
    Leave,
}

/// How a level relates to the levels above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inclusion {
    /// Neither forces anything on the other.
    #[default]
    Free,
    /// What it evicts is dropped from the levels above.
    Inclusive,
    /// It holds what the level above evicted, and gives up what is promoted.
    Exclusive,
}

/// The shape of a TLB hierarchy, the level nearest the processor first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HierarchyConfig {
    /// Its levels.
    pub levels: Vec<LevelConfig>,
}

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
/// A look-up asks level after level; what a lower level finds is put into the levels above
/// it, and what no level has is put into all of them by [`TlbHierarchy::fill`]. A hit in an
/// upper level leaves the lower ones as they are, and nothing forces what is above to be
/// below as well: so Intel's hierarchies behave (Tatar et al., "TLB;DR", USENIX Security
/// 2022).
#[derive(Clone, Debug)]
pub struct TlbHierarchy<P> {
    levels: Box<[Level<P>]>,
    lookups: [Lookups; Stream::COUNT],
    /// Look-ups answered, by stream and level.
    hits: Box<[[u64; Stream::COUNT]]>,
}

#[derive(Clone, Debug)]
struct Level<P> {
    penalty: Cycles,
    tlbs: Box<[Tlb<P>]>,
    /// Which of the TLBs serve each stream.
    serving: [Box<[usize]>; Stream::COUNT],
    /// For each stream and page size, as which size the level holds such a page, if it does.
    held_as: [[Option<PageSize>; PageSize::ALL.len()]; Stream::COUNT],
}

impl<P: Cacheable> TlbHierarchy<P> {
    /// Empty TLBs.
    ///
    /// # Errors
    /// [`ConfigError`] if a TLB cannot be built, or a stream has none at the first level.
    pub fn new(config: &HierarchyConfig) -> Result<Self, ConfigError> {
        let levels: Box<[_]> = config
            .levels
            .iter()
            .map(Level::new)
            .collect::<Result<_, _>>()?;
        for stream in Stream::ALL {
            let first = levels.first();
            if first.is_none_or(|level| level.serving[stream.index()].is_empty()) {
                return Err(ConfigError::Unserved { stream });
            }
        }
        Ok(Self {
            hits: levels.iter().map(|_| [0; Stream::COUNT]).collect(),
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
            let (above, below) = self.levels.split_at_mut(level);
            spend(level, below[0].penalty);
            if let Some(payload) = below[0].lookup(address, pcid, stream) {
                self.hits[level][stream.index()] += 1;
                for level in above {
                    level.fill(address, pcid, stream, payload);
                }
                return Some(Found { payload, level });
            }
        }
        self.lookups[stream.index()].missed += 1;
        None
    }

    /// Puts a translation into every level that can hold it. The address must be canonical.
    pub fn fill(&mut self, address: VirtAddr, pcid: Pcid, stream: Stream, payload: P) {
        if address.is_canonical(LINEAR_BITS) {
            for level in &mut self.levels {
                level.fill(address, pcid, stream, payload);
            }
        }
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

impl<P: Cacheable> Level<P> {
    fn new(config: &LevelConfig) -> Result<Self, ConfigError> {
        let serving = |stream: Stream| {
            let tlbs = config.tlbs.iter().enumerate();
            let serving = tlbs.filter(|(_, tlb)| tlb.serves.contains(Streams::from(stream)));
            serving.map(|(place, _)| place).collect()
        };
        let holds = |stream: Stream| {
            let tlbs = config.tlbs.iter();
            let serving = tlbs.filter(|tlb| tlb.serves.contains(Streams::from(stream)));
            serving.fold(PageSizes::empty(), |sizes, tlb| sizes | tlb.holds)
        };
        Ok(Self {
            penalty: config.penalty,
            tlbs: config.tlbs.iter().map(Tlb::new).collect::<Result<_, _>>()?,
            serving: Stream::ALL.map(serving),
            held_as: Stream::ALL.map(|stream| {
                let holds = holds(stream);
                PageSize::ALL.map(|size| largest_held(holds, size))
            }),
        })
    }

    #[inline]
    fn lookup(&mut self, address: VirtAddr, pcid: Pcid, stream: Stream) -> Option<P> {
        for &tlb in &self.serving[stream.index()] {
            let found = self.tlbs[tlb].lookup(address, pcid);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn fill(&mut self, address: VirtAddr, pcid: Pcid, stream: Stream, payload: P) {
        let size = payload.page_size();
        let Some(size) = self.held_as[stream.index()][size.index()] else {
            return;
        };
        for &tlb in &self.serving[stream.index()] {
            let tlb = &mut self.tlbs[tlb];
            if tlb.config().holds.contains(size.into()) {
                tlb.fill(address, pcid, size, payload);
                return;
            }
        }
    }
}

/// The largest of the sizes that is no larger than the page.
fn largest_held(holds: PageSizes, page: PageSize) -> Option<PageSize> {
    let sizes = PageSize::ALL.into_iter().rev();
    sizes
        .filter(|&size| size <= page)
        .find(|&size| holds.contains(size.into()))
}

#[cfg(test)]
mod tests;
