//! The sizes of pages by the names they have on the command line, in presets and in reports.

use clap::ValueEnum;
use mmu_core::PageSize;
use serde::{Deserialize, Serialize};
use tlb::PageSizes;

/// A size of page: `4k`, `2m` or `1g`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Pages {
    /// 4 KiB
    #[value(name = "4k")]
    #[serde(rename = "4k")]
    Size4KiB,
    /// 2 MiB
    #[value(name = "2m")]
    #[serde(rename = "2m")]
    Size2MiB,
    /// 1 GiB
    #[value(name = "1g")]
    #[serde(rename = "1g")]
    Size1GiB,
}

impl Pages {
    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Size4KiB => "4k",
            Self::Size2MiB => "2m",
            Self::Size1GiB => "1g",
        }
    }
}

impl From<Pages> for PageSize {
    fn from(pages: Pages) -> Self {
        match pages {
            Pages::Size4KiB => Self::Size4KiB,
            Pages::Size2MiB => Self::Size2MiB,
            Pages::Size1GiB => Self::Size1GiB,
        }
    }
}

/// What an entry of a TLB that holds such pages can be: Intel's TLBs for 2-MiB pages hold
/// 4-MiB pages as well (SDM vol. 2, CPUID leaf 18H).
impl From<Pages> for PageSizes {
    fn from(pages: Pages) -> Self {
        match pages {
            Pages::Size4KiB => Self::SIZE_4_KIB,
            Pages::Size2MiB => Self::SIZE_2_MIB | Self::SIZE_4_MIB,
            Pages::Size1GiB => Self::SIZE_1_GIB,
        }
    }
}
