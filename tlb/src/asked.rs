use units::{Pcid, VirtAddr};

use crate::{Stream, tag::LINEAR_BITS};

/// What a look-up asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) address: VirtAddr,
    pub(crate) pcid: Pcid,
    pub(crate) stream: Stream,
}

impl Asked {
    /// Whether there can be a page at the address.
    #[inline]
    pub(crate) fn is_canonical(&self) -> bool {
        self.address.is_canonical(LINEAR_BITS)
    }
}
