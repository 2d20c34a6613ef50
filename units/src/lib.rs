//! The words every Lookaside crate shares: addresses, page sizes, process-context
//! identifiers, processors, kinds of access, and cycles.
//!
//! Nothing here knows a rule of paging; it only keeps a physical address from being
//! taken for a virtual one, and a count of cycles for a count of anything else.
#![no_std]
#![forbid(unsafe_code)]

mod access;
mod address;
mod cycles;
mod level;
mod memory_type;
mod page_size;
mod pcid;
mod processor;

pub use access::{AccessKind, PrivilegeMode};
pub use address::{PhysAddr, VirtAddr};
pub use cycles::Cycles;
pub use level::Level;
pub use memory_type::MemoryType;
pub use page_size::PageSize;
pub use pcid::{Pcid, PcidTooLarge};
pub use processor::ProcessorId;
