use core::fmt;

/// One of the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CacheId {
    /// The first-level instruction cache.
    L1i,
    /// The first-level data cache.
    L1d,
    /// The second-level cache.
    L2,
    /// The last-level cache.
    Llc,
}

impl CacheId {
    /// Every cache.
    pub const ALL: [Self; 4] = [Self::L1i, Self::L1d, Self::L2, Self::Llc];

    /// The caches that each processor has for itself.
    pub const PRIVATE: [Self; 3] = [Self::L1i, Self::L1d, Self::L2];

    /// The place of this cache in [`CacheId::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The level at which the cache serves.
    #[inline]
    pub const fn level(self) -> ServedBy {
        match self {
            Self::L1i | Self::L1d => ServedBy::L1,
            Self::L2 => ServedBy::L2,
            Self::Llc => ServedBy::Llc,
        }
    }

    /// The caches between this one and memory, the next one first.
    pub(crate) const fn below(self) -> &'static [Self] {
        match self {
            Self::L1i | Self::L1d => &[Self::L2, Self::Llc],
            Self::L2 => &[Self::Llc],
            Self::Llc => &[],
        }
    }
}

impl fmt::Display for CacheId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::L1i => "L1I",
            Self::L1d => "L1D",
            Self::L2 => "L2",
            Self::Llc => "LLC",
        })
    }
}

/// Where the line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ServedBy {
    /// The L1I for a fetch, the L1D for anything else.
    L1,
    /// The second-level cache.
    L2,
    /// The last-level cache.
    Llc,
    /// The private caches of another processor.
    Peer,
    /// Memory: no cache had it.
    Memory,
}

impl ServedBy {
    /// Every level, the nearest first.
    pub const ALL: [Self; 5] = [Self::L1, Self::L2, Self::Llc, Self::Peer, Self::Memory];

    /// The place of this level in [`ServedBy::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for ServedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::Llc => "LLC",
            Self::Peer => "peer",
            Self::Memory => "memory",
        })
    }
}
