//! A memory manager that only gives pages to accesses that fault.
//!
//! A [`MemoryManager`] owns the machine's physical memory. It keeps the page tables of its
//! processes there, in the processor's own format, and touches them only where the MMU says
//! that a walk ended: an access faults, the fault is serviced, the access is tried again.
//!
//! ```
//! use memory_manager::demand::{MemoryManager, Protection};
//! use mmu_core::{
//!     AccessKind, CpuFeatures, FunctionalMmu, PageSize, PrivilegeMode, VirtAddr,
//! };
//!
//! let mut manager = MemoryManager::new(1 << 20)?;
//! let mut process = manager.create_process()?;
//! let heap = VirtAddr::new(0x10_0000);
//! process.commit(heap, 0x10000, PageSize::Size4KiB, Protection::ReadWrite)?;
//!
//! let mut mmu = FunctionalMmu::functional(CpuFeatures::default(), process.registers())?;
//! let (kind, mode) = (AccessKind::Write, PrivilegeMode::User);
//! let first = manager.access(&process, |ram| mmu.translate(ram, heap, kind, mode))?;
//! let again = manager.access(&process, |ram| mmu.translate(ram, heap, kind, mode))?;
//! assert_eq!(first.address, again.address);
//! assert_eq!(manager.counters().demand_zero_faults(PageSize::Size4KiB), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address_space;
mod error;
mod frames;
mod manager;
mod process;

pub use address_space::{CommitError, Protection};
pub use error::{AccessError, OutOfMemory, ServiceError};
pub use frames::FrameAllocator;
pub use manager::{CollapseError, Collapsed, Counters, MemoryManager};
pub use process::{PagingLevels, Process};
