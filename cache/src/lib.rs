//! A hierarchy of data caches that obeys memory types: for each access to a line of physical memory, which level
//! serves it and after how many cycles.
//!
//! ```
//! use assoc::{Geometry, IndexFunction, Replacement};
//! use cache::{CacheHierarchy, HierarchyConfig, LevelConfig, Request, ServedBy, WalkPort};
//! use units::{Cycles, MemoryType, PhysAddr};
//!
//! let level = |sets, ways, cycles| -> Result<LevelConfig, assoc::GeometryError> {
//!     Ok(LevelConfig {
//!         geometry: Geometry::new(sets, ways)?,
//!         index: IndexFunction::Linear,
//!         replacement: Replacement::TrueLru,
//!         latency: Cycles::new(cycles),
//!     })
//! };
//! let mut caches = CacheHierarchy::new(&HierarchyConfig {
//!     l1i: level(64, 8, 5)?,
//!     l1d: level(64, 8, 5)?,
//!     l2: level(1024, 16, 14)?,
//!     llc: level(40960, 12, 70)?,
//!     memory_latency: Cycles::new(300),
//!     walks_enter: WalkPort::L1d,
//!     combining_buffers: HierarchyConfig::COMBINING_BUFFERS,
//!     processors: 1,
//!     inclusion: cache::Inclusion::Free,
//!     peer_latency: Cycles::new(80),
//!     prefetch: cache::Prefetch::default(),
//! })?;
//!
//! let write_back = MemoryType::WriteBack;
//! let first = caches.access(PhysAddr::new(0x1000), Request::Read, write_back);
//! assert_eq!((first.served_by, first.latency), (ServedBy::Memory, Cycles::new(300)));
//! // The same line.
//! let second = caches.access(PhysAddr::new(0x1038), Request::WalkRead, write_back);
//! assert_eq!((second.served_by, second.latency), (ServedBy::L1, Cycles::new(5)));
//! assert_eq!(caches.counters().served(Request::WalkRead, ServedBy::L1), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The model
//!
//! Four caches: an L1I and an L1D side by side, an L2 below both, a last-level cache below
//! the L2, then memory. Lines have [`LINE_BYTES`] bytes; the number of a line, which is its
//! physical address divided by that, is both what chooses the set and the tag.
//!
//! * **Look-up.** A [`Request`] enters at one cache ([`Request::enters`]) and goes down until
//!   a cache holds the line. The latency of the answer is that of the level which serves it,
//!   and nothing else; a write takes as long as a read.
//! * **Fill.** On the way back every cache that missed takes the line, the lowest first. No
//!   level includes another and none excludes another: an eviction leaves the copies
//!   elsewhere alone.
//! * **Write-back, write-allocate.** A write makes the line dirty in the cache it enters, and
//!   only there. A dirty line that must make room is written to the next cache, where it
//!   counts as a use and is dirty; if it is not there, it is allocated there, without a read
//!   of the levels below, since the whole line is at hand. What that evicts goes the same
//!   way. Write-backs are off the critical path: they are counted and cost no cycles.
//! * **No data, no coherence.** The caches hold no bytes, only which lines are where; one
//!   request never looks into a cache off its way. A fetch does not find a line that is only
//!   in the L1D, and with [`WalkPort::L2`] neither does a page walk: a snoop would serve
//!   those on a processor, here the levels below do, with their latency. The L1D keeps its
//!   copy, as dirty as it was, and writes it back in its own time.
//!
//! # Memory types
//!
//! That is how write-back memory (WB) is cached. Of the other types (SDM vol. 3, 12.3):
//!
//! * **UC.** No cache is asked, nothing is allocated, and each read and write takes as long as
//!   memory does.
//! * **WC.** Reads are as of UC memory. Writes are gathered in a few
//!   [buffers](HierarchyConfig::combining_buffers) of a line each: a write to an open buffer,
//!   or to an empty one, takes as long as the L1D does; if all are in use, the oldest is
//!   flushed first, and the write takes as long as memory does. Reads of WC memory, and all
//!   accesses to UC memory, flush every buffer, as the manual says of "a read or write to
//!   uncached memory"; this is off the critical path. Its other occasions (fences, interrupts,
//!   locked instructions) are no requests and flush nothing, nor does a buffer that is full:
//!   a request does not say how many bytes it writes.
//! * **WT.** Reads are as of WB memory. A write goes to memory, and takes as long. On its way
//!   it updates every copy of the line, which is a use and leaves it as clean as it was; it
//!   allocates nothing.
//! * **WP.** Reads are as of WB memory. A write goes to memory, takes as long, and drops the
//!   line from all caches.
//!
//! A request that both reads and writes memory of these types is a read and then a write, each
//! with its latency.
//!
//! The same line may be accessed as memory of two types, which the manual leaves undefined
//! (12.12.4). Here an access as UC or WC memory drops the line from all caches, and writes it
//! back to memory if it is dirty: so do processors that snoop their own caches, as they must
//! if UC comes from the page tables (table 12-7, note 2). The write-back costs no cycles. A
//! dirty line that is written as WT memory stays dirty. The write-combining buffers are
//! snooped by nobody (12.3.1): an access to the same line as WB, WT or WP memory leaves them
//! alone.
//!
//! Prefetchers, fill buffers and bandwidth are not modelled.
//!
//! Nothing allocates after construction.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod combining;
mod config;
mod counters;
mod hierarchy;
mod level;
mod line;
mod request;

pub use config::{
    ConfigError, HierarchyConfig, Inclusion, LevelConfig, NextLine, Prefetch, Stride, WalkPort,
};
pub use counters::Counters;
pub use hierarchy::{CacheHierarchy, Response};
pub use level::{CacheId, ServedBy};
pub use line::LINE_BYTES;
pub use request::Request;
