use crate::{CacheId, WalkPort};

/// Who asks for a line, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Request {
    /// The program fetches an instruction.
    Fetch,
    /// The program reads.
    Read,
    /// The program writes.
    Write,
    /// The program reads and writes back, as one access.
    ReadModifyWrite,
    /// The page walker reads an entry of a paging structure.
    WalkRead,
    /// The page walker sets an accessed or dirty bit, by a locked read-modify-write of the
    /// entry.
    WalkUpdate,
}

impl Request {
    /// Every request.
    pub const ALL: [Self; 6] = [
        Self::Fetch,
        Self::Read,
        Self::Write,
        Self::ReadModifyWrite,
        Self::WalkRead,
        Self::WalkUpdate,
    ];

    /// The place of this request in [`Request::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the request reads.
    #[inline]
    pub const fn reads(self) -> bool {
        !matches!(self, Self::Write)
    }

    /// Whether the request writes, which in write-back memory makes the line dirty.
    #[inline]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadModifyWrite | Self::WalkUpdate)
    }

    /// Whether the prefetchers watch its misses in the L1D.
    pub(crate) const fn trains_prefetchers(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::ReadModifyWrite)
    }

    /// The cache the request looks in first, where walks enter as given.
    #[inline]
    pub const fn enters(self, walks_enter: WalkPort) -> CacheId {
        match (self, walks_enter) {
            (Self::Fetch, _) => CacheId::L1i,
            (Self::WalkRead | Self::WalkUpdate, WalkPort::L2) => CacheId::L2,
            _ => CacheId::L1d,
        }
    }
}
