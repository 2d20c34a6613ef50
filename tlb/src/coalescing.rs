use units::{PageSize, VirtAddr};

use crate::Cacheable;

/// Whether one entry can hold several 4-KiB pages that are neighbours in virtual and in
/// physical memory, with the same rights, as AMD's do since Zen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coalescing {
    /// An entry holds one page.
    #[default]
    Never,
    /// An aligned group of up to so many pages: 2, 4, 8 or 16.
    UpTo(u32),
}

/// The most pages of a group.
const MOST: u32 = 16;

impl Coalescing {
    /// How many bits of a page's number tell the pages of a group apart; None if there can be
    /// no such group.
    pub(crate) const fn bits(self) -> Option<u32> {
        match self {
            Self::Never => Some(0),
            Self::UpTo(pages) if pages >= 2 && pages <= MOST && pages.is_power_of_two() => {
                Some(pages.trailing_zeros())
            }
            Self::UpTo(_) => None,
        }
    }
}

/// What an entry holds: the translation of the first page of its group, whether that page was
/// seen or not, and which pages were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held<P> {
    pub(crate) first: P,
    pub(crate) seen: u16,
}

impl<P: Cacheable> Held<P> {
    /// A page that is no part of a group.
    #[inline]
    pub(crate) fn alone(payload: P) -> Self {
        Self {
            first: payload,
            seen: 1,
        }
    }

    /// The page with what its entry holds already, if they are of one kind.
    pub(crate) fn with(
        payload: P,
        address: VirtAddr,
        group_bits: u32,
        others: Option<&Self>,
    ) -> Self {
        let place = place(address, group_bits);
        let first = neighbour(payload, -i64::from(place));
        let others = others.filter(|held| held.first == first);
        Self {
            first,
            seen: others.map_or(0, |held| held.seen) | 1 << place,
        }
    }

    /// The translation of the address's page, if it was seen.
    #[inline]
    pub(crate) fn page(&self, address: VirtAddr, group_bits: u32) -> Option<P> {
        if group_bits == 0 {
            return Some(self.first);
        }
        self.page_of_group(address, group_bits)
    }

    #[inline(never)]
    fn page_of_group(&self, address: VirtAddr, group_bits: u32) -> Option<P> {
        let place = place(address, group_bits);
        let is_seen = self.seen >> place & 1 != 0;
        is_seen.then(|| neighbour(self.first, place.into()))
    }

    /// Without the address's page, if that was not all.
    pub(crate) fn without(self, address: VirtAddr, group_bits: u32) -> Option<Self> {
        self.without_pages(1 << place(address, group_bits))
    }

    /// The pages that are not in the group that takes its place.
    pub(crate) fn displaced_by(self, new: &Self) -> Option<Self> {
        self.without_pages(new.seen)
    }

    fn without_pages(self, pages: u16) -> Option<Self> {
        let seen = self.seen & !pages;
        (seen != 0).then_some(Self { seen, ..self })
    }

    /// Whether several pages are in it.
    pub(crate) fn is_shared(&self) -> bool {
        self.seen.count_ones() > 1
    }

    /// The places of the pages that were seen.
    pub(crate) fn places(self) -> impl Iterator<Item = u32> {
        (0..u16::BITS).filter(move |place| self.seen >> place & 1 != 0)
    }

    /// What it says of the page at a place.
    pub(crate) fn at(&self, place: u32) -> P {
        neighbour(self.first, place.into())
    }
}

/// The page so many pages further on; pieces of a larger page all say the same.
fn neighbour<P: Cacheable>(payload: P, pages: i64) -> P {
    if payload.page_size() == PageSize::Size4KiB {
        payload.neighbour(pages)
    } else {
        payload
    }
}

/// The place of an address's page in its group of 4-KiB pages.
#[inline]
fn place(address: VirtAddr, group_bits: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "less than MOST")]
    let place = (address.as_u64() >> 12 & ((1 << group_bits) - 1)) as u32;
    place
}
