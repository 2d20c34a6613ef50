use units::{PageSize, VirtAddr};

use crate::Translated;

/// Where the bytes of an access lie: in one page, or in two that need not be neighbours in
/// physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub first: Translated,
    /// The first byte on the second page, if the access reaches it.
    pub second: Option<Translated>,
}

/// The longest access that is translated at once: two pages hold it wherever it starts.
pub(crate) const MAX_LENGTH: u32 = 4096;

/// The start of the next 4-KiB page, if an access of so many bytes reaches it.
#[inline]
pub(crate) fn second_page(address: VirtAddr, length: u32) -> Option<VirtAddr> {
    const PAGE: PageSize = PageSize::Size4KiB;
    let crosses = address.offset_in(PAGE) + u64::from(length) > PAGE.bytes();
    crosses.then(|| address.align_down(PAGE).wrapping_add(PAGE.bytes()))
}
