//! Where the memory of a machine's processes comes from.

use mmu_core::{PageSize, Ram, Registers, VirtAddr};

use super::{MachineConfig, MachineError, SimError, cores::Cores, demand::Demand, paged::Paged};
use crate::trace::RecordKind;

/// An access, or as much of it as is made at once: it reaches two pages at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) address: VirtAddr,
    pub(super) size: u32,
    pub(super) kind: RecordKind,
}

/// What processes have used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footprint {
    /// Pages that appeared, in the order of [`PageSize::ALL`].
    pub(super) pages: [u64; PageSize::ALL.len()],
    pub(super) page_tables: u64,
    pub(super) demand_zero: u64,
    /// Large pages that were made of small ones, and that there was no memory for.
    pub(super) collapses: u64,
    pub(super) failed_collapses: u64,
}

/// The memory of a machine's processes.
#[derive(Debug)]
pub(super) enum Memory {
    /// It is there once it is touched, as long as there is any.
    Demand(Box<Demand>),
    /// It goes to page files when there is no more.
    Paged(Box<Paged>),
}

impl Memory {
    pub(super) fn new(config: MachineConfig, processes: usize) -> Result<Self, SimError> {
        Ok(match config.page_file {
            None => Self::Demand(Box::new(Demand::new(config, processes)?)),
            Some(page_file) => {
                let paged = Paged::new(config, page_file, processes)?;
                Self::Paged(Box::new(paged))
            }
        })
    }

    pub(super) fn ram(&self) -> &Ram {
        match self {
            Self::Demand(demand) => demand.ram(),
            Self::Paged(paged) => paged.ram(),
        }
    }

    /// The registers under which each process runs, but for its PCID.
    pub(super) fn spaces(&self) -> Result<Vec<Registers>, SimError> {
        match self {
            Self::Demand(demand) => Ok(demand.spaces()),
            Self::Paged(paged) => paged.spaces(),
        }
    }

    /// Lets a processor make an access, faults and all.
    #[inline]
    pub(super) fn access(
        &mut self,
        cores: &mut Cores,
        number: usize,
        piece: Piece,
    ) -> Result<(), MachineError> {
        match self {
            Self::Demand(demand) => demand.access(cores, number, piece),
            Self::Paged(paged) => paged.access(cores, number, piece),
        }
    }

    /// A record is done.
    #[inline]
    pub(super) fn record_done(&mut self, cores: &Cores) {
        if let Self::Paged(paged) = self {
            paged.record_done(cores);
        }
    }

    pub(super) fn footprint(&self) -> Footprint {
        match self {
            Self::Demand(demand) => demand.footprint(),
            Self::Paged(paged) => paged.footprint(),
        }
    }
}
