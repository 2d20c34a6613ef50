use assoc::{Geometry, GeometryError, IndexFunction, Replacement};
use units::{Cycles, ProcessorId};

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

/// The caches of a whole machine.
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
    /// How many write-combining buffers of one line there are, at least one:
    /// [`HierarchyConfig::COMBINING_BUFFERS`] where nothing better is known.
    pub combining_buffers: u32,
    /// How many processors share the last-level cache, each with an L1I, an L1D and an L2 of
    /// its own: 1 to 64.
    pub processors: u32,
    /// How the last-level cache relates to those above it.
    pub inclusion: Inclusion,
    /// The load-to-use latency of a line that another processor's caches have to give.
    pub peer_latency: Cycles,
    /// What the prefetchers do.
    pub prefetch: Prefetch,
}

/// How the last-level cache relates to the caches above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inclusion {
    /// Neither forces anything on the other.
    #[default]
    Free,
    /// What it evicts is dropped from all caches above.
    Inclusive,
    /// It takes what the L2s evict, and gives up what they read.
    Exclusive,
}

/// The prefetchers of each processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefetch {
    /// A read or write of the program that misses the L1D brings the next line of the 4-KiB
    /// page into the L1D.
    pub next_line: NextLine,
    /// Steady strides bring lines ahead into the L2.
    pub stride: Stride,
}

/// Whether the next line is prefetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NextLine {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

/// Whether strides are prefetched. What counts are the lines of a page that the program's
/// reads and writes miss in the L1D.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stride {
    /// No.
    #[default]
    Off,
    /// So many lines ahead, by a table of so many 4-KiB pages that each remember their last
    /// line and stride.
    Ahead {
        /// Lines ahead, 1 to 63.
        lines: u32,
        /// Pages watched, at least one.
        pages: u32,
    },
}

impl HierarchyConfig {
    /// So many write-combining buffers are sure to be there. The manual leaves their number
    /// open (SDM vol. 3, 12.3.1); Intel's Optimization Reference Manual ("Write Combining")
    /// says that only four are guaranteed for use at the same time. Processors gather writes
    /// in their line-fill buffers, of which they have 8 to 16, for all else as well.
    pub const COMBINING_BUFFERS: u32 = 4;

    /// The most lines that all caches may have together: as many as four of the largest
    /// possible caches.
    pub const MAX_LINES: u64 = 4 * Geometry::MAX_ENTRIES;

    /// How many lines the caches of all processors have together.
    pub(crate) fn lines(&self) -> u64 {
        let of = |level: &LevelConfig| level.geometry.entries() as u64;
        let private = of(&self.l1i) + of(&self.l1d) + of(&self.l2);
        private * u64::from(self.processors) + of(&self.llc)
    }
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
    /// There cannot be so many write-combining buffers.
    #[error("there cannot be {count} write-combining buffers")]
    CombiningBuffers {
        /// How many were asked for.
        count: u32,
        /// What is wrong with that.
        source: GeometryError,
    },
    /// There cannot be so many processors.
    #[error("there cannot be {count} processors: 1 to {}", ProcessorId::COUNT)]
    Processors {
        /// How many were asked for.
        count: u32,
    },
    /// The caches of all processors together are larger than the host should be asked to
    /// hold.
    #[error(
        "the caches of all processors have {lines} lines: at most {}",
        HierarchyConfig::MAX_LINES
    )]
    TooLarge {
        /// How many lines were asked for.
        lines: u64,
    },
    /// The stride prefetcher cannot look so far ahead.
    #[error("the stride prefetcher cannot bring {lines} lines ahead: 1 to 63")]
    StrideLines {
        /// How many lines were asked for.
        lines: u32,
    },
    /// The stride prefetcher cannot watch so many pages.
    #[error("the stride prefetcher cannot watch {pages} pages")]
    StridePages {
        /// How many were asked for.
        pages: u32,
        /// What is wrong with that.
        source: GeometryError,
    },
}
