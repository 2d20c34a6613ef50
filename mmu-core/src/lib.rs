//! An exact, cycle-aware x86 memory-management unit to embed.
//!
//! An [`Mmu`] translates the accesses of one processor: it looks into its
//! [`TranslationCache`], walks the page tables in a [`PhysMem`] that the embedder owns, sets
//! accessed and dirty bits there, and answers with a [`Translated`] address or the exact
//! [`Fault`]. What control registers decide is derived once, when one is written, into a
//! [`Regime`]; the walk itself is one function for every caller.
//!
//! Two kinds are ready to use: [`FunctionalMmu`], with a large software TLB and no notion of
//! time, and [`TimedMmu`], with modelled TLBs, paging-structure caches and data caches, whose
//! every cycle has an [`Owner`].
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use mmu_core::{
//!     AccessKind, CpuFeatures, Entry, Fault, FunctionalMmu, Level, PhysAddr, PrivilegeMode, Ram,
//!     Registers, VirtAddr, entry_address,
//! };
//!
//! // Page tables that map one page: 0x4000_2000 at 0x9000, for user-mode reads.
//! let ram = Ram::new(0x10000)?;
//! let address = VirtAddr::new(0x4000_2000);
//! let tables = [0x1000, 0x2000, 0x3000, 0x4000, 0x9000].map(PhysAddr::new);
//! for (level, pair) in Level::FOUR_LEVEL.into_iter().rev().zip(tables.windows(2)) {
//!     let entry = Entry::table(pair[1]); // present, writable, user
//!     ram.write(entry_address(pair[0], level, address), &entry.bits().to_le_bytes())?;
//! }
//!
//! let registers = Registers::four_level(tables[0]);
//! let mut mmu = FunctionalMmu::functional(CpuFeatures::default(), registers)?;
//! let read = mmu.translate(&ram, address, AccessKind::Read, PrivilegeMode::User)?;
//! assert_eq!(read.address, PhysAddr::new(0x9000));
//!
//! let beyond = VirtAddr::new(0x4000_3000);
//! match mmu.translate(&ram, beyond, AccessKind::Write, PrivilegeMode::User) {
//!     Err(Fault::Page(fault)) => assert_eq!(fault.error_code.bits(), 0x6),
//!     other => panic!("{other:?}"),
//! }
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without default features the crate is `no_std`; it needs `alloc`, and allocates only when
//! something is constructed.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod control;
mod cost;
mod entry;
mod fault;
mod features;
mod format;
mod functional;
mod general_protection;
mod invalidate;
mod key_rights;
mod keys;
mod level_rules;
mod linear;
mod mappings;
mod memory_type;
mod mmu;
mod modelled;
mod msr;
mod mtrr;
mod observer;
mod ordinary;
mod overlap;
mod paging_mode;
mod pat;
mod path;
mod phys_mem;
#[cfg(feature = "std")]
mod ram;
mod regime;
mod registers;
mod rights;
mod soft_structures;
mod soft_tlb;
mod span;
mod timed;
mod translation;
mod translation_cache;
mod walker;

pub use cost::{Breakdown, EntryRead, Ledger, NextPage, NoCost, Owner, TlbInstruction, WalkCost};
pub use entry::{Entry, entry_address};
pub use fault::{Cause, ErrorCode, Fault, PageFault};
pub use features::{AccessedOnFault, CpuFeatures, Feature, FeaturesError, Vendor};
pub use functional::FunctionalMmu;
pub use general_protection::GeneralProtection;
pub use invalidate::{Flushed, Invalidation};
pub use key_rights::KeyRights;
pub use mappings::Mappings;
pub use mmu::Mmu;
pub use modelled::ModelledTlb;
pub use msr::Msr;
pub use mtrr::Mtrrs;
pub use observer::{NoObserver, Observer, WalkEnd, WalkStatistics};
pub use overlap::Overlap;
pub use paging_mode::PagingMode;
pub use pat::{Pat, PatType};
pub use path::{Step, WalkPath};
pub use phys_mem::{BusError, PhysMem};
#[cfg(feature = "std")]
pub use ram::{Ram, RamTooLarge};
pub use regime::Regime;
pub use registers::{AlignmentCheck, Cr0, Cr4, Efer, Registers};
pub use rights::{Rights, RightsTable};
pub use soft_tlb::SoftTlb;
pub use span::Span;
pub use timed::{
    Ahead, CacheCost, Caches, FORESEEN, SoftwareCosts, TimedConfig, TimedConfigError, TimedMmu,
    Walkers,
};
pub use translation::{Leaf, TableEntry, Translated, Translation};
pub use translation_cache::TranslationCache;

pub use tlb::{Cr3Write, Scope};

pub use units::{
    AccessKind, Cycles, Level, MemoryType, PageSize, Pcid, PhysAddr, PrivilegeMode, ProcessorId,
    VirtAddr,
};
