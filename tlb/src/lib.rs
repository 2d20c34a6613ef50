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

mod hierarchy;
mod scope;
mod stream;
mod structures;
mod tag;
mod unit;

pub use hierarchy::{
    Found, HierarchyConfig, Inclusion, LevelConfig, Lookups, OnLowerHit, OnMiss, TlbHierarchy,
};
pub use scope::Scope;
pub use stream::{Stream, Streams};
pub use structures::{
    PagingStructureCaches, StructureCacheConfig, StructureCachesConfig, StructureCounters,
};
pub use unit::{Coalescing, PageSizes, PcidCapacity, Tlb, TlbConfig, TlbCounters};

use units::PageSize;

/// What a TLB entry says of its page.
pub trait Cacheable: Copy + Default {
    /// The size of the page as the page tables have it, even where a TLB holds only a
    /// fragment of it.
    fn page_size(&self) -> PageSize;

    /// Whether the translation holds under every PCID (SDM vol. 3, 4.10.2.4).
    fn is_global(&self) -> bool;
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
    /// A TLB that could never hold anything.
    #[error("TLB \"{name}\" serves no kind of access or holds no size of page")]
    Useless {
        /// The TLB.
        name: alloc::string::String,
    },
    /// A kind of access that no first-level TLB serves.
    #[error("no first-level TLB serves {stream}")]
    Unserved {
        /// The kind.
        stream: Stream,
    },
}
