use assoc::Tag;
use units::{PageSize, Pcid, VirtAddr};

/// The address bits that tags keep: 57, the widest linear address. A canonical address
/// follows from them.
pub(crate) const LINEAR_BITS: u32 = 57;

const NUMBER_BITS: u32 = LINEAR_BITS - PageSize::Size4KiB.shift();
const PCID_SHIFT: u32 = NUMBER_BITS;
const GLOBAL: u64 = 1 << (PCID_SHIFT + 12);
const SIZE_SHIFT: u32 = PCID_SHIFT + 13;

const _: () = assert!(SIZE_SHIFT + 2 <= 63);

/// The number of the address's page of this size, without the copies of the sign bit.
#[inline]
pub(crate) fn page_number(address: VirtAddr, size: PageSize) -> u64 {
    (address.as_u64() & ((1 << LINEAR_BITS) - 1)) >> size.shift()
}

/// The canonical address with these bits.
#[inline]
pub(crate) fn address(bits: u64) -> VirtAddr {
    let unused = u64::BITS - LINEAR_BITS;
    VirtAddr::new(
        (bits << unused)
            .cast_signed()
            .wrapping_shr(unused)
            .cast_unsigned(),
    )
}

/// The tag of a page under one PCID.
#[inline]
pub(crate) fn local(number: u64, size: PageSize, pcid: Pcid) -> Tag {
    Tag::new(number | pcid.as_u64() << PCID_SHIFT | (size.index() as u64) << SIZE_SHIFT)
}

/// The tag of a page under every PCID.
#[inline]
pub(crate) fn global(number: u64, size: PageSize) -> Tag {
    Tag::new(number | GLOBAL | (size.index() as u64) << SIZE_SHIFT)
}

/// The tag of a page under this PCID, or under every one if there is none.
#[inline]
pub(crate) fn of(number: u64, size: PageSize, pcid: Option<Pcid>) -> Tag {
    match pcid {
        Some(pcid) => local(number, size, pcid),
        None => global(number, size),
    }
}

/// What a tag says, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) number: u64,
    pub(crate) held_as: PageSize,
    /// None for a global page.
    pub(crate) pcid: Option<Pcid>,
}

impl Parts {
    pub(crate) fn of(tag: Tag) -> Self {
        let bits = tag.as_u64();
        Self {
            number: bits & ((1 << NUMBER_BITS) - 1),
            held_as: PageSize::ALL[(bits >> SIZE_SHIFT) as usize % PageSize::ALL.len()],
            pcid: (bits & GLOBAL == 0).then(|| Pcid::from_cr3(bits >> PCID_SHIFT)),
        }
    }

    /// Whether the entry is a part of the page of this size that holds the address, or a group
    /// of 4-KiB pages with it.
    pub(crate) fn lies_in_page_of(
        &self,
        address: VirtAddr,
        size: PageSize,
        group_bits: u32,
    ) -> bool {
        let own = if self.held_as == PageSize::Size4KiB {
            self.held_as.shift() + group_bits
        } else {
            self.held_as.shift()
        };
        let shift = size.shift().max(own);
        let address = address.as_u64() & ((1 << LINEAR_BITS) - 1);
        self.number >> (shift - own) == address >> shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_what_was_put_in() {
        let address = VirtAddr::new(0xffff_fedc_ba98_7654);
        let pcid = Pcid::new(0xfff).unwrap();
        for size in PageSize::ALL {
            let number = page_number(address, size);
            let parts = Parts::of(local(number, size, pcid));
            assert_eq!((parts.number, parts.held_as), (number, size));
            assert_eq!(parts.pcid, Some(pcid));
            assert_eq!(Parts::of(global(number, size)).pcid, None);
            assert!(parts.lies_in_page_of(address, PageSize::Size1GiB, 0));
            assert!(!parts.lies_in_page_of(VirtAddr::new(0x1000), PageSize::Size1GiB, 0));
        }
    }
}
