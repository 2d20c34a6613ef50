//! An exact, cycle-aware x86 memory-management unit to embed.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
extern crate std;

mod phys_mem;
#[cfg(feature = "std")]
mod ram;

pub use phys_mem::{BusError, PhysMem};
#[cfg(feature = "std")]
pub use ram::{Ram, RamTooLarge};
