use alloc::string::String;

use assoc::{Geometry, IndexFunction, Replacement, SetAssociative, Tag};
use bitflags::bitflags;
use units::{PageSize, Pcid, VirtAddr};

use crate::{
    Cacheable, Coalescing, ConfigError, Cr3Write, PcidCapacity, Scope, Streams,
    coalescing::{self, Held},
    pcids::PcidsHeld,
    present::{Key, Present, group_bits_of},
    tag::{self, Parts},
};

bitflags! {
    /// Sizes of pages.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct PageSizes: u8 {
        /// 4-KiB pages.
        const SIZE_4_KIB = 1 << PageSize::Size4KiB.index();
        /// 2-MiB pages.
        const SIZE_2_MIB = 1 << PageSize::Size2MiB.index();
        /// 4-MiB pages.
        const SIZE_4_MIB = 1 << PageSize::Size4MiB.index();
        /// 1-GiB pages.
        const SIZE_1_GIB = 1 << PageSize::Size1GiB.index();
    }
}

impl From<PageSize> for PageSizes {
    #[inline]
    fn from(size: PageSize) -> Self {
        Self::from_bits_truncate(1 << size.index())
    }
}

/// The shape of one TLB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlbConfig {
    /// Its name in reports.
    pub name: String,
    /// The kinds of access that look into it and fill it.
    pub serves: Streams,
    /// The sizes of the pages it can hold. A larger page is held as fragments of the largest
    /// of these sizes if no TLB of its level holds its own.
    pub holds: PageSizes,
    /// Its sets and ways.
    pub geometry: Geometry,
    /// How a page's number, at the size it is held as, chooses its set.
    pub index: IndexFunction,
    /// How a full set makes room.
    pub replacement: Replacement,
    /// Of how many PCIDs it keeps entries.
    pub pcids: PcidCapacity,
    /// Whether one entry can hold several neighbouring pages.
    pub coalescing: Coalescing,
}

/// What happened to one TLB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlbCounters {
    /// Look-ups that found their page here.
    pub hits: u64,
    /// Entries put in.
    pub fills: u64,
    /// Entries that made room for others, a group of pages for a page that does not fit into
    /// it among them.
    pub evictions: u64,
    /// Entries that were dropped though nothing took their place: by an invalidation, by a
    /// fault of their address, for a PCID too many, or along with what an inclusive level below
    /// has lost. What an exclusive level gives up to the levels above was not dropped.
    pub dropped: u64,
}

/// One TLB.
#[derive(Clone, Debug)]
pub struct Tlb<P> {
    config: TlbConfig,
    array: SetAssociative<Held<P>>,
    /// How many bits of the numbers of 4-KiB pages do not tell entries apart.
    group_bits: u32,
    present: Present,
    pcids: PcidsHeld,
    /// Whether the entry found last may be found again without a look-up.
    remembers_last: bool,
    /// The entry found last: finding it again changes nothing but a count.
    last: Last<P>,
    counters: TlbCounters,
}

#[derive(Clone, Copy, Debug)]
struct Last<P> {
    /// The 4-KiB piece of it that was asked for.
    piece: u64,
    payload: P,
}

impl<P: Cacheable> Last<P> {
    fn none() -> Self {
        // A piece of an address that is not canonical.
        Self {
            piece: 1 << 50,
            payload: P::default(),
        }
    }
}

/// Whose a translation is: a global one is everybody's.
#[inline]
fn owner<P: Cacheable>(pcid: Pcid, payload: P) -> Option<Pcid> {
    (!payload.is_global()).then_some(pcid)
}

/// The pages of an old group that are not in the one that takes its place.
fn cannot_share<P>(old: Held<P>, new: &Held<P>) -> Option<Held<P>> {
    let seen = old.seen & !new.seen;
    (seen != 0).then_some(Held { seen, ..old })
}

/// The number of the address's 4-KiB piece, and the PCID above it.
#[inline]
fn piece(address: VirtAddr, pcid: Pcid) -> u64 {
    address.page_number(PageSize::Size4KiB) ^ pcid.as_u64() << 52
}

/// What a TLB no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Victim<P> {
    /// Its first byte.
    pub(crate) address: VirtAddr,
    /// The size that it, or each page of its group, was held as.
    pub(crate) held_as: PageSize,
    /// None for a global page.
    pub(crate) pcid: Option<Pcid>,
    /// The pages that were in it, by their places; one if it was no group.
    pub(crate) held: Held<P>,
}

impl<P: Cacheable> Victim<P> {
    fn of(tag: Tag, held: Held<P>, group_bits: u32) -> Self {
        let Parts {
            number,
            held_as,
            pcid,
        } = Parts::of(tag);
        let shift = held_as.shift() + group_bits_of(group_bits, held_as);
        Self {
            address: tag::address(number << shift),
            held_as,
            pcid,
            held,
        }
    }

    /// The pages that were in it, each with what it says.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (VirtAddr, P)> {
        let held = self.held;
        let is_group = held.seen != 1;
        self.places().map(move |(place, address)| {
            let payload = if is_group && held.first.page_size() == PageSize::Size4KiB {
                held.first.neighbour(place.into())
            } else {
                held.first
            };
            (address, payload)
        })
    }

    fn places(&self) -> impl Iterator<Item = (u32, VirtAddr)> {
        let Self { address, held, .. } = *self;
        let places = (0..u16::BITS).filter(move |place| held.seen >> place & 1 != 0);
        places.map(move |place| (place, address.wrapping_add(u64::from(place) << 12)))
    }

    /// Whether a page of one is a part of a page of the other, under one PCID.
    fn overlaps(&self, other: &Self) -> bool {
        let size = self.held_as.max(other.held_as);
        let start = |address: VirtAddr| address.align_down(size);
        self.pcid == other.pcid
            && self.places().any(|(_, own)| {
                let mut others = other.places();
                others.any(|(_, other)| start(own) == start(other))
            })
    }
}

/// An entry that had to make room, or a part of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Displaced<P> {
    tag: Tag,
    held: Held<P>,
    group_bits: u32,
}

impl<P: Cacheable> Displaced<P> {
    pub(crate) fn victim(&self) -> Victim<P> {
        Victim::of(self.tag, self.held, self.group_bits)
    }
}

/// Whether a TLB may hold a translation of the address that it is given one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// A look-up has missed, and nothing was put in since.
    New,
    Unknown,
}

/// Who is told what a TLB has lost.
pub(crate) type Lost<'a, P> = &'a mut dyn FnMut(&Victim<P>);

impl<P: Cacheable> Tlb<P> {
    pub(crate) fn new(config: &TlbConfig) -> Result<Self, ConfigError> {
        let name = || config.name.clone();
        if config.serves.is_empty() || config.holds.is_empty() {
            return Err(ConfigError::Useless { name: name() });
        }
        let group_bits = config.coalescing.bits();
        let group_bits = group_bits.ok_or_else(|| ConfigError::Coalescing { name: name() })?;
        let array = SetAssociative::new(config.geometry, config.index, config.replacement)
            .map_err(|source| ConfigError::Tlb {
                name: name(),
                source,
            })?;
        Ok(Self {
            config: config.clone(),
            array,
            group_bits,
            present: Present::NONE,
            pcids: PcidsHeld::new(config.pcids),
            remembers_last: config.replacement.is_idle_on_repeat(),
            last: Last::none(),
            counters: TlbCounters::default(),
        })
    }

    #[cfg(test)]
    pub(crate) fn array_len(&self) -> usize {
        self.array.len()
    }

    /// The shape it was built with.
    pub fn config(&self) -> &TlbConfig {
        &self.config
    }

    /// What happened to it so far.
    pub fn counters(&self) -> TlbCounters {
        self.counters
    }

    /// What was found last, if that is asked for once more.
    #[inline]
    pub(crate) fn lookup_again(&mut self, address: VirtAddr, pcid: Pcid) -> Option<P> {
        if self.last.piece != piece(address, pcid) {
            return None;
        }
        self.counters.hits += 1;
        Some(self.last.payload)
    }

    #[inline]
    pub(crate) fn lookup(&mut self, address: VirtAddr, pcid: Pcid) -> Option<P> {
        let payload = self.lookup_array(address, pcid)?;
        if self.remembers_last {
            let piece = piece(address, pcid);
            self.last = Last { piece, payload };
        }
        self.counters.hits += 1;
        Some(payload)
    }

    #[inline]
    fn lookup_array(&mut self, address: VirtAddr, pcid: Pcid) -> Option<P> {
        let group_bits = self.group_bits;
        self.present.find(address, pcid, group_bits, |key| {
            let found = self.array.get(key.number, key.tag)?;
            page_of(found, address, key.size, group_bits)
        })
    }

    /// Whether a look-up would find the address. Nothing changes.
    pub fn holds(&self, address: VirtAddr, pcid: Pcid) -> bool {
        let found = self.present.find(address, pcid, self.group_bits, |key| {
            let found = self.array.peek(key.number, key.tag)?;
            page_of(found, address, key.size, self.group_bits)
        });
        found.is_some()
    }

    /// Whether the set of the address has a way to spare for a page of this size.
    #[inline]
    pub(crate) fn has_room(&self, address: VirtAddr, size: PageSize) -> bool {
        !self
            .array
            .is_full(Key::number(address, size, self.group_bits))
    }

    /// Whether an entry holds neighbours of the page, and would hold it with them.
    #[inline]
    pub(crate) fn has_group_of(
        &self,
        address: VirtAddr,
        pcid: Pcid,
        size: PageSize,
        payload: P,
    ) -> bool {
        if group_bits_of(self.group_bits, size) == 0 {
            return false;
        }
        let key = Key::new(address, size, owner(pcid, payload), self.group_bits);
        self.grouped(key, address, payload).seen.count_ones() > 1
    }

    /// Puts the translation in, held as `size`. What had to make room comes out; `lost` is told
    /// what goes with PCIDs too many.
    #[inline]
    pub(crate) fn fill(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        size: PageSize,
        payload: P,
        novelty: Novelty,
        lost: Lost<'_, P>,
    ) -> Option<Displaced<P>> {
        self.last = Last::none();
        let owner = owner(pcid, payload);
        if owner.is_some() && self.pcids.are_limited() {
            self.pcids.used(pcid);
            self.drop_pcids_too_many(lost);
        }
        self.present.add(size, owner);
        self.counters.fills += 1;
        let key = Key::new(address, size, owner, self.group_bits);
        if group_bits_of(self.group_bits, size) != 0 {
            return self.fill_group(key, address, payload);
        }
        let alone = Held {
            first: payload,
            seen: 1,
        };
        let evicted = match novelty {
            Novelty::New => self.array.insert_new(key.number, key.tag, alone),
            Novelty::Unknown => self.array.insert(key.number, key.tag, alone),
        }?;
        Some(self.displaced(evicted.tag, evicted.value))
    }

    #[inline(never)]
    fn fill_group(&mut self, key: Key, address: VirtAddr, payload: P) -> Option<Displaced<P>> {
        let group = self.grouped(key, address, payload);
        let old = self.array.peek(key.number, key.tag).copied();
        let (tag, held) = match self.array.insert(key.number, key.tag, group) {
            Some(evicted) => (evicted.tag, evicted.value),
            None => (key.tag, cannot_share(old?, &group)?),
        };
        Some(self.displaced(tag, held))
    }

    #[inline]
    fn displaced(&mut self, tag: Tag, held: Held<P>) -> Displaced<P> {
        self.counters.evictions += 1;
        Displaced {
            tag,
            held,
            group_bits: self.group_bits,
        }
    }

    /// The page with what is in its group already, if they are of one kind.
    fn grouped(&self, key: Key, address: VirtAddr, payload: P) -> Held<P> {
        let place = coalescing::place(address, self.group_bits);
        let alone = payload.page_size() == PageSize::Size4KiB;
        let first = if alone {
            payload.neighbour(-i64::from(place))
        } else {
            payload
        };
        let others = self.array.peek(key.number, key.tag);
        let seen = others.filter(|held| held.first == first);
        Held {
            first,
            seen: seen.map_or(0, |held| held.seen) | 1 << place,
        }
    }

    /// Takes the page of the address out, and leaves the rest of its group.
    pub(crate) fn give_up(&mut self, address: VirtAddr, pcid: Pcid) {
        self.last = Last::none();
        self.for_each_key(address, pcid, |this, key| {
            let Some(held) = this.array.peek_mut(key.number, key.tag) else {
                return;
            };
            let group_bits = group_bits_of(this.group_bits, key.size);
            held.seen &= !(1 << coalescing::place(address, group_bits));
            if held.seen == 0 {
                this.array.remove(key.number, key.tag);
            }
        });
    }

    /// Drops the entries that a look-up of the address could find.
    pub(crate) fn forget(&mut self, address: VirtAddr, pcid: Pcid, lost: Lost<'_, P>) -> usize {
        self.last = Last::none();
        let mut dropped = 0;
        self.for_each_key(address, pcid, |this, key| {
            if let Some(held) = this.array.remove(key.number, key.tag) {
                lost(&Victim::of(key.tag, held, this.group_bits));
                dropped += 1;
            }
        });
        self.counters.dropped += dropped as u64;
        dropped
    }

    fn for_each_key(&mut self, address: VirtAddr, pcid: Pcid, mut act: impl FnMut(&mut Self, Key)) {
        let (present, group_bits) = (self.present, self.group_bits);
        let _: Option<()> = present.find(address, pcid, group_bits, |key| {
            act(self, key);
            None
        });
    }

    /// Drops what overlaps with an entry that a lower level has lost.
    pub(crate) fn forget_victim(&mut self, victim: &Victim<P>, lost: Lost<'_, P>) -> usize {
        self.drop_if(|_, own| own.overlaps(victim), lost)
    }

    /// CR3 was written; what the TLB cannot keep is dropped.
    pub(crate) fn cr3_written(
        &mut self,
        pcid: Pcid,
        written: Cr3Write,
        lost: Lost<'_, P>,
    ) -> usize {
        self.pcids.written(written);
        if self.pcids.keeps_none() {
            return self.invalidate(Scope::NonGlobal, lost);
        }
        self.pcids.used(pcid);
        self.drop_pcids_too_many(lost)
    }

    #[inline]
    fn drop_pcids_too_many(&mut self, lost: Lost<'_, P>) -> usize {
        let mut dropped = 0;
        while let Some(gone) = self.pcids.one_too_many() {
            dropped += self.invalidate(Scope::Pcid(gone), lost);
        }
        dropped
    }

    pub(crate) fn invalidate(&mut self, scope: Scope, lost: Lost<'_, P>) -> usize {
        self.pcids.invalidated(scope);
        let group_bits = self.group_bits;
        let goes = |entry: &Parts, own: &Victim<P>| {
            let size = own.held.first.page_size();
            let covers = |address| entry.lies_in_page_of(address, size, group_bits);
            match scope {
                Scope::Page { address, pcid } => {
                    entry.pcid.is_none_or(|own| own == pcid) && covers(address)
                }
                Scope::PageOfPcid { address, pcid } => entry.pcid == Some(pcid) && covers(address),
                Scope::Pcid(pcid) => entry.pcid == Some(pcid),
                Scope::PcidAndGlobal(pcid) => entry.pcid.is_none_or(|own| own == pcid),
                Scope::NonGlobal => entry.pcid.is_some(),
                Scope::All => true,
            }
        };
        self.drop_if(goes, lost)
    }

    /// Drops entries, and tells `lost` of each.
    fn drop_if(&mut self, goes: impl Fn(&Parts, &Victim<P>) -> bool, lost: Lost<'_, P>) -> usize {
        self.last = Last::none();
        if self.array.is_empty() {
            return 0;
        }
        let group_bits = self.group_bits;
        let dropped = self.array.retain(|tag, held| {
            let own = Victim::of(tag, *held, group_bits);
            let goes = goes(&Parts::of(tag), &own);
            if goes {
                lost(&own);
            }
            !goes
        });
        if self.array.is_empty() {
            self.present = Present::NONE;
        }
        self.counters.dropped += dropped as u64;
        dropped
    }
}

/// The translation of the address's page, if it was seen.
#[inline]
fn page_of<P: Cacheable>(
    held: &Held<P>,
    address: VirtAddr,
    size: PageSize,
    group_bits: u32,
) -> Option<P> {
    if group_bits_of(group_bits, size) == 0 {
        return Some(held.first);
    }
    page_of_group(held, address, group_bits)
}

#[inline(never)]
fn page_of_group<P: Cacheable>(held: &Held<P>, address: VirtAddr, group_bits: u32) -> Option<P> {
    let place = coalescing::place(address, group_bits);
    if held.seen >> place & 1 == 0 {
        return None;
    }
    let alone = held.first.page_size() == PageSize::Size4KiB;
    Some(if alone {
        held.first.neighbour(place.into())
    } else {
        held.first
    })
}
