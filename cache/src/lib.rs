//! The data caches of a whole machine, which obey memory types and each other: for each access
//! to a line of physical memory, who serves it and after how many cycles.
//!
//! ```
//! use assoc::{Geometry, IndexFunction, Replacement};
//! use cache::{CacheSystem, HierarchyConfig, LevelConfig, Request, ServedBy, WalkPort};
//! use units::{Cycles, MemoryType, PhysAddr, ProcessorId};
//!
//! let level = |sets, ways, cycles| -> Result<LevelConfig, assoc::GeometryError> {
//!     Ok(LevelConfig {
//!         geometry: Geometry::new(sets, ways)?,
//!         index: IndexFunction::Linear,
//!         replacement: Replacement::TrueLru,
//!         latency: Cycles::new(cycles),
//!     })
//! };
//! let mut caches = CacheSystem::new(&HierarchyConfig {
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
//! let (by, write_back) = (ProcessorId::FIRST, MemoryType::WriteBack);
//! let first = caches.access(by, PhysAddr::new(0x1000), Request::Read, write_back);
//! assert_eq!((first.served_by, first.latency), (ServedBy::Memory, Cycles::new(300)));
//! // The same line.
//! let second = caches.access(by, PhysAddr::new(0x1038), Request::WalkRead, write_back);
//! assert_eq!((second.served_by, second.latency), (ServedBy::L1, Cycles::new(5)));
//! assert_eq!(caches.counters(by).served(Request::WalkRead, ServedBy::L1), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The model
//!
//! Each processor has three caches: an L1I and an L1D side by side, and an L2 below both. A
//! last-level cache (LLC) is below all L2s, then comes memory. Lines have [`LINE_BYTES`] bytes;
//! the number of a line, which is its physical address divided by that, is both what chooses
//! the set and the tag. The caches hold no bytes, only which lines are where.
//!
//! * **Look-up.** A [`Request`] enters at one cache ([`Request::enters`]) and goes down until
//!   a cache holds the line. The latency of the answer is that of the level which serves it;
//!   a write takes as long as a read, unless other processors have to drop the line.
//! * **Fill.** On the way back every cache that missed takes the line, the lowest first. An
//!   L1 and its L2 neither include nor exclude each other: an eviction from one leaves the
//!   copies elsewhere alone.
//! * **Write-back, write-allocate.** A write makes the line dirty in the cache it enters, and
//!   only there. A dirty line that must make room is written to the next cache, where it
//!   counts as a use and is dirty; if it is not there, it is allocated there, without a read
//!   of the levels below, since the whole line is at hand. What that evicts goes the same
//!   way. Write-backs are off the critical path: they are counted and cost no cycles.
//! * **A processor does not snoop itself.** Its request never looks into a cache of its own
//!   that is off its way. A fetch does not find a line that is only in the L1D, and with
//!   [`WalkPort::L2`] neither does a page walk: a snoop would serve those on a processor, here
//!   the levels below do, with their latency. The L1D keeps its copy, as dirty as it was, and
//!   writes it back in its own time. A store leaves the copy in the L1I of its own processor
//!   alone.
//!
//! # The LLC
//!
//! * **[`Inclusion::Free`].** It is filled as the others are, and its evictions leave the
//!   copies elsewhere alone.
//! * **[`Inclusion::Inclusive`].** What it evicts is dropped from all caches of all processors.
//!   The line is as dirty as any of these copies, and is written to memory once.
//! * **[`Inclusion::Exclusive`].** It takes what the L2s evict, clean or dirty, unless another
//!   L2 has the line as well, and nothing else. What an L2 takes, from the LLC or from an L1D,
//!   leaves the LLC. A line that was dirty there is then dirty in the L2; if another processor
//!   keeps a copy of it, it is written to memory instead, and clean.
//!
//! # Coherence
//!
//! Every copy in a cache of a processor is modified, exclusive or shared (MESI; SDM vol. 3,
//! 12.4). As long as one is modified or exclusive, no other processor has the line. All three
//! caches of a processor are asked alike, and every request is coherent: page walks, and the
//! updates of accessed and dirty bits, as well.
//!
//! * **Reads** that miss the own L2 make all copies of other processors shared ones. If one
//!   was dirty, it is written back, to the LLC (or to memory, past an exclusive LLC), and both
//!   are clean. Losing exclusiveness so is a use of the copy.
//! * **Writes** that miss the own L2, or find a shared copy in a cache of their own (an
//!   upgrade), drop all copies of other processors; a dirty one is written back first, in the
//!   same way. If there were any, the write takes [`HierarchyConfig::peer_latency`], whoever
//!   had the line. An eviction tells nobody: a copy may be a shared one though it is the last.
//! * **Who serves.** A line that another processor had dirty is served by that
//!   [peer](ServedBy::Peer). One that another has clean is served by the LLC, if that has it,
//!   else by the peer; memory serves only what no cache had.
//!
//! With one processor no copy is ever shared, and there is nobody to ask.
//!
//! # Prefetchers
//!
//! They watch which reads and writes of the program miss the L1D, not fetches nor page walks,
//! and never leave the 4-KiB page. What they bring comes through the caches as a read does,
//! after the miss was served; it costs no cycles, and is counted apart
//! ([`Counters::prefetches`]). A prefetch is useful if a request finds the line in the cache it
//! was brought to, and useless if the line is lost before.
//!
//! * **[`NextLine`].** A miss brings the next line to the L1D, if it is not there.
//! * **[`Stride`].** A table remembers, of the pages that missed last, the last line and its
//!   distance from the one before. A miss at the same distance again brings the lines ahead to
//!   the L2, so many as are configured, but for those that it has.
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
//!   it updates every copy of its processor, which is a use and leaves it as clean as it was;
//!   it allocates nothing. The other processors lose their copies, as by any write.
//! * **WP.** Reads are as of WB memory. A write goes to memory, takes as long, and drops the
//!   line from all caches of all processors.
//!
//! A request that both reads and writes memory of these types is a read and then a write, each
//! with its latency.
//!
//! The same line may be accessed as memory of two types, which the manual leaves undefined
//! (12.12.4). Here an access as UC or WC memory drops the line from all caches of all processors, and
//! writes it back to memory if it is dirty: so do processors that snoop caches, as they must
//! if UC comes from the page tables (table 12-7, note 2). The write-back costs no cycles. A
//! dirty line that is written as WT memory stays dirty. The write-combining buffers are
//! snooped by nobody (12.3.1): an access to the same line as WB, WT or WP memory leaves them
//! alone.
//!
//! Each processor has write-combining buffers of its own. Fill buffers and bandwidth are not
//! modelled.
//!
//! Nothing allocates after construction.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod combining;
mod config;
mod counters;
mod level;
mod line;
mod prefetcher;
mod presence;
mod private;
mod recent;
mod request;
mod strides;
mod system;

pub use config::{
    ConfigError, HierarchyConfig, Inclusion, LevelConfig, NextLine, Prefetch, Stride, WalkPort,
};
pub use counters::Counters;
pub use level::{CacheId, ServedBy};
pub use line::LINE_BYTES;
pub use prefetcher::Prefetcher;
pub use request::Request;
pub use system::{CacheSystem, Response};
