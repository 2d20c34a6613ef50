use memory_manager::{AccessError, MemoryManager, Process, Protection, USER_END};
use mmu_core::{
    Cycles, Fault, Owner, PageSize, PrivilegeMode, Registers, TimedMmu, VirtAddr, WalkStatistics,
};

use super::SimError;
use crate::{byte_size::ByteSize, preset::Preset, trace::Record};

/// What is chosen about a machine besides its processor.
#[derive(Clone, Copy, Debug)]
pub struct MachineConfig {
    /// The size of the program's pages.
    pub pages: PageSize,
    /// The size of its memory.
    pub ram: ByteSize,
}

/// One processor, its memory, and one process whose memory appears on demand.
#[derive(Debug)]
pub struct Machine {
    pub(super) manager: MemoryManager,
    process: Process,
    pub(super) mmu: TimedMmu<WalkStatistics>,
    page_fault: Cycles,
}

impl Machine {
    /// The longest access that is made at once; longer ones are made piece by piece.
    const MAX_PIECE: u32 = 4096;

    /// A machine that has run nothing yet. All of user space is committed to the process,
    /// since a trace does not say what its program had allocated.
    ///
    /// # Errors
    /// [`SimError`] if the processor or the memory cannot be built.
    pub fn new(preset: &Preset, config: MachineConfig) -> Result<Self, SimError> {
        let MachineConfig { pages, ram } = config;
        let bits = preset.features.physical_address_width();
        if ram.0 > 1 << bits {
            let cpu = preset.name.clone();
            return Err(SimError::RamBeyondWidth { ram, bits, cpu });
        }
        let mut manager = MemoryManager::new(ram.0)?;
        let process = manager.create_process();
        let mut process = process.map_err(|source| SimError::NoRoomForTables { ram, source })?;
        let committed = process.commit(
            VirtAddr::new(0),
            USER_END.as_u64(),
            pages,
            Protection::ExecuteReadWrite,
        );
        debug_assert!(committed.is_ok(), "an empty address space has room");
        let mmu = TimedMmu::timed(
            preset.features,
            Registers::four_level(process.root()),
            &preset.timed,
            WalkStatistics::default(),
        )?;
        Ok(Self {
            manager,
            process,
            mmu,
            page_fault: preset.page_fault,
        })
    }

    /// Makes one access of the program.
    ///
    /// # Errors
    /// [`AccessError`] if it cannot be made.
    #[inline]
    pub fn access(&mut self, record: &Record) -> Result<(), AccessError> {
        if record.size <= Self::MAX_PIECE {
            return self.access_piece(record.address, record.size, record);
        }
        let mut done = 0;
        while done < record.size {
            let size = (record.size - done).min(Self::MAX_PIECE);
            let address = record.address.wrapping_add(done.into());
            self.access_piece(address, size, record)?;
            done += size;
        }
        Ok(())
    }

    #[inline]
    fn access_piece(
        &mut self,
        address: VirtAddr,
        size: u32,
        record: &Record,
    ) -> Result<(), AccessError> {
        let Self {
            manager,
            process,
            mmu,
            page_fault,
        } = self;
        manager.access(process, |ram| {
            let kind = record.kind.access();
            let made = mmu.access(ram, address, size, kind, PrivilegeMode::User);
            if let Err(Fault::Page(_)) = made {
                mmu.charge(Owner::Fault, *page_fault);
            }
            made.map(|_| ())
        })
    }
}
