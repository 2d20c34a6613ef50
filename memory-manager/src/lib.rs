//! An operating system's memory manager in the manner of Windows NT, on an emulated x86 MMU.
//!
//! A [`Machine`] has NT's calls, states, faults and exceptions; [`Win32`] is what a program
//! sees of it.
//!
//! ```
//! use memory_manager::{
//!     AllocationType, Machine, MachineConfig, MemoryInformation, MemoryState, PageProtection,
//!     Status, Win32,
//! };
//!
//! let mut machine = Machine::new(&MachineConfig::default())?;
//! let process = machine.create_process()?;
//! let mut win32 = Win32::new(&mut machine, process);
//!
//! // Two pages are reserved, and the first of them is committed, with a guard.
//! let (reserve, commit) = (AllocationType::RESERVE, AllocationType::COMMIT);
//! let read_write = PageProtection::READWRITE;
//! let region = win32.virtual_alloc(None, 0x2000, reserve, read_write)?;
//! let guarded = read_write | PageProtection::GUARD;
//! win32.virtual_alloc(Some(region.base), 0x1000, commit, guarded)?;
//!
//! // The first touch raises the guard's alarm, the second one gets a page.
//! let stopped = win32.machine.write(process, region.base, b"1337").unwrap_err();
//! assert_eq!(stopped.code, Status::GuardPageViolation);
//! win32.machine.write(process, region.base, b"1337")?;
//!
//! let told = win32.virtual_query(region.base, MemoryInformation::BYTES)?;
//! assert_eq!((told.state, told.protection), (MemoryState::Commit, read_write));
//! assert_eq!(told.size, 0x1000);
//! assert_eq!(machine.fault_counters().demand_zero, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The manager in [`demand`] is a small one, without an operating system: it only gives pages to
//! accesses that fault.
#![forbid(unsafe_code)]

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

mod access;
mod allocation_request;
mod allocation_type;
mod bitness;
mod caller;
mod calls;
mod commit;
pub mod demand;
mod dep;
mod disk;
mod environment;
mod exception;
mod fault;
mod kernel;
mod large;
mod layout;
mod machine;
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
mod processor;
mod processors;
mod protection;
mod pte;
mod reset;
mod run;
mod section;
mod self_map;
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
pub use exception::{Exception, ExceptionAccess};
pub use large::LARGE_PAGE_MINIMUM;
pub use layout::AddressLayout;
pub use machine::{Machine, MachineConfig, MachineError, ProcessId};
pub use mdl::{CacheType, LockOperation, Mdl};
pub use memory_information::{AddressRange, MemoryInformation, MemoryKind, MemoryState};
pub use page_file::{
    MAX_PAGE_FILES, PAGE_FILE_CLUSTER, PageFileCounters, PageFileError, PageFileNumber,
    PageFileSize, PageFiles, PageSlot, Slot, SlotRun,
};
pub use page_protection::PageProtection;
pub use paging::PageReadId;
pub use pfn::{FrameFault, FrameState, PageLists};
pub use placement::{AddressRequirements, ZeroBits};
pub use privileges::Privileges;
pub use processors::ShootdownCounters;
pub use section::{
    Backing, FileAccess, ImageInformation, ImageMachine, MappedView, MappingNote, SectionAccess,
    SectionAttributes, SectionCreation, SectionHandle, SectionOpening, ViewAccess, ViewRequest,
};
pub use service::{FaultCounters, FaultOutcome, FaultProgress, PageWait};
pub use shared_data::SHARED_DATA;
pub use stack::{StackRequest, ThreadStack};
pub use status::Status;
pub use system::{SystemTask, TaskCounters, TaskRun, Trigger};
pub use thread::ThreadId;
pub use vad::GRANULARITY as ALLOCATION_GRANULARITY;
pub use win32::{ProcessorArchitecture, SystemInfo, Win32};
pub use window::{FreePagesError, PhysicalPage};
pub use working_set::{
    MemoryPriority, Replacement, WorkingSetCounters, WorkingSetLimits, WorkingSetSize,
};
