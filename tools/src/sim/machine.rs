use memory_manager::{AccessError, MemoryManager, Process, Protection, USER_END};
use mmu_core::{
    Cycles, Fault, Feature, Owner, PageSize, PrivilegeMode, Registers, TimedMmu, VirtAddr,
};

use super::{SimError, why::WalkLog};
use crate::{
    byte_size::ByteSize,
    pages::Pages,
    preset::Preset,
    trace::{Record, RecordKind},
};

/// What is chosen about a machine besides its processor.
#[derive(Clone, Copy, Debug)]
pub struct MachineConfig {
    /// The size of the program's pages.
    pub pages: Pages,
    /// The size of its memory.
    pub ram: ByteSize,
}

/// One processor, its memory, and one process whose memory appears on demand.
#[derive(Debug)]
pub struct Machine {
    pub(super) manager: MemoryManager,
    process: Process,
    pub(super) mmu: TimedMmu<WalkLog>,
    page_fault: Cycles,
}

impl Machine {
    /// The longest access that is made at once; longer ones are made page by page, so that
    /// no line and no page is touched twice.
    const MAX_PIECE: u32 = 4096;

    /// A machine that has run nothing yet. All of user space is committed to the process,
    /// since a trace does not say what its program had allocated.
    ///
    /// # Errors
    /// [`SimError`] if the processor or the memory cannot be built.
    pub fn new(preset: &Preset, config: MachineConfig) -> Result<Self, SimError> {
        let MachineConfig { pages, ram } = config;
        let pages = PageSize::from(pages);
        let bits = preset.features.physical_address_width();
        if ram.0 > 1 << bits {
            let cpu = preset.name.clone();
            return Err(SimError::RamBeyondWidth { ram, bits, cpu });
        }
        if pages == PageSize::Size1GiB && !preset.features.has(Feature::PAGES_1_GIB) {
            let cpu = preset.name.clone();
            return Err(SimError::NoSuchPages { pages, cpu });
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
            WalkLog::new(pages),
        )?;
        Ok(Self {
            manager,
            process,
            mmu,
            page_fault: preset.timed.software.page_fault,
        })
    }

    /// Makes one access of the program.
    ///
    /// # Errors
    /// [`AccessError`] if it cannot be made.
    #[inline]
    pub fn access(&mut self, record: &Record) -> Result<(), AccessError> {
        if record.kind == RecordKind::Fetch {
            self.mmu.observer_mut().at_instruction(record.address);
        }
        if record.size <= Self::MAX_PIECE {
            return self.access_piece(record.address, record.size, record);
        }
        let mut done = 0;
        while done < record.size {
            let address = record.address.wrapping_add(done.into());
            let size = (record.size - done).min(left_of_page(address));
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

/// The bytes from an address to the end of its 4-KiB page.
fn left_of_page(address: VirtAddr) -> u32 {
    let page = PageSize::Size4KiB;
    let left = page.bytes() - address.offset_in(page);
    u32::try_from(left).unwrap_or(Machine::MAX_PIECE)
}

#[cfg(test)]
mod tests {
    use cache::{CacheId, Request};

    use super::*;

    #[test]
    fn a_long_access_touches_every_line_and_page_once() {
        let preset = Preset::load("golden-cove").unwrap();
        let config = MachineConfig {
            pages: Pages::Size4KiB,
            ram: ByteSize(1 << 20),
        };
        let mut machine = Machine::new(&preset, config).unwrap();
        let record = Record {
            kind: RecordKind::Load,
            address: VirtAddr::new(0x1001),
            size: 8192,
        };
        machine.access(&record).unwrap();
        let counters = machine.mmu.cost().caches().counters();
        let of = |count: fn(&cache::Counters, CacheId, Request) -> u64| {
            count(counters, CacheId::L1d, Request::Read)
        };
        assert_eq!(of(cache::Counters::hits) + of(cache::Counters::misses), 129);
        let faults = machine.manager.counters();
        assert_eq!(faults.demand_zero_faults(PageSize::Size4KiB), 3);
        let lookups = machine.mmu.cache().tlbs().lookups(tlb::Stream::Load);
        // One that faults and one that does not, for each page.
        assert_eq!(lookups.total, 2 * 3);
    }
}
