use units::{PageSize, Pcid, VirtAddr};

use crate::{
    Cacheable,
    array::Entry,
    coalescing::Held,
    tag::{self, Parts},
};

/// What a TLB no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Victim<P> {
    /// Its first byte.
    address: VirtAddr,
    /// The size that it, or each page of its group, was held as.
    held_as: PageSize,
    /// None for a global page.
    pub(crate) pcid: Option<Pcid>,
    /// The pages that were in it, by their places; one if it was no group.
    held: Held<P>,
}

impl<P: Cacheable> Victim<P> {
    /// An entry of a TLB whose entries hold groups of 4-KiB pages.
    pub(crate) fn of(entry: Entry<Held<P>>, group_bits: u32) -> Self {
        let parts = Parts::of(entry.tag);
        Self {
            address: tag::address(parts.number << parts.shift(group_bits)),
            held_as: parts.held_as,
            pcid: parts.pcid,
            held: entry.value,
        }
    }

    /// The pages that were in it, each with what it says.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (VirtAddr, P)> {
        let places = self.held.places();
        places.map(|place| (self.page_at(place), self.held.at(place)))
    }

    fn page_at(&self, place: u32) -> VirtAddr {
        self.address.wrapping_add(u64::from(place) << 12)
    }

    /// Whether a page of one is a part of a page of the other, under one PCID.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let size = self.held_as.max(other.held_as);
        let starts = |victim: &Self| {
            let victim = *victim;
            let places = victim.held.places();
            places.map(move |place| victim.page_at(place).align_down(size))
        };
        self.pcid == other.pcid && starts(self).any(|own| starts(other).any(|other| own == other))
    }
}

/// Who is told what a TLB has lost.
pub(crate) type Lost<'a, P> = &'a mut dyn FnMut(&Victim<P>);
