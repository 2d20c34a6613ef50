//! TLB hierarchies made of lists: every entry says which bytes it covers, and whatever is asked
//! is asked of all entries.

use assoc::Tag;
use tlb::{
    Coalescing, Cr3Write, HierarchyConfig, Inclusion, LevelConfig, Lookups, OnLowerHit, OnMiss,
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
    /// How many bytes each of its pages has here.
    page: u64,
    bytes: u64,
    pcid: Option<Pcid>,
    /// Each page that was seen, with what it says; one page stands for all if it is no group.
    pages: [Option<Payload>; 16],
}

impl Entry {
    fn covers(&self, address: u64) -> bool {
        // An entry may end where the addresses do.
        (self.start..=self.start + (self.bytes - 1)).contains(&address)
    }

    fn first(&self) -> Payload {
        let (_, page) = self.seen().next().expect("no entry is empty");
        page
    }

    fn is_empty(&self) -> bool {
        self.seen().next().is_none()
    }

    /// The first byte of each page that was seen, and what it says.
    fn seen(&self) -> impl Iterator<Item = (u64, Payload)> {
        let pages = (0..).zip(self.pages);
        pages.filter_map(|(place, page)| page.map(|page| (self.start + place * self.page, page)))
    }

    /// Whether a byte of a page that was seen is one of the other's too.
    fn shares_bytes_with(&self, other: &Self) -> bool {
        self.pcid == other.pcid
            && self.seen().any(|(own, _)| {
                let mut theirs = other.seen();
                theirs.any(|(theirs, _)| {
                    own <= theirs + (other.page - 1) && theirs <= own + (self.page - 1)
                })
            })
    }
}

#[derive(Debug)]
struct Unit {
    config: TlbConfig,
    array: Array<usize>,
    entries: Vec<Entry>,
    /// Those of which there may be entries.
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
    lookups: [Lookups; Stream::COUNT],
    /// Of each level.
    hits: Vec<[u64; Stream::COUNT]>,
}

fn group(config: &TlbConfig, size: PageSize) -> u64 {
    match config.coalescing {
        Coalescing::UpTo(pages) if size == PageSize::Size4KiB => pages.into(),
        _ => 1,
    }
}

/// What chooses the set, and the tag.
fn key(config: &TlbConfig, address: u64, size: PageSize, pcid: Option<Pcid>) -> (u64, Tag) {
    // The widest linear addresses have 57 bits.
    let address = address & ((1 << 57) - 1);
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

    /// The group that the page would be put into, if it is one that the page fits.
    fn has_group_of(&self, address: u64, pcid: Pcid, size: PageSize, page: Payload) -> bool {
        let owner = (!page.global).then_some(pcid);
        let (number, tag) = key(&self.config, address, size, owner);
        let entry = self.array.peek(number, tag);
        group(&self.config, size) > 1
            && entry.is_some_and(|&entry| self.fits(&self.entries[entry], address, size, page))
    }

    /// Whether the pages of a group are to this one in their frames as in their addresses.
    fn fits(&self, group_of: &Entry, address: u64, size: PageSize, page: Payload) -> bool {
        let place = self.place(address, size);
        group_of.pages.iter().enumerate().all(|(other, old)| {
            let distance = i64::try_from(other).unwrap() - i64::try_from(place).unwrap();
            let is_piece = page.size != PageSize::Size4KiB;
            let frame = page.frame + if is_piece { 0 } else { distance };
            old.is_none_or(|old| old == Payload { frame, ..page })
        })
    }

    fn place(&self, address: u64, size: PageSize) -> usize {
        usize::try_from(address / size.bytes() % group(&self.config, size)).unwrap()
    }

    /// Puts a page in. What had to make room for it comes out, and what a PCID too many cost.
    fn put(&mut self, address: u64, pcid: Pcid, size: PageSize, page: Payload) -> Gone {
        let owner = (!page.global).then_some(pcid);
        let mut gone = Gone::default();
        if !page.global {
            gone.dropped = self.used(pcid);
        }
        self.counters.fills += 1;
        let (number, tag) = key(&self.config, address, size, owner);
        let place = self.place(address, size);
        let bytes = size.bytes() * group(&self.config, size);
        let mut entry = Entry {
            start: address / bytes * bytes,
            page: size.bytes(),
            bytes,
            pcid: owner,
            pages: [None; 16],
        };
        if let Some(&old) = self.array.peek(number, tag) {
            let mut old = self.entries[old].clone();
            if bytes > size.bytes() && self.fits(&old, address, size, page) {
                entry.pages = old.pages;
            } else {
                old.pages[place] = None;
                gone.evicted = (!old.is_empty()).then_some(old);
            }
        }
        entry.pages[place] = Some(page);
        self.entries.push(entry);
        if let Some(evicted) = self.array.insert(number, tag, self.entries.len() - 1) {
            gone.evicted = Some(self.entries[evicted.value].clone());
        }
        self.counters.evictions += u64::from(gone.evicted.is_some());
        gone
    }

    fn keeps(&self, written: Cr3Write) -> Option<usize> {
        match (self.config.pcids, written) {
            (PcidCapacity::Unlimited, _) => None,
            (PcidCapacity::Last { plain, .. }, Cr3Write::Plain) => Some(plain as usize),
            (PcidCapacity::Last { keeping, .. }, Cr3Write::Keeping) => Some(keeping as usize),
        }
    }

    fn used(&mut self, pcid: Pcid) -> Vec<Entry> {
        let Some(keeps) = self.keeps(self.written) else {
            return Vec::new();
        };
        self.pcids.retain(|&other| other != pcid);
        self.pcids.push(pcid);
        let too_many = self.pcids.len().saturating_sub(keeps.max(1));
        let oldest: Vec<_> = self.pcids.drain(..too_many).collect();
        self.drop_if(|entry| entry.pcid.is_some_and(|owner| oldest.contains(&owner)))
    }

    fn cr3_written(&mut self, pcid: Pcid, written: Cr3Write) -> Vec<Entry> {
        self.written = written;
        match self.keeps(written) {
            None => Vec::new(),
            Some(0) => {
                self.pcids.clear();
                self.drop_if(|entry| entry.pcid.is_some())
            }
            Some(_) => self.used(pcid),
        }
    }

    fn drop_if(&mut self, goes: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let entries = &self.entries;
        let mut dropped = Vec::new();
        self.array.retain(|_, entry| {
            let entry = &entries[*entry];
            if goes(entry) {
                dropped.push(entry.clone());
            }
            !goes(entry)
        });
        self.counters.dropped += dropped.len() as u64;
        dropped
    }

    fn forget(&mut self, address: u64, pcid: Pcid) -> Vec<Entry> {
        self.drop_if(|entry| entry.covers(address) && entry.pcid.is_none_or(|owner| owner == pcid))
    }

    /// Takes one page out.
    fn give_up(&mut self, address: u64, pcid: Pcid) {
        let entries = &mut self.entries;
        self.array.retain(|_, place| {
            let mut entry = entries[*place].clone();
            if entry.covers(address) && entry.pcid.is_none_or(|owner| owner == pcid) {
                let page = (address - entry.start) / entry.page;
                entry.pages[usize::try_from(page).unwrap()] = None;
            }
            let is_left = !entry.is_empty();
            entries.push(entry);
            *place = entries.len() - 1;
            is_left
        });
    }

    fn invalidate(&mut self, scope: Scope) -> Vec<Entry> {
        match scope {
            Scope::Pcid(pcid) | Scope::PcidAndGlobal(pcid) => {
                self.pcids.retain(|&other| other != pcid);
            }
            Scope::NonGlobal | Scope::All => self.pcids.clear(),
            _ => {}
        }
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

/// What a page has cost that was put in.
#[derive(Default)]
struct Gone {
    evicted: Option<Entry>,
    dropped: Vec<Entry>,
}

impl Level {
    fn is(&self, inclusion: Inclusion) -> bool {
        self.config.inclusion == inclusion
    }

    /// As which size it holds a page.
    fn held_as(&self, stream: Stream, page: PageSize) -> Option<PageSize> {
        let mut sizes = PageSize::ALL.into_iter().rev().filter(|&size| size <= page);
        let serving = || self.units.iter().filter(|unit| unit.serves(stream));
        sizes.find(|&size| serving().any(|unit| unit.config.holds.contains(size.into())))
    }

    fn takes_from_below(&self, stream: Stream, page: PageSize) -> bool {
        self.config.on_lower_hit == OnLowerHit::Promote
            && !self.is(Inclusion::Exclusive)
            && self.held_as(stream, page).is_some()
    }

    /// The TLB that takes a page, and the size it is held as.
    fn choose(
        &mut self,
        address: u64,
        pcid: Pcid,
        stream: Stream,
        page: Payload,
    ) -> Option<(usize, PageSize)> {
        let size = self.held_as(stream, page.size)?;
        let holds = |unit: &Unit| unit.serves(stream) && unit.config.holds.contains(size.into());
        let units = 0..self.units.len();
        let holding: Vec<_> = units.filter(|&unit| holds(&self.units[unit])).collect();
        if let [only] = *holding {
            return Some((only, size));
        }
        for &unit in &holding {
            if self.units[unit].find(address, pcid, false).is_some() {
                return Some((unit, size));
            }
        }
        for &unit in &holding {
            if self.units[unit].has_group_of(address, pcid, size, page) {
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
            lookups: [Lookups::default(); Stream::COUNT],
            hits: vec![[0; Stream::COUNT]; config.levels.len()],
        }
    }

    /// What a look-up finds, and at which level.
    pub fn lookup(&mut self, at: VirtAddr, pcid: Pcid, stream: Stream) -> Option<(Payload, usize)> {
        let address = at.as_u64();
        self.lookups[stream.index()].total += 1;
        for level in 0..self.levels.len() {
            let mut found = None;
            for unit in &mut self.levels[level].units {
                if found.is_none() && unit.serves(stream) {
                    found = unit.find(address, pcid, true);
                    unit.counters.hits += u64::from(found.is_some());
                }
            }
            let Some(page) = found else { continue };
            self.hits[level][stream.index()] += 1;
            let takers: Vec<_> = (0..level)
                .rev()
                .filter(|&above| self.levels[above].takes_from_below(stream, page.size))
                .collect();
            if self.levels[level].is(Inclusion::Exclusive) && !takers.is_empty() {
                for unit in &mut self.levels[level].units {
                    unit.give_up(address, pcid);
                }
            }
            for above in takers {
                self.put(above, address, pcid, stream, page);
            }
            return Some((page, level));
        }
        self.lookups[stream.index()].missed += 1;
        None
    }

    /// Whether a look-up would find anything.
    pub fn holds(&mut self, at: VirtAddr, pcid: Pcid, stream: Stream) -> bool {
        let units = self.levels.iter_mut().flat_map(|level| &mut level.units);
        let mut serving = units.filter(|unit| unit.serves(stream));
        serving.any(|unit| unit.find(at.as_u64(), pcid, false).is_some())
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
        let Some((unit, size)) = self.levels[level].choose(address, pcid, stream, page) else {
            return;
        };
        let gone = self.levels[level].units[unit].put(address, pcid, size, page);
        self.lost(level, gone.dropped);
        let Some(gone) = gone.evicted else {
            return;
        };
        self.lost(level, vec![gone.clone()]);
        let below = level + 1;
        if below < self.levels.len() && self.levels[below].is(Inclusion::Exclusive) {
            for (start, page) in gone.seen() {
                self.put(below, start, gone.pcid.unwrap_or(pcid), stream, page);
            }
        }
    }

    /// A level no longer holds something; the levels above an inclusive one must not either.
    /// Says how many entries they lose.
    fn lost(&mut self, level: usize, mut gone: Vec<Entry>) -> usize {
        if !self.levels[level].is(Inclusion::Inclusive) {
            return 0;
        }
        let mut dropped = 0;
        while let Some(entry) = gone.pop() {
            for above in 0..level {
                let units = self.levels[above].units.iter_mut();
                let lost: Vec<_> = units
                    .flat_map(|unit| unit.drop_if(|own| own.shares_bytes_with(&entry)))
                    .collect();
                dropped += lost.len() + self.lost(above, lost);
            }
        }
        dropped
    }

    /// Drops what is in a scope, and says how many entries.
    pub fn invalidate(&mut self, scope: Scope) -> usize {
        self.drop_from_each(|unit| unit.invalidate(scope))
    }

    /// Drops what a look-up could find.
    pub fn forget(&mut self, at: VirtAddr, pcid: Pcid) -> usize {
        self.drop_from_each(|unit| unit.forget(at.as_u64(), pcid))
    }

    /// CR3 was written.
    pub fn cr3_written(&mut self, pcid: Pcid, written: Cr3Write) -> usize {
        self.drop_from_each(|unit| unit.cr3_written(pcid, written))
    }

    fn drop_from_each(&mut self, act: impl Fn(&mut Unit) -> Vec<Entry>) -> usize {
        let mut dropped = 0;
        for level in 0..self.levels.len() {
            let units = self.levels[level].units.iter_mut();
            let lost: Vec<_> = units.flat_map(&act).collect();
            dropped += lost.len() + self.lost(level, lost);
        }
        dropped
    }

    /// The look-ups of a stream.
    pub fn lookups(&self, stream: Stream) -> Lookups {
        self.lookups[stream.index()]
    }

    /// How many look-ups of a stream a level answered.
    pub fn hits(&self, stream: Stream, level: usize) -> u64 {
        self.hits[level][stream.index()]
    }

    /// The counters of every TLB.
    pub fn counters(&self) -> Vec<TlbCounters> {
        let units = self.levels.iter().flat_map(|level| &level.units);
        units.map(|unit| unit.counters).collect()
    }
}
