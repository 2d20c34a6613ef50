use core::{error::Error, fmt};

/// A process-context identifier: the 12 bits of CR3 that tell one address space's cached
/// translations from another's (SDM vol. 3, 4.10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pcid(u64);

impl Pcid {
    /// The identifier in use while CR4.PCIDE is 0.
    pub const ZERO: Self = Self(0);

    /// How many identifiers there are.
    pub const COUNT: u16 = 1 << 12;

    /// The identifier with this value.
    ///
    /// # Errors
    /// [`PcidTooLarge`] if the value needs more than 12 bits.
    pub const fn new(value: u16) -> Result<Self, PcidTooLarge> {
        if value < Self::COUNT {
            Ok(Self(value as u64))
        } else {
            Err(PcidTooLarge(value))
        }
    }

    /// The identifier in the low 12 bits of a CR3 value.
    #[inline]
    pub const fn from_cr3(cr3: u64) -> Self {
        Self(cr3 & 0xfff)
    }

    /// The value of the identifier.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "it has 12 bits")]
    pub const fn as_u16(self) -> u16 {
        self.0 as u16
    }

    /// The value of the identifier where a CR3 value has it.
    #[inline]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// The value does not fit in the 12 bits of a [`Pcid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcidTooLarge(pub u16);

impl fmt::Display for PcidTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a PCID has 12 bits; {:#x} needs more", self.0)
    }
}

impl Error for PcidTooLarge {}
