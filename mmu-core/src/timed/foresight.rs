//! What the host is to fetch before it is needed.
//!
//! The tables of a modelled last-level cache and the page tables of a large program are more than
//! the host's caches hold. An access waits for several of their lines, each of which tells where
//! the next one lies. Of accesses that are still to come all of them can be fetched side by side.

use alloc::{boxed::Box, vec};
use core::mem;

use units::{Cycles, Level, PageSize, PhysAddr, VirtAddr};

use super::{Caches, TimedMmu};
use crate::{Entry, Observer, PhysMem, Regime, entry_address, mmu::State};

/// Where the last tables lay on the way to addresses that were foreseen. It is an index, and no
/// part of the model: what it says may be long untrue.
#[derive(Clone, Debug)]
pub(super) struct Foresight {
    regions: Box<[Region]>,
    /// What accesses had cost by the last time.
    spent: Cycles,
}

/// What an entry of a page directory covers.
#[derive(Clone, Copy, Debug)]
struct Region {
    name: u64,
    leads_to: LeadsTo,
}

#[derive(Clone, Copy, Debug)]
enum LeadsTo {
    Table(PhysAddr),
    Frame(PhysAddr),
}

/// How many accesses [`TimedMmu::foresee`] looks at, at most.
pub const FORESEEN: usize = 32;

/// The regions of 2 GiB, in 24 KiB of the host's memory.
const REGIONS: usize = 1024;

const REGION: PageSize = PageSize::Size2MiB;
const PAGE: PageSize = PageSize::Size4KiB;

/// Accesses that cost less, on average, mostly need what the host has at hand: so much does a line
/// from memory cost for every fourth of them.
const WORTH: u64 = 64;

impl Foresight {
    pub(super) fn new() -> Self {
        let nowhere = Region {
            name: u64::MAX,
            leads_to: LeadsTo::Frame(PhysAddr::new(0)),
        };
        Self {
            regions: vec![nowhere; REGIONS].into_boxed_slice(),
            spent: Cycles::ZERO,
        }
    }

    /// Whether so many accesses were worth it since the last time, by what all had cost by now.
    fn is_worth_it(&mut self, accesses: usize, spent: Cycles) -> bool {
        let before = mem::replace(&mut self.spent, spent);
        (spent - before).as_u64() >= WORTH * accesses as u64
    }

    /// What the region of an address leads to, if that was ever known.
    #[inline]
    fn region<M: PhysMem + ?Sized>(
        &mut self,
        regime: &Regime,
        memory: &M,
        address: VirtAddr,
    ) -> Option<LeadsTo> {
        let number = address.page_number(REGION);
        let name = number ^ regime.root().as_u64() << REGION.shift();
        let region = &mut self.regions[place(address)];
        if region.name != name {
            let leads_to = look(regime, memory, address)?;
            *region = Region { name, leads_to };
        }
        Some(region.leads_to)
    }

    /// The region turned out to be another by now.
    #[cold]
    fn forget(&mut self, address: VirtAddr) {
        self.regions[place(address)].name = u64::MAX;
    }
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest bits choose the place"
)]
fn place(address: VirtAddr) -> usize {
    address.page_number(REGION) as usize % REGIONS
}

#[cold]
#[inline(never)]
fn look<M: PhysMem + ?Sized>(regime: &Regime, memory: &M, address: VirtAddr) -> Option<LeadsTo> {
    let leaf = regime.inspect(memory, address).ok()?;
    Some(if leaf.level == Level::Pte {
        LeadsTo::Table(leaf.entry_address.align_down(PAGE))
    } else {
        LeadsTo::Frame(leaf.translation.physical(address.align_down(REGION)))
    })
}

impl<O: Observer, D: Caches> TimedMmu<O, D> {
    /// Has the host fetch what the accesses to these addresses will look at, if they are about to
    /// be made and the last ones had to go far. Nothing else comes of it: results, cycles and
    /// counts are the same without. The addresses may be wrong, and only the first [`FORESEEN`]
    /// are looked at.
    #[inline]
    pub fn foresee<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        addresses: impl ExactSizeIterator<Item = VirtAddr> + Clone,
    ) {
        let spent = self.spent().total();
        let foresight = &mut self.state.aside().cost.foresight;
        if foresight.is_worth_it(addresses.len(), spent) {
            self.fetch(memory, addresses);
        }
    }

    #[inline(never)]
    fn fetch<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        addresses: impl ExactSizeIterator<Item = VirtAddr> + Clone,
    ) {
        if !self.regime().mode().is_ia32e() {
            return;
        }
        let nowhere = PhysAddr::new(0);
        let mut places = [nowhere; 2 * FORESEEN];
        let count = addresses.len().min(FORESEEN);
        let places = &mut places[..2 * count];
        let (entries, lines) = places.split_at_mut(count);
        // What lies far away is read last, many lines at a time.
        let pairs = entries.iter_mut().zip(&mut *lines);
        for ((entry, line), address) in pairs.zip(addresses.clone()) {
            let State { regime, cost, .. } = self.state.aside();
            match cost.foresight.region(regime, memory, address) {
                Some(LeadsTo::Table(table)) => {
                    *entry = entry_address(table, Level::Pte, address);
                }
                Some(LeadsTo::Frame(frame)) => {
                    *line = frame.wrapping_add(address.offset_in(REGION));
                }
                None => {}
            }
        }
        let mut words = [0; FORESEEN];
        memory.glance(entries, &mut words);
        let pairs = entries.iter().zip(words).zip(lines);
        for (((&entry, word), line), address) in pairs.zip(addresses) {
            if entry != nowhere {
                let page = Entry::from_bits_retain(word);
                if !page.contains(Entry::PRESENT) {
                    self.state.aside().cost.foresight.forget(address);
                }
                let frame = page.page_address(PAGE);
                *line = frame.wrapping_add(address.offset_in(PAGE));
            }
        }
        self.state.cost.caches().prefetch(places);
    }
}
