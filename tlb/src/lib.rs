//! What a processor remembers of its page tables: the TLB hierarchy and the
//! paging-structure caches.
//!
//! Both are built of set-associative arrays whose tags carry the page's number, its size
//! and its PCID, or the mark of a global page (SDM vol. 3, 4.10). What an entry says of a
//! page, and what may be done with it, is the user's: any [`Cacheable`] payload will do.
//!
//! Nothing allocates after construction.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod array;
mod asked;
mod coalescing;
mod hierarchy;
mod pcids;
mod probe;
mod scope;
mod stream;
mod structures;
mod tag;
mod unit;
mod victim;

pub use coalescing::Coalescing;
pub use hierarchy::{
    Found, HierarchyConfig, Inclusion, LevelConfig, LevelProblem, Lookups, OnLowerHit, OnMiss,
    TlbHierarchy,
};
pub use pcids::{Cr3Write, PcidCapacity};
pub use scope::Scope;
pub use stream::{Stream, Streams};
pub use structures::{
    PagingStructureCaches, StructureCacheConfig, StructureCachesConfig, StructureCounters,
};
pub use unit::{PageSizes, Tlb, TlbConfig, TlbCounters};

use units::PageSize;

/// What a TLB entry says of its page.
pub trait Cacheable: Copy + Default + PartialEq {
    /// The size of the page as the page tables have it, even where a TLB holds only a
    /// fragment of it.
    fn page_size(&self) -> PageSize;

    /// Whether the translation holds under every PCID (SDM vol. 3, 4.10.2.4).
    fn is_global(&self) -> bool;

    /// What the entry of the 4-KiB page so many pages after this one says, if it lies so many
    /// frames after this one's and is like it in all else.
    #[must_use]
    fn neighbour(&self, pages: i64) -> Self;
}

/// A hierarchy that cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The array of a TLB cannot be built.
    #[error("TLB \"{name}\": {source}")]
    Tlb {
        /// The TLB.
        name: alloc::string::String,
        /// What is wrong with its array.
        source: assoc::GeometryError,
    },
    /// The array of a paging-structure cache cannot be built.
    #[error("{level} cache: {source}")]
    StructureCache {
        /// The level whose entries it would hold.
        level: units::Level,
        /// What is wrong with its array.
        source: assoc::GeometryError,
    },
    /// Entries cannot hold groups of this size.
    #[error("TLB \"{name}\": an entry can hold 2, 4, 8 or 16 neighbouring pages")]
    Coalescing {
        /// The TLB.
        name: alloc::string::String,
    },
    /// A level cannot behave as it is told to.
    #[error("TLB level {level}: {problem}")]
    Level {
        /// The level, from 1.
        level: usize,
        /// What is wrong.
        problem: LevelProblem,
    },
    /// A TLB that could never hold anything.
    #[error("TLB \"{name}\" serves no kind of access or holds no size of page")]
    Useless {
        /// The TLB.
        name: alloc::string::String,
    },
    /// A kind of access for which nothing ever comes into the TLBs.
    #[error("no level of TLBs takes what walks find for {stream}")]
    Unfilled {
        /// The kind.
        stream: Stream,
    },
    /// A kind of access that no first-level TLB serves.
    #[error("no first-level TLB serves {stream}")]
    Unserved {
        /// The kind.
        stream: Stream,
    },
}
