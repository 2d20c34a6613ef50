use core::fmt;

use crate::CacheId;

/// One of the prefetchers of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Prefetcher {
    /// It brings the line after one that missed in the L1D there.
    NextLine,
    /// It brings lines ahead in a stride to the L2.
    Stride,
}

impl Prefetcher {
    /// Every prefetcher.
    pub const ALL: [Self; 2] = [Self::NextLine, Self::Stride];

    /// The place of this prefetcher in [`Prefetcher::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The cache that it brings lines to.
    pub const fn fills(self) -> CacheId {
        match self {
            Self::NextLine => CacheId::L1d,
            Self::Stride => CacheId::L2,
        }
    }

    /// The prefetcher that marked a line in this cache.
    pub(crate) const fn of(cache: CacheId) -> Self {
        match cache {
            CacheId::L1i | CacheId::L1d => Self::NextLine,
            CacheId::L2 | CacheId::Llc => Self::Stride,
        }
    }
}

impl fmt::Display for Prefetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NextLine => "next line",
            Self::Stride => "stride",
        })
    }
}
