use std::num::NonZeroU32;

use memory_manager::demand::PagingLevels;
use memory_manager::{DiskModel, PageFileSize};
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
    /// Where pages go when there is no more memory; without it, what there is has to do.
    pub page_file: Option<PageFile>,
}

/// A page file, and the disk that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFile {
    /// Its least and its greatest size.
    pub size: PageFileSize,
    /// What the disk costs, and the frequency of the processors.
    pub disk: DiskModel,
}

impl PageFile {
    /// The largest there can be (Microsoft, "Introduction to page files": 16 TiB), less the
    /// page that no entry could name.
    const LARGEST: u64 = (16 << 40) - 4096;

    /// As large as Windows makes it for so much memory (Microsoft, "Determine the appropriate
    /// page file size": from an eighth of the memory, but 32 GB at most, to three times the
    /// memory or 4 GB, whichever is more), on a solid-state disk.
    pub fn of_memory(ram: ByteSize) -> Self {
        let maximum = ram.0.saturating_mul(3).clamp(4 << 30, Self::LARGEST);
        let minimum = (ram.0 / 8).clamp(4096, 32 << 30);
        Self {
            size: PageFileSize { minimum, maximum },
            disk: DiskModel::default(),
        }
    }
}

impl MachineConfig {
    /// The largest window: no reorder buffer is larger, and each access looks at all of it.
    pub const WINDOW_MOST: u32 = 512;

    /// Whether its pages can go to a page file: of large ones and of 5-level page tables the
    /// memory manager of Windows' kind has none that do.
    pub fn is_pageable(&self) -> bool {
        self.pages == PagePolicy::default() && self.paging == Paging::FourLevel
    }
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

/// One processor in order, 4-level paging, 4-KiB pages, 16 GiB of memory and no page file.
impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            pages: PagePolicy::default(),
            ram: ByteSize(16 << 30),
            processors: NonZeroU32::MIN,
            pcids: Pcids::default(),
            window: NonZeroU32::MIN,
            paging: Paging::default(),
            page_file: None,
        }
    }
}
