//! TLB hierarchies made of lists: every entry says which bytes it covers, and whatever is asked
//! is asked of all entries.

use assoc::Tag;
use tlb::{
    Coalescing, Cr3Write, HierarchyConfig, Inclusion, LevelConfig, OnLowerHit, OnMiss,
    PcidCapacity, Scope, Stream, Streams, TlbConfig, TlbCounters,
};
use units::{PageSize, Pcid, VirtAddr};

use super::Array;

/// What an entry says of its page: its size, whether it is global, and the number of its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// The size of the page.
    pub size: PageSize,
    /// Whether it is global.
    pub global: bool,
    /// Its frame, in 4-KiB frames.
    pub frame: i64,
}

impl tlb::Cacheable for Payload {
    fn page_size(&self) -> PageSize {
        self.size
    }

    fn is_global(&self) -> bool {
        self.global
    }

    fn neighbour(&self, pages: i64) -> Self {
        Self {
            frame: self.frame + pages,
            ..*self
        }
    }
}

/// An entry: the pages it covers, of which some were seen.
#[derive(Clone, Debug)]
struct Entry {
    /// The first byte.
    start: u64,
    bytes: u64,
    pcid: Option<Pcid>,
    /// Each page that was seen, with what it says; one page stands for all if it is no group.
    pages: [Option<Payload>; 16],
}

impl Entry {
    fn covers(&self, address: u64) -> bool {
        (self.start..self.start + self.bytes).contains(&address)
    }

    fn first(&self) -> Payload {
        *self
            .pages
            .iter()
            .flatten()
            .next()
            .expect("no entry is empty")
    }
}

#[derive(Debug)]
struct Unit {
    config: TlbConfig,
    array: Array<usize>,
    entries: Vec<Entry>,
    pcids: Vec<Pcid>,
    written: Cr3Write,
    counters: TlbCounters,
}

#[derive(Debug)]
struct Level {
    config: LevelConfig,
    units: Vec<Unit>,
    turn: usize,
}

/// A hierarchy that does what [`tlb::TlbHierarchy`] should.
#[derive(Debug)]
pub struct Hierarchy {
    levels: Vec<Level>,
}

fn group(config: &TlbConfig, size: PageSize) -> u64 {
    match config.coalescing {
        Coalescing::UpTo(pages) if size == PageSize::Size4KiB => pages.into(),
        _ => 1,
    }
}

/// What chooses the set, and the tag.
fn key(config: &TlbConfig, address: u64, size: PageSize, pcid: Option<Pcid>) -> (u64, Tag) {
    let number = address / (size.bytes() * group(config, size));
    let pcid = pcid.map_or(0, |pcid| pcid.as_u64() + 1);
    (
        number,
        Tag::new(number | pcid << 45 | (size.index() as u64) << 60),
    )
}

impl Unit {
    fn new(config: &TlbConfig) -> Self {
        Self {
            array: Array::new(config.geometry, config.index, config.replacement),
            config: config.clone(),
            entries: Vec::new(),
            pcids: Vec::new(),
            written: Cr3Write::Plain,
            counters: TlbCounters::default(),
        }
    }

    fn serves(&self, stream: Stream) -> bool {
        self.config.serves.contains(Streams::from(stream))
    }

    fn page(&self, entry: usize, address: u64, size: PageSize) -> Option<Payload> {
        let pages = group(&self.config, size);
        let place = address / size.bytes() % pages;
        self.entries[entry].pages[usize::try_from(place).unwrap()]
    }

    fn find(&mut self, address: u64, pcid: Pcid, uses: bool) -> Option<Payload> {
        for owner in [Some(pcid), None] {
            for size in PageSize::ALL {
                let (number, tag) = key(&self.config, address, size, owner);
                let found = if uses {
                    self.array.get(number, tag).map(|entry| *entry)
                } else {
                    self.array.peek(number, tag).copied()
                };
                if let Some(page) = found.and_then(|entry| self.page(entry, address, size)) {
                    return Some(page);
                }
            }
        }
        None
    }

    fn has_room(&self, address: u64, size: PageSize) -> bool {
        // In this set nothing would be evicted by another tag.
        let (number, _) = key(&self.config, address, size, None);
        self.array.has_room(number)
    }

    fn put(&mut self, address: u64, pcid: Pcid, size: PageSize, page: Payload) -> Option<Entry> {
        let owner = (!page.global).then_some(pcid);
        if !page.global {
            self.used(pcid);
        }
        self.counters.fills += 1;
        let (number, tag) = key(&self.config, address, size, owner);
        let pages = group(&self.config, size);
        let bytes = size.bytes() * pages;
        let place = usize::try_from(address / size.bytes() % pages).unwrap();
        let mut entry = Entry {
            start: address / bytes * bytes,
            bytes,
            pcid: owner,
            pages: [None; 16],
        };
        if let Some(&old) = self.array.peek(number, tag) {
            // Other pages stay if they are to this one in their frames as in their addresses.
            let old = &self.entries[old];
            let fits = old.pages.iter().enumerate().all(|(other, old)| {
                let distance = i64::try_from(other).unwrap() - i64::try_from(place).unwrap();
                let whole = page.size != PageSize::Size4KiB || pages == 1;
                let frame = page.frame + if whole { 0 } else { distance };
                old.is_none_or(|old| old == Payload { frame, ..page })
            });
            if fits && pages > 1 {
                entry.pages = old.pages;
            }
        }
        entry.pages[place] = Some(page);
        self.entries.push(entry);
        let evicted = self.array.insert(number, tag, self.entries.len() - 1)?;
        self.counters.evictions += 1;
        Some(self.entries[evicted.value].clone())
    }

    fn keeps(&self, written: Cr3Write) -> Option<usize> {
        match (self.config.pcids, written) {
            (PcidCapacity::Unlimited, _) => None,
            (PcidCapacity::Last { plain, .. }, Cr3Write::Plain) => Some(plain as usize),
            (PcidCapacity::Last { keeping, .. }, Cr3Write::Keeping) => Some(keeping as usize),
        }
    }

    fn used(&mut self, pcid: Pcid) -> usize {
        let Some(keeps) = self.keeps(self.written) else {
            return 0;
        };
        if self.pcids.last() == Some(&pcid) {
            return 0;
        }
        self.pcids.retain(|&other| other != pcid);
        self.pcids.push(pcid);
        if self.pcids.len() <= keeps.max(1) {
            return 0;
        }
        let oldest = self.pcids.remove(0);
        self.drop_if(|entry| entry.pcid == Some(oldest))
    }

    fn cr3_written(&mut self, pcid: Pcid, written: Cr3Write) -> usize {
        self.written = written;
        match self.keeps(written) {
            None => 0,
            Some(0) => {
                self.pcids.clear();
                self.drop_if(|entry| entry.pcid.is_some())
            }
            Some(_) => self.used(pcid),
        }
    }

    fn drop_if(&mut self, goes: impl Fn(&Entry) -> bool) -> usize {
        let entries = &self.entries;
        let dropped = self.array.retain(|_, entry| !goes(&entries[*entry]));
        self.counters.dropped += dropped as u64;
        dropped
    }

    fn forget(&mut self, address: u64, pcid: Pcid) -> usize {
        self.drop_if(|entry| entry.covers(address) && entry.pcid.is_none_or(|owner| owner == pcid))
    }

    fn invalidate(&mut self, scope: Scope) -> usize {
        self.drop_if(|entry| {
            let of_page = |address: VirtAddr| {
                let bytes = entry.first().size.bytes().max(entry.bytes);
                entry.start / bytes == address.as_u64() / bytes
            };
            match scope {
                Scope::Page { address, pcid } => {
                    of_page(address) && entry.pcid.is_none_or(|owner| owner == pcid)
                }
                Scope::PageOfPcid { address, pcid } => of_page(address) && entry.pcid == Some(pcid),
                Scope::Pcid(pcid) => entry.pcid == Some(pcid),
                Scope::PcidAndGlobal(pcid) => entry.pcid.is_none_or(|owner| owner == pcid),
                Scope::NonGlobal => entry.pcid.is_some(),
                Scope::All => true,
            }
        })
    }
}

impl Level {
    /// The TLB that takes a page, and the size it is held as.
    fn choose(
        &mut self,
        address: u64,
        pcid: Pcid,
        stream: Stream,
        page: PageSize,
    ) -> Option<(usize, PageSize)> {
        let serving = || (0..self.units.len()).filter(|&unit| self.units[unit].serves(stream));
        let holds =
            |unit: usize, size: PageSize| self.units[unit].config.holds.contains(size.into());
        let sizes = PageSize::ALL.into_iter().rev().filter(|&size| size <= page);
        let size = sizes
            .into_iter()
            .find(|&size| serving().any(|unit| holds(unit, size)))?;
        let holding: Vec<_> = serving().filter(|&unit| holds(unit, size)).collect();
        if let [only] = *holding {
            return Some((only, size));
        }
        for &unit in &holding {
            if self.units[unit].find(address, pcid, false).is_some() {
                return Some((unit, size));
            }
        }
        for &unit in &holding {
            if self.units[unit].has_room(address, size) {
                return Some((unit, size));
            }
        }
        let turn = self.turn % holding.len();
        self.turn = turn + 1;
        Some((holding[turn], size))
    }
}

impl Hierarchy {
    /// An empty hierarchy.
    pub fn new(config: &HierarchyConfig) -> Self {
        let level = |config: &LevelConfig| Level {
            config: config.clone(),
            units: config.tlbs.iter().map(Unit::new).collect(),
            turn: 0,
        };
        Self {
            levels: config.levels.iter().map(level).collect(),
        }
    }

    /// What a look-up finds, and at which level.
    pub fn lookup(&mut self, at: VirtAddr, pcid: Pcid, stream: Stream) -> Option<(Payload, usize)> {
        let address = at.as_u64();
        for level in 0..self.levels.len() {
            let mut found = None;
            for unit in &mut self.levels[level].units {
                if found.is_none() && unit.serves(stream) {
                    found = unit.find(address, pcid, true);
                    unit.counters.hits += u64::from(found.is_some());
                }
            }
            let Some(page) = found else { continue };
            if level > 0 && self.levels[level].config.inclusion == Inclusion::Exclusive {
                for unit in &mut self.levels[level].units {
                    unit.forget(address, pcid);
                }
            }
            for above in (0..level).rev() {
                if self.levels[above].config.on_lower_hit == OnLowerHit::Promote {
                    self.put(above, address, pcid, stream, page);
                }
            }
            return Some((page, level));
        }
        None
    }

    /// A walk has found a page.
    pub fn fill(&mut self, at: VirtAddr, pcid: Pcid, stream: Stream, page: Payload) {
        for level in (0..self.levels.len()).rev() {
            let config = &self.levels[level].config;
            if config.on_miss == OnMiss::Fill && config.inclusion != Inclusion::Exclusive {
                self.put(level, at.as_u64(), pcid, stream, page);
            }
        }
    }

    fn put(&mut self, level: usize, address: u64, pcid: Pcid, stream: Stream, page: Payload) {
        let Some((unit, size)) = self.levels[level].choose(address, pcid, stream, page.size) else {
            return;
        };
        let Some(gone) = self.levels[level].units[unit].put(address, pcid, size, page) else {
            return;
        };
        if self.levels[level].config.inclusion == Inclusion::Inclusive {
            for unit in self.levels[..level]
                .iter_mut()
                .flat_map(|level| &mut level.units)
            {
                unit.drop_if(|entry| {
                    let (end, gone_end) = (entry.start + entry.bytes, gone.start + gone.bytes);
                    entry.pcid == gone.pcid && entry.start < gone_end && gone.start < end
                });
            }
        }
        let below = level + 1;
        let exclusive = |level: &Level| level.config.inclusion == Inclusion::Exclusive;
        if self.levels.get(below).is_some_and(exclusive) {
            for (place, page) in (0..).zip(gone.pages) {
                if let Some(page) = page {
                    let owner = gone.pcid.unwrap_or(pcid);
                    self.put(below, gone.start + place * 4096, owner, stream, page);
                }
            }
        }
    }

    /// Drops what is in a scope, and says how many entries.
    pub fn invalidate(&mut self, scope: Scope) -> usize {
        self.each_unit(|unit| unit.invalidate(scope))
    }

    /// Drops what a look-up could find.
    pub fn forget(&mut self, at: VirtAddr, pcid: Pcid) -> usize {
        self.each_unit(|unit| unit.forget(at.as_u64(), pcid))
    }

    /// CR3 was written.
    pub fn cr3_written(&mut self, pcid: Pcid, written: Cr3Write) -> usize {
        self.each_unit(|unit| unit.cr3_written(pcid, written))
    }

    /// The counters of every TLB.
    pub fn counters(&self) -> Vec<TlbCounters> {
        let units = self.levels.iter().flat_map(|level| &level.units);
        units.map(|unit| unit.counters).collect()
    }

    fn each_unit(&mut self, act: impl FnMut(&mut Unit) -> usize) -> usize {
        let units = self.levels.iter_mut().flat_map(|level| &mut level.units);
        units.map(act).sum()
    }
}
