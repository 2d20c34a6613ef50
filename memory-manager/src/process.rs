use mmu_core::{PageSize, PhysAddr, Regime, VirtAddr};

use crate::address_space::{AddressSpace, CommitError, Protection};

/// A process: an address space and the page tables that realise it.
#[derive(Clone, Debug)]
pub struct Process {
    regime: Regime,
    pub(crate) space: AddressSpace,
}

impl Process {
    pub(crate) fn new(root: PhysAddr) -> Self {
        Self {
            regime: Regime::four_level(root),
            space: AddressSpace::default(),
        }
    }

    /// Where its PML4 table lies: the address for CR3.
    pub fn root(&self) -> PhysAddr {
        self.regime.root()
    }

    /// How its page tables are read.
    pub(crate) fn regime(&self) -> &Regime {
        &self.regime
    }

    /// Commits private memory: each page of it appears, filled with zeros, when it is first
    /// touched.
    ///
    /// # Errors
    /// [`CommitError`] if the range is not made of whole free pages in user space; nothing is
    /// committed then.
    pub fn commit(
        &mut self,
        start: VirtAddr,
        length: u64,
        page_size: PageSize,
        protection: Protection,
    ) -> Result<(), CommitError> {
        self.space.commit(start, length, page_size, protection)
    }
}
