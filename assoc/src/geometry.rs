use crate::{Replacement, ReplacementError};

/// How many sets of how many ways an array has. Neither need be a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    sets: u32,
    ways: u32,
}

impl Geometry {
    /// The most entries an array may have: 2^26, four times the lines of the largest
    /// last-level cache sold.
    pub const MAX_ENTRIES: u64 = 1 << 26;

    /// The most ways a set may have.
    pub const MAX_WAYS: u32 = 1 << 12;

    /// An array of `sets` sets with `ways` ways each.
    ///
    /// # Errors
    /// [`GeometryError`] if either is zero, or the array would be larger than
    /// [`Geometry::MAX_ENTRIES`] or its sets larger than [`Geometry::MAX_WAYS`].
    pub const fn new(sets: u32, ways: u32) -> Result<Self, GeometryError> {
        if sets == 0 || ways == 0 {
            return Err(GeometryError::Empty { sets, ways });
        }
        if ways > Self::MAX_WAYS || sets as u64 * ways as u64 > Self::MAX_ENTRIES {
            return Err(GeometryError::TooLarge { sets, ways });
        }
        Ok(Self { sets, ways })
    }

    /// An array of `entries` entries in sets of `ways` ways.
    ///
    /// # Errors
    /// [`GeometryError`] as for [`Geometry::new`], and if the entries do not fill whole sets.
    pub const fn of_entries(entries: u32, ways: u32) -> Result<Self, GeometryError> {
        if ways == 0 || entries == 0 {
            return Err(GeometryError::Empty { sets: 0, ways });
        }
        if !entries.is_multiple_of(ways) {
            return Err(GeometryError::PartialSet { entries, ways });
        }
        Self::new(entries / ways, ways)
    }

    /// One set that holds every entry.
    ///
    /// # Errors
    /// [`GeometryError`] as for [`Geometry::new`].
    pub const fn fully_associative(entries: u32) -> Result<Self, GeometryError> {
        Self::new(1, entries)
    }

    /// The number of sets.
    pub const fn sets(self) -> u32 {
        self.sets
    }

    /// The number of entries in a set.
    pub const fn ways(self) -> u32 {
        self.ways
    }

    /// The number of entries in the array.
    pub const fn entries(self) -> usize {
        self.sets as usize * self.ways as usize
    }
}

/// An array of this shape cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// There is nothing in it.
    #[error("an array needs at least one entry: got {sets} sets of {ways} ways")]
    Empty {
        /// Sets asked for.
        sets: u32,
        /// Ways asked for.
        ways: u32,
    },
    /// The entries do not fill whole sets.
    #[error("{entries} entries do not fill whole sets of {ways} ways")]
    PartialSet {
        /// Entries asked for.
        entries: u32,
        /// Ways asked for.
        ways: u32,
    },
    /// More entries than the host should be asked to hold.
    #[error(
        "{sets} sets of {ways} ways are too many: at most {} entries, {} ways",
        Geometry::MAX_ENTRIES,
        Geometry::MAX_WAYS
    )]
    TooLarge {
        /// Sets asked for.
        sets: u32,
        /// Ways asked for.
        ways: u32,
    },
    /// The index is wider or narrower than the sets.
    #[error("an index of {bits} bits does not choose among {sets} sets")]
    IndexBits {
        /// The width of the index.
        bits: u32,
        /// Sets asked for.
        sets: u32,
    },
    /// The policy takes sets of other sizes only.
    #[error(
        "{policy} does not work with {ways} ways: it needs {}",
        policy.ways_needed()
    )]
    PolicyWays {
        /// The policy asked for.
        policy: Replacement,
        /// Ways asked for.
        ways: u32,
    },
    /// There is no such policy.
    #[error(transparent)]
    Policy {
        /// Why not.
        source: ReplacementError,
    },
}
