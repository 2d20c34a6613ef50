//! Page files: where pages go that have no file of their own.

use std::{fmt, num::NonZeroU32};

use crate::vad::PAGE;

mod error;
mod file;
mod files;
mod slot_map;
#[cfg(test)]
mod tests;

pub use error::PageFileError;
pub use files::PageFiles;

/// How many page files there can be (Microsoft, "Introduction to page files"; four bits of a
/// page's entry).
pub const MAX_PAGE_FILES: usize = 16;

/// How many pages are written to a page file at once, at most: 64 KiB (`MmModifiedWriteCluster`
/// of Windows, known from literature only).
pub const PAGE_FILE_CLUSTER: usize = 16;

/// One of a machine's page files: 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageFileNumber(u8);

impl PageFileNumber {
    /// None from 16 on.
    #[expect(clippy::cast_possible_truncation, reason = "four bits")]
    pub const fn new(number: usize) -> Option<Self> {
        if number < MAX_PAGE_FILES {
            Some(Self(number as u8))
        } else {
            None
        }
    }

    /// The number.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for PageFileNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place for one page in a page file. None is 0: a page's entry that says so means zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(NonZeroU32);

impl Slot {
    /// None for 0.
    pub const fn new(slot: u32) -> Option<Self> {
        match NonZeroU32::new(slot) {
            Some(slot) => Some(Self(slot)),
            None => None,
        }
    }

    /// The slot, 1 and more.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Which one it is, counted from 0.
    const fn index(self) -> usize {
        self.get() as usize - 1
    }

    /// Where it begins in its file.
    const fn offset(self) -> u64 {
        self.index() as u64 * PAGE
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A slot of a file: where a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageSlot {
    /// Whose slot it is.
    pub file: PageFileNumber,
    /// Which one.
    pub slot: Slot,
}

/// Slots of a file that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotRun {
    /// Whose slots they are.
    pub file: PageFileNumber,
    /// The first of them.
    pub first: Slot,
    /// How many they are.
    pub pages: u32,
}

impl SlotRun {
    /// Each slot of them.
    pub fn slots(self) -> impl Iterator<Item = PageSlot> {
        (0..self.pages).filter_map(move |index| {
            let slot = self.first.0.checked_add(index).map(Slot)?;
            let file = self.file;
            Some(PageSlot { file, slot })
        })
    }
}

impl From<PageSlot> for SlotRun {
    fn from(PageSlot { file, slot }: PageSlot) -> Self {
        Self {
            file,
            first: slot,
            pages: 1,
        }
    }
}

/// How large a page file is, in bytes; what does not fill a page is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageFileSize {
    /// At least, and at first.
    pub minimum: u64,
    /// At most.
    pub maximum: u64,
}

/// What a page file has room for and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageFileCounters {
    /// Its size now, in pages.
    pub pages: u64,
    /// Pages that are in it.
    pub used: u64,
    /// The most there ever were.
    pub peak: u64,
    /// Reads and writes of pages that follow each other, those that failed included.
    pub reads: u64,
    /// As `reads`.
    pub writes: u64,
}

impl PageFileCounters {
    /// Pages that there is room for.
    pub const fn free(&self) -> u64 {
        self.pages - self.used
    }
}
