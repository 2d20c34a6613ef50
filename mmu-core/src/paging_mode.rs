use core::fmt;

/// How linear addresses become physical ones (SDM vol. 3, 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PagingMode {
    /// CR0.PG = 0: linear addresses are physical.
    Off,
    /// 32-bit paging.
    ThirtyTwoBit,
    /// PAE paging.
    Pae,
    /// 4-level paging.
    FourLevel,
    /// 5-level paging.
    FiveLevel,
}

impl PagingMode {
    /// Every mode.
    pub const ALL: [Self; 5] = [
        Self::Off,
        Self::ThirtyTwoBit,
        Self::Pae,
        Self::FourLevel,
        Self::FiveLevel,
    ];

    /// How many bits of a linear address are translated.
    pub const fn linear_address_width(self) -> u32 {
        match self {
            Self::Off | Self::ThirtyTwoBit | Self::Pae => 32,
            Self::FourLevel => 48,
            Self::FiveLevel => 57,
        }
    }

    /// How many levels of tables a walk goes through. PAE paging's first one is in registers.
    pub const fn levels(self) -> u32 {
        match self {
            Self::Off => 0,
            Self::ThirtyTwoBit | Self::Pae => 2,
            Self::FourLevel => 4,
            Self::FiveLevel => 5,
        }
    }

    /// Whether it is a mode of IA-32e mode, which has canonical addresses.
    pub const fn is_ia32e(self) -> bool {
        matches!(self, Self::FourLevel | Self::FiveLevel)
    }
}

impl fmt::Display for PagingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Off => "no paging",
            Self::ThirtyTwoBit => "32-bit paging",
            Self::Pae => "PAE paging",
            Self::FourLevel => "4-level paging",
            Self::FiveLevel => "5-level paging",
        })
    }
}
