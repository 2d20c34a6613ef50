//! Which entry of a full set makes room for a new one.

mod tree_plru;
mod true_lru;

use crate::Geometry;
use tree_plru::TreePlru;
use true_lru::TrueLru;

/// A replacement policy.
///
/// For both, touching the most recently touched entry again changes nothing: the array
/// relies on it to answer a repeated look-up at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replacement {
    /// The entry whose last use lies furthest back.
    TrueLru,
    /// A binary tree whose every node points away from the half used last; the entry that
    /// the pointers lead to. Ways that are no power of two split as evenly as they can, the
    /// larger half first.
    TreePlru,
    /// The entry that was put in first.
    Fifo,
    /// Any entry, by a generator with this seed.
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
    /// Ages of two bits (Vila et al., "CacheQuery", PLDI 2020; Abel and Reineke, "nanoBench").
    Qlru(Qlru),
    /// Static re-reference interval prediction (Jaleel et al., ISCA 2010).
    Srrip {
        /// The width of an interval in bits.
        bits: u8,
    },
}

/// A variant of QLRU, in nanoBench's notation `QLRU_Hxy_Mz_Rr_Uu[_UMO]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Qlru {
    /// `x`: the age that a hit gives to an entry of age 3.
    pub hit_at_3: u8,
    /// `y`: the age that a hit gives to an entry of age 2.
    pub hit_at_2: u8,
    /// `z`: the age of a new entry.
    pub insert: u8,
    /// `r`: where a new entry goes, 0 to 2.
    pub replace: u8,
    /// `u`: how the others age, 0 to 3.
    pub update: u8,
    /// `UMO`: they age on misses only.
    pub update_on: QlruUpdate,
}

/// When the entries of a QLRU set age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QlruUpdate {
    /// At every access.
    EveryAccess,
    /// On misses only (`UMO`).
    MissesOnly,
}

/// The state of a policy over all sets of an array.
#[derive(Clone, Debug)]
pub(crate) enum Policy {
    TrueLru(TrueLru),
    TreePlru(TreePlru),
}

impl Policy {
    pub(crate) fn new(replacement: Replacement, geometry: Geometry) -> Self {
        match replacement {
            Replacement::TrueLru => Self::TrueLru(TrueLru::new(geometry)),
            Replacement::TreePlru => Self::TreePlru(TreePlru::new(geometry)),
            _ => unimplemented!(),
        }
    }

    /// Notes that the entry was used.
    #[inline]
    pub(crate) fn touch(&mut self, set: usize, way: usize) {
        match self {
            Self::TrueLru(policy) => policy.touch(set, way),
            Self::TreePlru(policy) => policy.touch(set, way),
        }
    }

    /// The way of a full set to give up.
    #[inline]
    pub(crate) fn victim(&self, set: usize) -> usize {
        match self {
            Self::TrueLru(policy) => policy.victim(set),
            Self::TreePlru(policy) => policy.victim(set),
        }
    }
}
