use mmu_core::{PageSize, PhysAddr, Regime, Registers, VirtAddr};

use crate::demand::address_space::{AddressSpace, CommitError, Protection};

/// How many levels of page tables there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PagingLevels {
    /// 4-level paging: user space has 2^47 bytes.
    #[default]
    Four,
    /// 5-level paging: user space has 2^56 bytes.
    Five,
}

impl PagingLevels {
    /// Where the addresses of user-mode programs end: the lower canonical half.
    pub const fn user_end(self) -> VirtAddr {
        match self {
            Self::Four => VirtAddr::new(1 << 47),
            Self::Five => VirtAddr::new(1 << 56),
        }
    }
}

/// A process: an address space and the page tables that realise it.
#[derive(Clone, Debug)]
pub struct Process {
    levels: PagingLevels,
    regime: Regime,
    pub(crate) space: AddressSpace,
}

impl Process {
    pub(crate) fn new(root: PhysAddr, levels: PagingLevels) -> Self {
        Self {
            levels,
            regime: match levels {
                PagingLevels::Four => Regime::four_level(root),
                PagingLevels::Five => Regime::five_level(root),
            },
            space: AddressSpace::new(levels.user_end()),
        }
    }

    /// Where its highest page table lies: the address for CR3.
    pub fn root(&self) -> PhysAddr {
        self.regime.root()
    }

    /// The registers of a processor that runs it.
    pub fn registers(&self) -> Registers {
        match self.levels {
            PagingLevels::Four => Registers::four_level(self.root()),
            PagingLevels::Five => Registers::five_level(self.root()),
        }
    }

    /// How its page tables are read.
    pub fn regime(&self) -> &Regime {
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
