use std::num::NonZeroU32;

use memory_manager::PagingLevels;
use mmu_core::Level;
use serde::Serialize;

use crate::{byte_size::ByteSize, page_policy::PagePolicy};

/// What is chosen about a machine besides the kind of its processors.
#[derive(Clone, Copy, Debug)]
pub struct MachineConfig {
    /// How the pages of its programs are chosen.
    pub pages: PagePolicy,
    /// The size of its memory.
    pub ram: ByteSize,
    /// How many processors it has.
    pub processors: NonZeroU32,
    /// Whether its processes have PCIDs.
    pub pcids: Pcids,
    /// How many accesses each processor has under way at a time.
    pub window: NonZeroU32,
    /// How many levels of page tables its processes have.
    pub paging: Paging,
}

impl MachineConfig {
    /// The largest window: no reorder buffer is larger, and each access looks at all of it.
    pub const WINDOW_MOST: u32 = 512;
}

/// Whether processes have PCIDs, so that a switch between them need not drop what is cached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pcids {
    /// CR4.PCIDE = 1: MOV to CR3 keeps what is cached
    On,
    /// CR4.PCIDE = 0: MOV to CR3 drops what is not global
    #[default]
    Off,
}

/// How many levels of page tables processes have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize)]
pub enum Paging {
    /// 48-bit linear addresses
    #[default]
    #[value(name = "4-level")]
    #[serde(rename = "4-level")]
    FourLevel,
    /// CR4.LA57 = 1: 57-bit linear addresses
    #[value(name = "5-level")]
    #[serde(rename = "5-level")]
    FiveLevel,
}

impl Paging {
    /// The levels of its page tables, the one nearest the page first.
    pub(super) const fn levels(self) -> &'static [Level] {
        match self {
            Self::FourLevel => &Level::FOUR_LEVEL,
            Self::FiveLevel => &Level::ALL,
        }
    }
}

impl From<Paging> for PagingLevels {
    fn from(paging: Paging) -> Self {
        match paging {
            Paging::FourLevel => Self::Four,
            Paging::FiveLevel => Self::Five,
        }
    }
}

/// One processor in order, 4-level paging, 4-KiB pages, 16 GiB of memory.
impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            pages: PagePolicy::default(),
            ram: ByteSize(16 << 30),
            processors: NonZeroU32::MIN,
            pcids: Pcids::default(),
            window: NonZeroU32::MIN,
            paging: Paging::default(),
        }
    }
}
