//! An operating system's memory manager on an emulated x86 MMU: processes whose memory
//! appears on demand.
//!
//! There are two: a [`Machine`] is managed in the manner of Windows NT, with its calls, states
//! and exceptions. A [`MemoryManager`] only gives pages to accesses that fault.
//!
//! A [`MemoryManager`] owns the machine's physical memory. It keeps the page tables of its
//! processes there, in the processor's own format, and touches them only where the MMU says
//! that a walk ended: an access faults, the fault is serviced, the access is tried again.
//!
//! ```
//! use memory_manager::{MemoryManager, Protection};
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
#![forbid(unsafe_code)]

mod access;
mod address_space;
mod allocation_request;
mod allocation_type;
mod bitness;
mod caller;
mod calls;
mod commit;
mod dep;
mod disk;
mod environment;
mod error;
mod exception;
mod fault;
mod frames;
mod kernel;
mod large;
mod layout;
mod machine;
mod manager;
mod mdl;
mod memory_information;
mod page_file;
mod page_protection;
mod page_tables;
mod paging;
mod pfn;
mod physical;
mod placeholder;
mod placement;
mod private;
mod privileges;
mod process;
mod processor;
mod processors;
mod protection;
mod pte;
mod reset;
mod run;
mod section;
mod service;
mod shared_data;
pub mod shootdown;
mod stack;
mod status;
mod system;
mod system_space;
mod thread;
mod user_range;
mod user_space;
mod vad;
mod vad_tree;
mod win32;
mod window;
mod working_set;

pub use address_space::{CommitError, Protection};
pub use allocation_request::AllocationRequest;
pub use allocation_type::{AllocationType, FreeType, UnmapFlags, WatchFlags};
pub use bitness::Bitness;
pub use caller::{Caller, Target};
pub use calls::copy::CopyError;
pub use calls::query_region::RegionInformation;
pub use calls::query_section::SectionInformation;
pub use calls::query_working_set::{ValidPage, WorkingSetPage};
pub use dep::{DepFlags, DepPermanence, DepPolicy, ProcessDep};
pub use disk::{
    Disk, DiskFault, DiskFaults, DiskLedger, DiskModel, FaultyDisk, IoCounters, IoOwner,
};
pub use error::{AccessError, OutOfMemory, ServiceError};
pub use exception::{Exception, ExceptionAccess};
pub use frames::FrameAllocator;
pub use large::LARGE_PAGE_MINIMUM;
pub use layout::AddressLayout;
pub use machine::{Machine, MachineConfig, MachineError, ProcessId};
pub use manager::{CollapseError, Collapsed, Counters, MemoryManager};
pub use mdl::{CacheType, LockOperation, Mdl};
pub use memory_information::{MemoryInformation, MemoryKind, MemoryState, Range};
pub use page_file::{
    MAX_PAGE_FILES, PAGE_FILE_CLUSTER, PageFileCounters, PageFileError, PageFileNumber,
    PageFileSize, PageFiles, PageSlot, Slot, SlotRun,
};
pub use page_protection::PageProtection;
pub use pfn::{FrameFault, FrameState, PageLists};
pub use placement::{AddressRequirements, ZeroBits};
pub use privileges::Privileges;
pub use process::{PagingLevels, Process};
pub use processors::ShootdownCounters;
pub use section::{
    Backing, FileAccess, ImageInformation, ImageMachine, MappedView, MappingNote, SectionAccess,
    SectionAttributes, SectionCreation, SectionHandle, SectionOpening, ViewAccess, ViewRequest,
};
pub use service::{FaultCounters, Serviced};
pub use shared_data::SHARED_DATA;
pub use stack::{Stack, StackRequest};
pub use status::Status;
pub use system::{SystemTask, TaskCounters, TaskRun, Trigger};
pub use thread::ThreadId;
pub use vad::GRANULARITY as ALLOCATION_GRANULARITY;
pub use win32::{ProcessorArchitecture, SystemInfo, Win32};
pub use window::{FreePagesError, PhysicalPage};
pub use working_set::{
    MemoryPriority, Replacement, WorkingSetCounters, WorkingSetLimits, WorkingSetSize,
};
