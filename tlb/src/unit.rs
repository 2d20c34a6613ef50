mod config;
mod recent;

use units::{Pcid, VirtAddr};

use crate::{
    Cacheable, ConfigError, Cr3Write, Scope, Stream,
    array::{Array, Entry, Key, Likely},
    asked::Asked,
    coalescing::Held,
    pcids::PcidsHeld,
    probe::{Kind, Kinds, Probe},
    tag::Parts,
    victim::{Lost, Victim},
};

pub use config::{PageSizes, TlbConfig, TlbCounters};
use recent::Recent;

/// One TLB.
#[derive(Clone, Debug)]
pub struct Tlb<P> {
    recent: Recent<P>,
    /// Look-ups that found their page here, by stream.
    hits: [u64; Stream::COUNT],
    array: Array<Held<P>>,
    /// Where it has pages of each kind.
    probes: [Probe; Kind::COUNT],
    /// What was put in since it was last empty: other pages need no look-up.
    present: Kinds,
    /// How many bits of the numbers of 4-KiB pages do not tell entries apart.
    group_bits: u32,
    pcids: PcidsHeld,
    /// All but the hits.
    counters: TlbCounters,
    config: TlbConfig,
}

/// When a TLB is asked, of those of its level that serve the same streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Before all others: what it finds is what its level finds.
    First,
    Later,
}

/// Whether a TLB may hold a translation of the address that it is given one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// A look-up has missed, and nothing was put in since.
    New,
    Unknown,
}

impl<P: Cacheable> Tlb<P> {
    pub(crate) fn new(config: &TlbConfig, order: Order) -> Result<Self, ConfigError> {
        let name = || config.name.clone();
        if config.serves.is_empty() || config.holds.is_empty() {
            return Err(ConfigError::Useless { name: name() });
        }
        let group_bits = config.coalescing.bits();
        let group_bits = group_bits.ok_or_else(|| ConfigError::Coalescing { name: name() })?;
        let array = Array::new(config.geometry, config.index, config.replacement);
        let array = array.map_err(|source| ConfigError::Tlb {
            name: name(),
            source,
        })?;
        Ok(Self {
            recent: Recent::new(config, order),
            hits: [0; Stream::COUNT],
            array,
            probes: Kind::ALL.map(|kind| Probe::new(kind, group_bits)),
            present: Kinds::NONE,
            group_bits,
            pcids: PcidsHeld::new(config.pcids),
            counters: TlbCounters::default(),
            config: config.clone(),
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

    /// What happened to it so far, but for what it [found again](Self::found_again) and was not
    /// told of yet.
    pub(crate) fn counters(&self) -> TlbCounters {
        TlbCounters {
            hits: self.hits.iter().sum(),
            ..self.counters
        }
    }

    /// How many look-ups of a stream found their page here.
    pub(crate) fn hits(&self, stream: Stream) -> u64 {
        self.hits[stream.index()]
    }

    /// What was found last, if that is asked for once more.
    #[inline]
    pub(crate) fn again(&self, address: VirtAddr, pcid: Pcid) -> Option<P> {
        self.recent.again(address, pcid)
    }

    /// So many look-ups found again what one had found last.
    pub(crate) fn found_again(&mut self, stream: Stream, times: u64) {
        self.hits[stream.index()] += times;
    }

    /// Looks for the address as a page of one kind.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most look-ups find nothing")]
    pub(crate) fn lookup(&mut self, probe: &Probe, asked: Asked, usual: Key) -> Option<P> {
        let key = probe.key_beside(usual, asked.address, asked.pcid);
        let likely = self.array.likely(key)?;
        self.lookup_likely(likely, probe.group_bits, asked)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a hit is one function")]
    fn lookup_likely(&mut self, likely: Likely, group_bits: u32, asked: Asked) -> Option<P> {
        let found = self.array.get_likely(likely)?;
        let payload = found.page(asked.address, group_bits)?;
        self.recent.found(asked.address, asked.pcid, payload);
        self.hits[asked.stream.index()] += 1;
        Some(payload)
    }

    /// Whether a look-up would find the address. Nothing changes.
    pub fn holds(&self, address: VirtAddr, pcid: Pcid) -> bool {
        self.probes().any(|probe| {
            let found = self.array.peek(probe.key(address, pcid));
            found.is_some_and(|held| held.page(address, probe.group_bits).is_some())
        })
    }

    /// Where it has to be looked into for an address, in this order.
    pub(crate) fn probes(&self) -> impl Iterator<Item = Probe> + use<P> {
        let probes = self.probes;
        self.present.iter().map(move |kind| probes[kind.index()])
    }

    /// Whether look-ups ask for pages of this kind.
    #[inline]
    pub(crate) fn expects(&self, kind: Kind) -> bool {
        self.present.contain(kind)
    }

    /// Entries of this kind may be there from now on.
    pub(crate) fn expect(&mut self, kind: Kind) {
        self.present.add(kind);
    }

    /// Whether no entry is free.
    #[inline]
    pub(crate) fn is_quite_full(&self) -> bool {
        self.array.is_quite_full()
    }

    /// Whether the set of the address has a way to spare for a page of this kind.
    #[inline]
    pub(crate) fn has_room(&self, address: VirtAddr, kind: Kind) -> bool {
        !self
            .array
            .is_full(self.probes[kind.index()].number(address))
    }

    /// Whether an entry holds neighbours of the page, and would hold it with them.
    pub(crate) fn has_group_of(&self, asked: Asked, kind: Kind, payload: P) -> bool {
        let Asked { address, pcid, .. } = asked;
        let probe = &self.probes[kind.index()];
        if probe.group_bits == 0 {
            return false;
        }
        let others = self.array.peek(probe.key(address, pcid));
        Held::with(payload, address, probe.group_bits, others).is_shared()
    }

    /// An entry of the PCID is about to be put in; those of PCIDs too many go.
    pub(crate) fn pcid_used(&mut self, pcid: Pcid, lost: Lost<'_, P>) -> usize {
        self.pcids.used(pcid);
        self.drop_pcids_too_many(lost)
    }

    /// Puts a translation in. What had to make room comes out.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes out need not go through memory"
    )]
    pub(crate) fn fill(
        &mut self,
        asked: Asked,
        kind: Kind,
        payload: P,
        novelty: Novelty,
    ) -> Option<Entry<Held<P>>> {
        let Asked { address, pcid, .. } = asked;
        self.recent.forget(address);
        self.counters.fills += 1;
        let probe = &self.probes[kind.index()];
        let (key, group_bits) = (probe.key(address, pcid), probe.group_bits);
        let displaced = if group_bits != 0 {
            self.fill_group(key, address, payload, group_bits)
        } else if novelty == Novelty::New {
            self.array.insert_new(key, Held::alone(payload))
        } else {
            self.array.insert(key, Held::alone(payload))
        };
        self.counters.evictions += u64::from(displaced.is_some());
        displaced
    }

    /// As [`Tlb::fill`], of a page that a look-up has just missed, where there are no groups.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a fill is one function")]
    pub(crate) fn fill_new(&mut self, asked: Asked, kind: Kind, payload: P, usual: Key) {
        self.recent.forget(asked.address);
        self.counters.fills += 1;
        let probe = &self.probes[kind.index()];
        let key = probe.key_beside(usual, asked.address, asked.pcid);
        let displaced = self.array.insert_new(key, Held::alone(payload));
        self.counters.evictions += u64::from(displaced.is_some());
    }

    #[inline(never)]
    fn fill_group(
        &mut self,
        key: Key,
        address: VirtAddr,
        payload: P,
        group_bits: u32,
    ) -> Option<Entry<Held<P>>> {
        let old = self.array.peek(key).copied();
        let group = Held::with(payload, address, group_bits, old.as_ref());
        self.array.insert(key, group).or_else(|| {
            let value = old?.displaced_by(&group)?;
            let tag = key.tag;
            Some(Entry { tag, value })
        })
    }

    /// What an entry of it was, once it is gone.
    pub(crate) fn victim(&self, entry: Entry<Held<P>>) -> Victim<P> {
        Victim::of(entry, self.group_bits)
    }

    /// Takes the page of the address out, and leaves the rest of its group.
    pub(crate) fn give_up(&mut self, address: VirtAddr, pcid: Pcid) {
        self.recent.forget(address);
        for probe in self.probes() {
            let key = probe.key(address, pcid);
            let Some(held) = self.array.peek_mut(key) else {
                continue;
            };
            match held.without(address, probe.group_bits) {
                Some(rest) => *held = rest,
                None => _ = self.array.remove(key),
            }
        }
    }

    /// Drops the entries that a look-up of the address could find.
    pub(crate) fn forget(&mut self, address: VirtAddr, pcid: Pcid, lost: Lost<'_, P>) -> usize {
        self.recent.forget(address);
        let mut dropped = 0;
        for probe in self.probes() {
            let Key { tag, .. } = probe.key(address, pcid);
            if let Some(value) = self.array.remove(probe.key(address, pcid)) {
                lost(&self.victim(Entry { tag, value }));
                dropped += 1;
            }
        }
        self.counters.dropped += dropped as u64;
        dropped
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
        let goes = |entry: &Entry<Held<P>>, _: &Victim<P>| {
            let size = entry.value.first.page_size();
            let entry = Parts::of(entry.tag);
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
    fn drop_if(
        &mut self,
        goes: impl Fn(&Entry<Held<P>>, &Victim<P>) -> bool,
        lost: Lost<'_, P>,
    ) -> usize {
        self.recent.forget_all();
        if self.array.is_empty() {
            return 0;
        }
        let group_bits = self.group_bits;
        let dropped = self.array.retain(|entry| {
            let own = Victim::of(*entry, group_bits);
            let goes = goes(entry, &own);
            if goes {
                lost(&own);
            }
            !goes
        });
        if self.array.is_empty() {
            self.present = Kinds::NONE;
        }
        self.counters.dropped += dropped as u64;
        dropped
    }
}
