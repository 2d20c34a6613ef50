use clap::ValueEnum;
use mmu_core::{Cr4, Efer, PhysAddr, Registers};

/// A paging mode, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Mode {
    /// 4-level paging.
    #[value(name = "4-level")]
    FourLevel,
    /// 5-level paging.
    #[value(name = "5-level")]
    FiveLevel,
    /// PAE paging.
    #[value(name = "pae")]
    Pae,
    /// 32-bit paging, with 4-MiB pages.
    #[value(name = "32-bit")]
    ThirtyTwoBit,
}

impl Mode {
    /// The registers that choose this mode, all else as today's operating systems have it.
    pub(super) fn registers(self, root: PhysAddr) -> Registers {
        let mut registers = Registers::four_level(root);
        match self {
            Self::FourLevel => {}
            Self::FiveLevel => registers.cr4 |= Cr4::LINEAR_ADDRESS_57,
            Self::Pae => registers.efer -= Efer::LONG_MODE_ENABLE | Efer::LONG_MODE_ACTIVE,
            Self::ThirtyTwoBit => {
                registers.efer = Efer::empty();
                registers.cr4 -= Cr4::PHYSICAL_ADDRESS_EXTENSION;
                registers.cr4 |= Cr4::PAGE_SIZE_EXTENSIONS;
            }
        }
        registers
    }
}
