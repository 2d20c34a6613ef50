use core::fmt;

use bitflags::bitflags;
use units::AccessKind;

/// The side of a processor that asks for a translation, since each has first-level TLBs of
/// its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Stream {
    /// Instruction fetches.
    Fetch,
    /// Data reads.
    Load,
    /// Data writes, and reads that will write.
    Store,
}

impl Stream {
    /// How many streams there are.
    pub const COUNT: usize = 3;

    /// Every stream.
    pub const ALL: [Self; Self::COUNT] = [Self::Fetch, Self::Load, Self::Store];

    /// The stream that an access of this kind belongs to.
    #[inline]
    pub const fn of(kind: AccessKind) -> Self {
        match kind {
            AccessKind::Fetch => Self::Fetch,
            AccessKind::Read | AccessKind::ShadowStackRead => Self::Load,
            AccessKind::Write | AccessKind::ReadModifyWrite | AccessKind::ShadowStackWrite => {
                Self::Store
            }
        }
    }

    /// The place of this stream in [`Stream::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fetch => "fetch",
            Self::Load => "load",
            Self::Store => "store",
        })
    }
}

bitflags! {
    /// The streams that a TLB serves.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Streams: u8 {
        /// Instruction fetches.
        const FETCH = 1 << Stream::Fetch as u8;
        /// Data reads.
        const LOAD = 1 << Stream::Load as u8;
        /// Data writes.
        const STORE = 1 << Stream::Store as u8;
    }
}

impl From<Stream> for Streams {
    fn from(stream: Stream) -> Self {
        Self::from_bits_truncate(1 << stream as u8)
    }
}
