use assoc::{Geometry, GeometryError, IndexFunction, Replacement};
use units::Cycles;

use crate::CacheId;

/// One cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelConfig {
    /// Its sets and ways; an entry is a line.
    pub geometry: Geometry,
    /// How the number of a line chooses its set.
    pub index: IndexFunction,
    /// Which line of a full set makes room.
    pub replacement: Replacement,
    /// The load-to-use latency of a line found here, from the start of the access: the time
    /// spent missing in the levels above is part of it.
    pub latency: Cycles,
}

/// Where the page walker's requests enter the hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WalkPort {
    /// At the L1D, as on Intel processors (Haswell counts the walker's loads that the L1
    /// serves: `PAGE_WALKER_LOADS.DTLB_L1`).
    L1d,
    /// At the L2, past the L1D, as on AMD processors.
    L2,
}

/// A whole hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HierarchyConfig {
    /// The first-level instruction cache.
    pub l1i: LevelConfig,
    /// The first-level data cache.
    pub l1d: LevelConfig,
    /// The second level, for instructions and data.
    pub l2: LevelConfig,
    /// The last level before memory.
    pub llc: LevelConfig,
    /// The load-to-use latency of a line found in no cache, from the start of the access.
    pub memory_latency: Cycles,
    /// Where page walks enter.
    pub walks_enter: WalkPort,
}

/// A hierarchy of this configuration cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The index function and the geometry of a cache do not go together.
    #[error("the {cache} cannot be built")]
    Cache {
        /// Which cache.
        cache: CacheId,
        /// What is wrong with it.
        source: GeometryError,
    },
}
