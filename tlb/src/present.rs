use assoc::Tag;
use units::{PageSize, Pcid, VirtAddr};

use crate::tag;

/// Pages of which sizes were put into a TLB since it was last empty: others need no look-up.
///
/// A bit for each size, and above these one for each size of global pages: most TLBs have one
/// set, and the look-up is one round of a loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present(u8);

const SIZES: u32 = 4;
const _: () = assert!(PageSize::ALL.len() == SIZES as usize);

/// Where an array has a page, or its group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// What chooses the set.
    pub(crate) number: u64,
    pub(crate) tag: Tag,
    /// The size that the page is held as.
    pub(crate) size: PageSize,
}

impl Key {
    /// Of the page of this size that holds the address; a global one has no owner.
    #[inline]
    pub(crate) fn new(
        address: VirtAddr,
        size: PageSize,
        owner: Option<Pcid>,
        group_bits: u32,
    ) -> Self {
        let number = Self::number(address, size, group_bits);
        Self {
            number,
            tag: tag::of(number, size, owner),
            size,
        }
    }

    /// What chooses the set.
    #[inline]
    pub(crate) fn number(address: VirtAddr, size: PageSize, group_bits: u32) -> u64 {
        tag::page_number(address, size) >> group_bits_of(group_bits, size)
    }
}

impl Present {
    pub(crate) const NONE: Self = Self(0);

    #[inline]
    pub(crate) fn add(&mut self, size: PageSize, owner: Option<Pcid>) {
        let local = 1 << size.index();
        self.0 |= match owner {
            Some(_) => local,
            None => local << SIZES,
        };
    }

    /// Looks at each key under which the page of an address may be held, the smallest page and
    /// what is not global first, until something is found.
    #[inline]
    pub(crate) fn find<R>(
        self,
        address: VirtAddr,
        pcid: Pcid,
        group_bits: u32,
        mut look: impl FnMut(Key) -> Option<R>,
    ) -> Option<R> {
        let mut left = self.0;
        while left != 0 {
            let place = left.trailing_zeros();
            left &= left - 1;
            let size = PageSize::ALL[(place % SIZES) as usize];
            let owner = (place < SIZES).then_some(pcid);
            let found = look(Key::new(address, size, owner, group_bits));
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// How many bits of the numbers of pages of this size do not tell entries apart.
#[inline]
pub(crate) fn group_bits_of(group_bits: u32, size: PageSize) -> u32 {
    if size == PageSize::Size4KiB {
        group_bits
    } else {
        0
    }
}
