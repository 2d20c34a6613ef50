//! For whom pages are read, and whether he stays until they are there.

use mmu_core::PhysAddr;

use super::FailedPage;
use crate::{MemoryPriority, ProcessId, Status, pte::Pte};

/// What somebody does whose page has to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// He stays until it is there.
    Stays,
    /// Others run meanwhile, and he comes back; the page is of this process.
    Leaves(ProcessId),
    /// He is back, and this page could not be read.
    Told(FailedPage),
}

/// Somebody for whom pages are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// That of the pages until somebody uses them.
    pub(crate) priority: MemoryPriority,
    pub(crate) patience: &'a Patience,
}

impl Reader<'static> {
    /// The system.
    pub(crate) const SYSTEM: Self = Self {
        priority: MemoryPriority::Normal,
        patience: &Patience::Stays,
    };
}

impl Reader<'_> {
    /// Whether the reader does not stay until pages are there.
    pub(crate) fn leaves(self) -> bool {
        matches!(self.patience, Patience::Leaves(_))
    }

    /// Why the page of an entry could not be read that the reader waited for.
    pub(super) fn was_told(self, at: PhysAddr, original: Pte) -> Option<Status> {
        match self.patience {
            Patience::Told(page) if (page.at, page.original) == (at, original) => Some(page.reason),
            _ => None,
        }
    }
}
