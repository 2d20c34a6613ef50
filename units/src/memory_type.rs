use core::fmt;

/// How the caches treat an access to memory (SDM vol. 3, 12.3). The numbers are those of the
/// MTRRs and the PAT (tables 12-2 and 12-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MemoryType {
    /// UC: nothing is cached, and every access is made, in order.
    Uncacheable = 0,
    /// WC: nothing is cached; writes are gathered in buffers, a line at a time.
    WriteCombining = 1,
    /// WT: reads are cached; writes go to memory, and to a cached line as well.
    WriteThrough = 4,
    /// WP: reads are cached; writes go to memory, and a cached line is dropped.
    WriteProtected = 5,
    /// WB: reads and writes are cached.
    WriteBack = 6,
}

impl MemoryType {
    /// Every type.
    pub const ALL: [Self; 5] = [
        Self::Uncacheable,
        Self::WriteCombining,
        Self::WriteThrough,
        Self::WriteProtected,
        Self::WriteBack,
    ];

    /// The type with this number, if it is one.
    #[inline]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Uncacheable),
            1 => Some(Self::WriteCombining),
            4 => Some(Self::WriteThrough),
            5 => Some(Self::WriteProtected),
            6 => Some(Self::WriteBack),
            _ => None,
        }
    }

    /// The number of the type.
    #[inline]
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Uncacheable => "UC",
            Self::WriteCombining => "WC",
            Self::WriteThrough => "WT",
            Self::WriteProtected => "WP",
            Self::WriteBack => "WB",
        })
    }
}
