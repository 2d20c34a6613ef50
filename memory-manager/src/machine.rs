use std::fs::File;

use mmu_core::{CpuFeatures, GeneralProtection, RamTooLarge, VirtAddr};

use crate::{
    AllocationType, Backing, Exception, FreeType, MemoryInformation, PageProtection, Range,
    SectionAttributes, SectionHandle, Status, ViewRequest, WatchFlags,
};

/// What a machine is made of and how its memory manager is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineConfig {
    /// Bytes of physical memory.
    pub ram_bytes: u64,
    /// The processor's features.
    pub features: CpuFeatures,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            ram_bytes: 1 << 30,
            features: CpuFeatures::default(),
        }
    }
}

/// A machine cannot be made so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// No x86 processor could address its memory.
    #[error(transparent)]
    Ram(#[from] RamTooLarge),
    /// Its processor cannot run it.
    #[error("the processor cannot page as the memory manager needs it: {0}")]
    Processor(#[from] GeneralProtection),
}

/// A process of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub(crate) u64);

/// A machine: physical memory, a processor's MMU, and the memory manager of NT with its
/// processes and sections.
#[derive(Debug)]
pub struct Machine {}

impl Machine {
    /// Whether the view that holds an address is one of a file.
    pub fn view_is_of_file(&self, process: ProcessId, address: VirtAddr) -> bool {
        let _ = (process, address);
        todo!()
    }

    /// A machine with no processes.
    pub fn new(config: &MachineConfig) -> Result<Self, MachineError> {
        let _ = config;
        todo!()
    }
    /// A process with an empty address space.
    pub fn create_process(&mut self) -> Result<ProcessId, Status> {
        todo!()
    }
    /// Ends a process.
    pub fn terminate_process(&mut self, process: ProcessId) -> Result<(), Status> {
        let _ = process;
        todo!()
    }
    /// `NtAllocateVirtualMemory`.
    pub fn virtual_alloc(
        &mut self,
        process: ProcessId,
        base: Option<VirtAddr>,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<Range, Status> {
        let _ = (process, base, size, kind, protection);
        todo!()
    }
    /// `NtFreeVirtualMemory`.
    pub fn virtual_free(
        &mut self,
        process: ProcessId,
        base: VirtAddr,
        size: u64,
        kind: FreeType,
    ) -> Result<Range, Status> {
        let _ = (process, base, size, kind);
        todo!()
    }
    /// `NtProtectVirtualMemory`.
    pub fn virtual_protect(
        &mut self,
        process: ProcessId,
        base: VirtAddr,
        size: u64,
        protection: PageProtection,
    ) -> Result<(Range, PageProtection), Status> {
        let _ = (process, base, size, protection);
        todo!()
    }
    /// `NtQueryVirtualMemory`.
    pub fn virtual_query(
        &self,
        process: ProcessId,
        address: VirtAddr,
    ) -> Result<MemoryInformation, Status> {
        let _ = (process, address);
        todo!()
    }
    /// `NtGetWriteWatch`: at most `limit` pages that were written, by address.
    pub fn get_write_watch(
        &mut self,
        process: ProcessId,
        base: VirtAddr,
        size: u64,
        flags: WatchFlags,
        limit: usize,
    ) -> Result<Vec<VirtAddr>, Status> {
        let _ = (process, base, size, flags, limit);
        todo!()
    }
    /// `NtResetWriteWatch`.
    pub fn reset_write_watch(
        &mut self,
        process: ProcessId,
        base: VirtAddr,
        size: u64,
    ) -> Result<(), Status> {
        let _ = (process, base, size);
        todo!()
    }
    /// `NtCreateSection`.
    pub fn create_section(
        &mut self,
        backing: Backing,
        protection: PageProtection,
        attributes: SectionAttributes,
        size: u64,
    ) -> Result<SectionHandle, Status> {
        let _ = (backing, protection, attributes, size);
        todo!()
    }
    /// Closes a section; its views stay.
    pub fn close_section(&mut self, section: SectionHandle) -> Result<(), Status> {
        let _ = section;
        todo!()
    }
    /// `NtMapViewOfSection`.
    pub fn map_view(
        &mut self,
        process: ProcessId,
        section: SectionHandle,
        request: &ViewRequest,
    ) -> Result<Range, Status> {
        let _ = (process, section, request);
        todo!()
    }
    /// `NtUnmapViewOfSection`.
    pub fn unmap_view(&mut self, process: ProcessId, address: VirtAddr) -> Result<Range, Status> {
        let _ = (process, address);
        todo!()
    }
    /// `NtFlushVirtualMemory`.
    pub fn flush_view(
        &mut self,
        process: ProcessId,
        base: VirtAddr,
        size: u64,
    ) -> Result<Range, Status> {
        let _ = (process, base, size);
        todo!()
    }
    /// Reads a file as it is through the views of it; the number of bytes that there were.
    pub fn read_file(
        &mut self,
        file: &File,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<usize, Status> {
        let _ = (file, offset, bytes);
        todo!()
    }
    /// Loads.
    pub fn read(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        bytes: &mut [u8],
    ) -> Result<(), Exception> {
        let _ = (process, address, bytes);
        todo!()
    }
    /// Stores.
    pub fn write(
        &mut self,
        process: ProcessId,
        address: VirtAddr,
        bytes: &[u8],
    ) -> Result<(), Exception> {
        let _ = (process, address, bytes);
        todo!()
    }
    /// Fetches one instruction byte.
    pub fn execute(&mut self, process: ProcessId, address: VirtAddr) -> Result<u8, Exception> {
        let _ = (process, address);
        todo!()
    }
}
