//! How the pages of a program are chosen.

use std::{fmt, str::FromStr};

use mmu_core::PageSize;
use serde::{Serialize, Serializer};

use crate::pages::Pages;

/// Which pages a program's memory is made of: `4k`, `2m`, `1g`, or `thp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagePolicy {
    /// Pages of one size.
    Fixed(Pages),
    /// Transparent huge pages: 4-KiB pages, made into a 2-MiB page once so many of the 512
    /// in it are touched.
    Transparent {
        /// How many, from 1 to 512.
        touched: u32,
    },
}

/// The 4-KiB pages of a 2-MiB page.
const SMALL_IN_LARGE: u32 = 512;

impl PagePolicy {
    /// Transparent huge pages from half of them touched on.
    pub const THP: Self = Self::Transparent {
        touched: SMALL_IN_LARGE / 2,
    };

    /// The size of the pages that appear on demand.
    pub fn first_size(self) -> PageSize {
        match self {
            Self::Fixed(pages) => pages.into(),
            Self::Transparent { .. } => PageSize::Size4KiB,
        }
    }
}

/// The policy for people; its `Display` is its name.
#[derive(Clone, Copy, Debug)]
pub struct Description(pub PagePolicy);

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PagePolicy::Fixed(pages) => PageSize::from(pages).fmt(f),
            PagePolicy::Transparent { touched } => write!(
                f,
                "4 KiB, and 2 MiB once {touched} of {SMALL_IN_LARGE} are touched"
            ),
        }
    }
}

impl Default for PagePolicy {
    fn default() -> Self {
        Self::Fixed(Pages::Size4KiB)
    }
}

impl From<Pages> for PagePolicy {
    fn from(pages: Pages) -> Self {
        Self::Fixed(pages)
    }
}

impl fmt::Display for PagePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(Pages::Size4KiB) => f.pad("4k"),
            Self::Fixed(Pages::Size2MiB) => f.pad("2m"),
            Self::Fixed(Pages::Size1GiB) => f.pad("1g"),
            &Self::THP => f.pad("thp"),
            Self::Transparent { touched } => f.pad(&format!("thp:{touched}")),
        }
    }
}

impl Serialize for PagePolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A word does not name a way to choose pages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no page policy: expected 4k, 2m, 1g, thp, or thp:N with N from 1 to \
     {SMALL_IN_LARGE} touched pages of {SMALL_IN_LARGE}"
)]
pub struct UnknownPolicy(pub String);

impl FromStr for PagePolicy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownPolicy(name.to_string());
        Ok(match name {
            "4k" => Self::Fixed(Pages::Size4KiB),
            "2m" => Self::Fixed(Pages::Size2MiB),
            "1g" => Self::Fixed(Pages::Size1GiB),
            "thp" => Self::THP,
            other => {
                let touched = other.strip_prefix("thp:").ok_or_else(unknown)?;
                let touched = touched.parse().map_err(|_| unknown())?;
                if !(1..=SMALL_IN_LARGE).contains(&touched) {
                    return Err(unknown());
                }
                Self::Transparent { touched }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_have_names() {
        for name in ["4k", "2m", "1g", "thp", "thp:1", "thp:512"] {
            assert_eq!(name.parse::<PagePolicy>().unwrap().to_string(), name);
        }
        for name in ["", "4m", "thp:", "thp:0", "thp:513", "thp:x", "THP"] {
            assert_eq!(name.parse::<PagePolicy>(), Err(UnknownPolicy(name.into())));
        }
    }
}
