use units::{PageSize, Pcid, VirtAddr};

/// The address bits that tags keep: 57, the widest linear address. A canonical address
/// follows from them.
pub(crate) const LINEAR_BITS: u32 = 57;

const NUMBER_BITS: u32 = LINEAR_BITS - PageSize::Size4KiB.shift();
pub(crate) const PCID_SHIFT: u32 = NUMBER_BITS;
pub(crate) const GLOBAL: u64 = 1 << (PCID_SHIFT + 12);
const SIZE_SHIFT: u32 = PCID_SHIFT + 13;

/// What tells an entry from the others of its array: the number of its page, its size, and its
/// PCID or that it is global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u64);

impl Tag {
    /// No entry's.
    pub(crate) const NONE: Self = Self(u64::MAX);

    #[inline]
    pub(crate) const fn new(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}

/// A size where a tag has it.
pub(crate) const fn size_bits(size: PageSize) -> u64 {
    (size.index() as u64) << SIZE_SHIFT
}

/// The address without the copies of the sign bit.
#[inline]
pub(crate) const fn linear(address: VirtAddr) -> u64 {
    address.as_u64() & ((1 << LINEAR_BITS) - 1)
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
        let bits = tag.bits();
        Self {
            number: bits & ((1 << NUMBER_BITS) - 1),
            held_as: PageSize::ALL[(bits >> SIZE_SHIFT) as usize % PageSize::ALL.len()],
            pcid: (bits & GLOBAL == 0).then(|| Pcid::from_cr3(bits >> PCID_SHIFT)),
        }
    }

    /// How many bits of an address do not tell such entries apart.
    pub(crate) fn shift(&self, group_bits: u32) -> u32 {
        match self.held_as {
            PageSize::Size4KiB => self.held_as.shift() + group_bits,
            larger => larger.shift(),
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
        let own = self.shift(group_bits);
        let shift = size.shift().max(own);
        self.number >> (shift - own) == linear(address) >> shift
    }
}
