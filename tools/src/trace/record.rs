use units::{AccessKind, VirtAddr};

/// What a record of a trace did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// Fetched an instruction.
    Fetch,
    /// Read data.
    Load,
    /// Wrote data.
    Store,
    /// Read data and wrote it back, in one instruction.
    Modify,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Fetch, Self::Load, Self::Store, Self::Modify];

    /// The place of this kind in [`RecordKind::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The access as the memory-management unit knows it.
    #[inline]
    pub const fn access(self) -> AccessKind {
        match self {
            Self::Fetch => AccessKind::Fetch,
            Self::Load => AccessKind::Read,
            Self::Store => AccessKind::Write,
            Self::Modify => AccessKind::ReadModifyWrite,
        }
    }
}

/// One access of a traced program.
///
/// The size is at least one, and the access does not reach past the end of the address
/// space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The first byte accessed.
    pub address: VirtAddr,
    /// How many bytes.
    pub size: u32,
    /// What was done to them.
    pub kind: RecordKind,
}
