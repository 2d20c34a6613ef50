//! The names of replacement policies: which entry of a full set makes room for a new one.

mod names;
mod qlru;

use crate::{Geometry, GeometryError};
pub use names::ParseReplacementError;
pub use qlru::{Qlru, QlruField, QlruUpdate};

/// A replacement policy.
///
/// Under every one a new entry goes into an empty way if there is one: the leftmost, but for
/// QLRU's R2, which takes the rightmost. An entry that is taken out leaves behind what the
/// policy remembers of its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replacement {
    /// The entry whose last use lies furthest back.
    TrueLru,
    /// A binary tree whose every node points away from the half used last; the entry that
    /// the pointers lead to. Only for ways that are a power of two.
    TreePlru,
    /// The entry that was put in first.
    Fifo,
    /// Any entry, by a generator with this seed: `SplitMix64` (Steele, Lea and Flood,
    /// OOPSLA 2014), one for all sets; a number x of it stands for way floor(x * ways / 2^64).
    Random {
        /// The seed.
        seed: u64,
    },
    /// Twelve ways as three trees of four: the tree after the one used last, by its pointers.
    /// Skylake's second-level TLB has it (Tatar et al., "TLB;DR", USENIX Security 2022).
    Mru3Plru4,
    /// Twelve ways as three trees of four: the tree whose last use lies furthest back, by its
    /// pointers. Ice Lake's L1D has it (uops.info).
    Lru3Plru4,
    /// Ages of two bits (Vila et al., "`CacheQuery`", PLDI 2020; Abel and Reineke, "nanoBench").
    Qlru(Qlru),
    /// Static re-reference interval prediction with hit priority (Jaleel et al., ISCA 2010).
    /// A hit makes an entry's interval 0, a new entry has 2^bits - 2, and the leftmost entry
    /// of 2^bits - 1 goes; all grow until there is one. With one bit a new entry has 0: that
    /// is NRU.
    Srrip {
        /// The width of an interval in bits, 1 to 3.
        bits: u8,
    },
}

/// There is no such replacement policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplacementError {
    /// A field of QLRU is too large.
    #[error("{field} of QLRU is at most {}: got {value}", field.most())]
    QlruField {
        /// Which.
        field: QlruField,
        /// The value asked for.
        value: u8,
    },
    /// Where to put a new entry would be undefined.
    #[error(
        "QLRU with R{replace} and U{update} is undefined: a full set may have no entry of age 3"
    )]
    QlruWithoutVictim {
        /// `r`.
        replace: u8,
        /// `u`.
        update: u8,
    },
    /// An interval of SRRIP is too wide or has no width.
    #[error("an interval of SRRIP has 1 to 3 bits: got {bits}")]
    SrripBits {
        /// The width asked for.
        bits: u8,
    },
}

impl Replacement {
    const THREE_TREES: u32 = 12;

    /// Whether finding an entry that was the last one found in its set, with nothing put in
    /// since, changes nothing: who remembers such an entry need not look it up again.
    ///
    /// It is so under all policies but some QLRUs, where the second hit makes the entry
    /// younger still, or the others older.
    pub const fn is_idle_on_repeat(self) -> bool {
        match self {
            Self::TrueLru
            | Self::TreePlru
            | Self::Fifo
            | Self::Random { .. }
            | Self::Mru3Plru4
            | Self::Lru3Plru4
            | Self::Srrip { .. } => true,
            Self::Qlru(qlru) => qlru.is_idle_on_repeat(),
        }
    }

    /// The same of an entry that was put in last.
    ///
    /// It is so under all policies but those that do not make new entries the youngest.
    pub const fn is_idle_after_insertion(self) -> bool {
        match self {
            Self::TrueLru
            | Self::TreePlru
            | Self::Fifo
            | Self::Random { .. }
            | Self::Mru3Plru4
            | Self::Lru3Plru4 => true,
            Self::Qlru(_) | Self::Srrip { .. } => false,
        }
    }

    /// Whether the policy is one, whatever the geometry.
    ///
    /// # Errors
    /// [`ReplacementError`] if a parameter has no meaning.
    pub const fn validate(self) -> Result<(), ReplacementError> {
        match self {
            Self::Qlru(qlru) => qlru.validate(),
            Self::Srrip { bits } if bits == 0 || bits > 3 => {
                Err(ReplacementError::SrripBits { bits })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn check(self, geometry: Geometry) -> Result<(), GeometryError> {
        self.validate()
            .map_err(|source| GeometryError::Policy { source })?;
        let ways = geometry.ways();
        let fits = match self {
            Self::TreePlru => ways.is_power_of_two(),
            Self::Mru3Plru4 | Self::Lru3Plru4 => ways == Self::THREE_TREES,
            _ => true,
        };
        if fits {
            Ok(())
        } else {
            Err(GeometryError::PolicyWays { policy: self, ways })
        }
    }

    pub(crate) const fn ways_needed(self) -> &'static str {
        match self {
            Self::TreePlru => "a power of two",
            Self::Mru3Plru4 | Self::Lru3Plru4 => "12",
            _ => "any number",
        }
    }
}

#[cfg(test)]
mod tests;
