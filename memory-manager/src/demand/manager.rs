use mmu_core::{
    BusError, Cause, Entry, ErrorCode, Fault, PageFault, PageSize, PhysAddr, Ram, RamTooLarge,
    entry_address,
};

use crate::demand::{
    AccessError, FrameAllocator, OutOfMemory, PagingLevels, Process, ServiceError,
    address_space::Region,
};

mod collapse;

pub use collapse::{CollapseError, Collapsed};

/// How often one access may fault: once for each of the pages it can reach, and as often
/// again for a processor that still had an old translation.
const MAX_FAULTS_PER_ACCESS: u32 = 8;

/// What a memory manager did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    demand_zero_faults: [u64; PageSize::ALL.len()],
    pages: [u64; PageSize::ALL.len()],
    page_tables: u64,
    collapses: u64,
}

impl Counters {
    /// Page faults that were serviced with a zeroed page of this size.
    pub fn demand_zero_faults(&self, size: PageSize) -> u64 {
        self.demand_zero_faults[size.index()]
    }

    /// Pages of this size that there are.
    pub fn pages(&self, size: PageSize) -> u64 {
        self.pages[size.index()]
    }

    /// Frames in use as page tables, of every level.
    pub fn page_tables(&self) -> u64 {
        self.page_tables
    }

    /// Large pages that were made of small ones.
    pub fn collapses(&self) -> u64 {
        self.collapses
    }
}

/// The memory manager of one machine.
#[derive(Debug)]
pub struct MemoryManager {
    ram: Ram,
    total_bytes: u64,
    frames: FrameAllocator,
    counters: Counters,
}

impl MemoryManager {
    /// The manager of a machine with so many bytes of memory.
    ///
    /// # Errors
    /// [`RamTooLarge`] if no x86 processor could address it.
    pub fn new(bytes: u64) -> Result<Self, RamTooLarge> {
        Ok(Self {
            ram: Ram::new(bytes)?,
            total_bytes: bytes,
            frames: FrameAllocator::new(bytes),
            counters: Counters::default(),
        })
    }

    /// The machine's memory.
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// What was done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A new process under 4-level paging with nothing committed.
    ///
    /// # Errors
    /// [`OutOfMemory`] if there is no frame for its first table.
    pub fn create_process(&mut self) -> Result<Process, OutOfMemory> {
        self.create_process_with(PagingLevels::Four)
    }

    /// A new process with nothing committed.
    ///
    /// # Errors
    /// As [`MemoryManager::create_process`].
    pub fn create_process_with(&mut self, levels: PagingLevels) -> Result<Process, OutOfMemory> {
        Ok(Process::new(self.allocate_table()?, levels))
    }

    /// Makes an access of a process: tries it, services the page faults that it raises, and
    /// tries again.
    ///
    /// # Errors
    /// [`AccessError`] if a fault cannot be serviced, or is not a page fault.
    #[inline]
    pub fn access<R>(
        &mut self,
        process: &Process,
        mut attempt: impl FnMut(&Ram) -> Result<R, Fault>,
    ) -> Result<R, AccessError> {
        match attempt(&self.ram) {
            Ok(done) => Ok(done),
            Err(fault) => self.retry(process, fault, attempt),
        }
    }

    /// Services the fault of an attempt at an access, and tries it again, as
    /// [`MemoryManager::access`] does.
    ///
    /// # Errors
    /// [`AccessError`] if a fault cannot be serviced, or is not a page fault.
    #[cold]
    pub fn retry<R>(
        &mut self,
        process: &Process,
        mut fault: Fault,
        mut attempt: impl FnMut(&Ram) -> Result<R, Fault>,
    ) -> Result<R, AccessError> {
        for _ in 0..MAX_FAULTS_PER_ACCESS {
            let Fault::Page(page_fault) = fault else {
                return Err(AccessError::Fault(fault));
            };
            self.service(process, &page_fault)?;
            match attempt(&self.ram) {
                Ok(done) => return Ok(done),
                Err(next) => fault = next,
            }
        }
        Err(match fault {
            Fault::Page(fault) => AccessError::StillFaulting(fault),
            other => AccessError::Fault(other),
        })
    }

    /// Services a page fault of a process: gives it the page that it touched. What is
    /// missing is what the tables say now, not what they said when the fault was raised:
    /// another processor's fault may have been serviced since.
    ///
    /// # Errors
    /// [`ServiceError`] if the process may not touch the page so, or no memory is left; the
    /// tables are in order then, and the fault may be serviced later.
    pub fn service(&mut self, process: &Process, fault: &PageFault) -> Result<(), ServiceError> {
        let violation = ServiceError::AccessViolation(*fault);
        let region = process.space.region(fault.address).ok_or(violation)?;
        if fault.cause == Cause::ReservedBit || !region.protection.allows(fault.error_code) {
            return Err(violation);
        }
        match process.regime().inspect(&self.ram, fault.address) {
            Ok(_) if fault.cause == Cause::NotPresent => Ok(()),
            Err(Fault::Page(missing)) if missing.cause == Cause::NotPresent => {
                self.give_page(&missing, fault.error_code, region)
            }
            _ => Err(violation),
        }
    }

    /// Puts a zeroed page, and the tables that are missing on the way to it, where the walk
    /// ended.
    fn give_page(
        &mut self,
        missing: &PageFault,
        access: ErrorCode,
        region: Region,
    ) -> Result<(), ServiceError> {
        let size = region.page_size;
        let (mut level, mut place) = (missing.level, missing.entry_address);
        while let Some(below) = level.below().filter(|_| level > size.level()) {
            let table = self.allocate_table()?;
            self.write_entry(place, Entry::table(table) | Entry::ACCESSED)?;
            place = entry_address(table, below, missing.address);
            level = below;
        }
        let page = self.allocate(size)?;
        let mut flags = region.protection.entry_flags() | Entry::ACCESSED;
        flags.set(Entry::DIRTY, access.contains(ErrorCode::WRITE));
        self.write_entry(place, Entry::page(page, size, flags))?;
        self.counters.demand_zero_faults[size.index()] += 1;
        self.counters.pages[size.index()] += 1;
        Ok(())
    }

    fn allocate_table(&mut self) -> Result<PhysAddr, OutOfMemory> {
        let table = self.allocate(PageSize::Size4KiB)?;
        self.counters.page_tables += 1;
        Ok(table)
    }

    /// A frame of zeros: none was written yet, or it was given back as zeros.
    fn allocate(&mut self, size: PageSize) -> Result<PhysAddr, OutOfMemory> {
        self.frames.allocate(size).ok_or(OutOfMemory {
            size,
            total_bytes: self.total_bytes,
        })
    }

    /// Gives a frame back.
    fn free(&mut self, frame: PhysAddr, size: PageSize) -> Result<(), BusError> {
        for part in (0..size.bytes()).step_by(4096) {
            self.ram.zero_frame(frame.wrapping_add(part))?;
        }
        self.frames.free(frame, size);
        Ok(())
    }

    fn write_entry(&self, at: PhysAddr, entry: Entry) -> Result<(), BusError> {
        self.ram.write(at, &entry.bits().to_le_bytes())
    }
}

#[cfg(test)]
mod tests;
