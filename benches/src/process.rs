use memory_manager::{
    AllocationType, Backing, Machine, MachineConfig, PageProtection, ProcessId, SectionAttributes,
    SectionHandle, ViewRequest,
};
use mmu_core::VirtAddr;

/// A process in a machine of its own, with a page-file section.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) machine: Machine,
    pub(crate) process: ProcessId,
    pub(crate) section: SectionHandle,
}

impl Program {
    /// With a section of so many bytes.
    ///
    /// # Panics
    /// If there is no memory for it.
    pub(crate) fn new(bytes: u64) -> Self {
        let mut machine = Machine::new(&MachineConfig::default()).expect("there is such a machine");
        let process = machine.create_process().expect("there is memory for it");
        let section = machine.create_section(
            Backing::PageFile,
            PageProtection::READWRITE,
            SectionAttributes::COMMIT,
            bytes,
        );
        Self {
            machine,
            process,
            section: section.expect("there is memory for it"),
        }
    }

    /// Allocates memory that can be written.
    ///
    /// # Panics
    /// If there is no room.
    #[inline]
    pub(crate) fn allocate(&mut self, base: Option<VirtAddr>, bytes: u64) -> VirtAddr {
        let kind = AllocationType::RESERVE | AllocationType::COMMIT;
        let protection = PageProtection::READWRITE;
        let made = self
            .machine
            .virtual_alloc(self.process, base, bytes, kind, protection);
        made.expect("there is room").base
    }

    /// Maps the first bytes of the section.
    ///
    /// # Panics
    /// If there is no room.
    #[inline]
    pub(crate) fn map(
        &mut self,
        base: Option<VirtAddr>,
        bytes: u64,
        protection: PageProtection,
    ) -> VirtAddr {
        let request = ViewRequest {
            base,
            offset: 0,
            size: bytes,
            commit: 0,
            protection,
        };
        let mapped = self.machine.map_view(self.process, self.section, &request);
        mapped.expect("there is room").range.base
    }
}
