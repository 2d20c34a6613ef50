use units::{PageSize, Pcid, VirtAddr};

use crate::{
    array::Key,
    tag::{GLOBAL, PCID_SHIFT, Tag, linear, size_bits},
};

/// As what a TLB may hold a page: by the size it is held as, and whether it is global.
///
/// They are counted from 0: those that are not global first, the smallest page first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(u8);

const SIZES: u8 = 4;
const _: () = assert!(PageSize::ALL.len() == SIZES as usize);

impl Kind {
    pub(crate) const COUNT: usize = 2 * SIZES as usize;
    #[expect(clippy::cast_possible_truncation, reason = "they are eight")]
    pub(crate) const ALL: [Self; Self::COUNT] = {
        let mut all = [Self(0); Self::COUNT];
        let mut kind = 0;
        while kind < Self::COUNT {
            all[kind] = Self(kind as u8);
            kind += 1;
        }
        all
    };

    /// A 4-KiB page of a PCID.
    const USUAL: Self = {
        let [usual, _] = Self::of_each_owner(PageSize::Size4KiB);
        usual
    };

    /// A PCID's page held as one of this size, and a global one.
    #[expect(clippy::cast_possible_truncation, reason = "there are four sizes")]
    pub(crate) const fn of_each_owner(held_as: PageSize) -> [Self; 2] {
        let size = held_as.index() as u8;
        [Self(size), Self(size + SIZES)]
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0) % Self::COUNT
    }

    pub(crate) fn held_as(self) -> PageSize {
        PageSize::ALL[usize::from(self.0 % SIZES)]
    }

    fn is_global(self) -> bool {
        self.0 >= SIZES
    }
}

/// Kinds of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);

    #[inline]
    pub(crate) fn contain(self, kind: Kind) -> bool {
        self.0 >> kind.0 & 1 != 0
    }

    #[inline]
    pub(crate) fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind.0;
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL
            .into_iter()
            .filter(move |&kind| self.contain(kind))
    }
}

/// Where a TLB has a page of one kind, made ready for look-ups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// How many bits of an address do not tell entries apart.
    shift: u32,
    /// How many bits of the number of the page do not.
    pub(crate) group_bits: u32,
    /// The bits of a PCID that are in the tag: none or all.
    pcids: u64,
    /// What else is in it beside the number.
    rest: u64,
    /// Whether its keys are the [usual](Probe::usual_key) ones.
    is_usual: bool,
}

impl Probe {
    /// In a TLB whose entries hold groups of 4-KiB pages.
    pub(crate) fn new(kind: Kind, group_bits: u32) -> Self {
        let size = kind.held_as();
        let group_bits = if size == PageSize::Size4KiB {
            group_bits
        } else {
            0
        };
        let (pcids, owner) = if kind.is_global() {
            (0, GLOBAL)
        } else {
            (u64::MAX, 0)
        };
        Self {
            shift: size.shift() + group_bits,
            group_bits,
            pcids,
            rest: size_bits(size) | owner,
            is_usual: kind == Kind::USUAL && group_bits == 0,
        }
    }

    /// The key of a 4-KiB page of its PCID, wherever it is no part of a group: worked out once
    /// for all TLBs.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it need not go through memory")]
    pub(crate) fn usual_key(address: VirtAddr, pcid: Pcid) -> Key {
        let number = linear(address) >> PageSize::Size4KiB.shift();
        let rest = size_bits(PageSize::Size4KiB);
        Key::new(
            number,
            Tag::new(number | pcid.as_u64() << PCID_SHIFT | rest),
        )
    }

    /// The key of an address that has this usual key.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it is the usual one")]
    pub(crate) fn key_beside(&self, usual: Key, address: VirtAddr, pcid: Pcid) -> Key {
        if self.is_usual {
            usual
        } else {
            self.key(address, pcid)
        }
    }

    /// What chooses the set.
    #[inline]
    pub(crate) fn number(&self, address: VirtAddr) -> u64 {
        linear(address) >> self.shift
    }

    #[inline]
    pub(crate) fn key(&self, address: VirtAddr, pcid: Pcid) -> Key {
        let number = self.number(address);
        let pcid = pcid.as_u64() << PCID_SHIFT & self.pcids;
        Key::new(number, Tag::new(number | pcid | self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Parts;

    #[test]
    fn a_tag_says_what_was_put_in() {
        let address = VirtAddr::new(0xffff_fedc_ba98_7654);
        let pcid = Pcid::new(0xfff).unwrap();
        for kind in Kind::ALL {
            let key = Probe::new(kind, 0).key(address, pcid);
            let parts = Parts::of(key.tag);
            assert_eq!((parts.number, parts.held_as), (key.number, kind.held_as()));
            assert_eq!(parts.pcid, (!kind.is_global()).then_some(pcid));
            assert!(parts.lies_in_page_of(address, PageSize::Size1GiB, 0));
            assert!(!parts.lies_in_page_of(VirtAddr::new(0x1000), PageSize::Size1GiB, 0));
        }
    }

    #[test]
    fn usual_keys_are_those_of_small_pages_alone() {
        let address = VirtAddr::new(0xffff_fedc_ba98_7654);
        let pcid = Pcid::new(0xfff).unwrap();
        let usual = Probe::usual_key(address, pcid);
        for kind in Kind::ALL {
            for group_bits in [0, 2] {
                let probe = Probe::new(kind, group_bits);
                let key = probe.key(address, pcid);
                assert_eq!(probe.key_beside(usual, address, pcid), key);
                assert_eq!(probe.is_usual, key == usual);
            }
        }
    }
}
