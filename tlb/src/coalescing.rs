use units::VirtAddr;

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

/// The place of an address's page in its group of 4-KiB pages.
#[inline]
pub(crate) fn place(address: VirtAddr, group_bits: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "less than MOST")]
    let place = (address.as_u64() >> 12 & ((1 << group_bits) - 1)) as u32;
    place
}
