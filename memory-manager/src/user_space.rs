use std::collections::BTreeMap;

use mmu_core::{CpuFeatures, Level, ProcessorId, Regime, entry_address};

use crate::{
    AddressLayout, Privileges, ProcessDep, ProcessId, Status, ThreadId,
    kernel::Kernel,
    processor::SpaceRoot,
    pte::Pte,
    reset::ResetPages,
    self_map::{SELF_MAP, entry_of_itself},
    system::Usage,
    vad::Vad,
    vad_tree::VadTree,
    window::PhysicalPages,
    working_set::WorkingSet,
};

/// The address space of a process: its regions, and the page tables that realise them.
#[derive(Debug)]
pub(crate) struct UserSpace {
    pub(crate) process: ProcessId,
    pub(crate) root: SpaceRoot,
    pub(crate) regime: Regime,
    pub(crate) vads: VadTree,
    pub(crate) working_set: WorkingSet,
    pub(crate) reset_pages: ResetPages,
    pub(crate) usage: Usage,
    /// Frames that are its page tables, of all levels.
    pub(crate) tables: u64,
    pub(crate) privileges: Privileges,
    pub(crate) physical_pages: PhysicalPages,
    /// Where the PEB is.
    pub(crate) peb: Option<u64>,
    /// The threads, and where their TEBs are.
    pub(crate) threads: BTreeMap<ThreadId, u64>,
    /// The processor that it runs on, and those of its threads that have one of their own.
    pub(crate) processor: ProcessorId,
    pub(crate) processors: BTreeMap<ThreadId, ProcessorId>,
    pub(crate) layout: AddressLayout,
    pub(crate) dep: ProcessDep,
    /// Of Win32 calls that no thread of it is said to make.
    pub(crate) last_error: u32,
}

impl UserSpace {
    pub(crate) fn new(
        kernel: &mut Kernel,
        process: ProcessId,
        features: CpuFeatures,
        (layout, dep): (AddressLayout, ProcessDep),
    ) -> Result<Self, Status> {
        kernel.charge(1)?;
        let table = match kernel.physical.allocate() {
            Ok(table) => table,
            Err(status) => {
                kernel.commit.release(1);
                return Err(status);
            }
        };
        let root = kernel.processors.add_space(table);
        let registers = kernel.processors.registers(&root);
        let regime = Regime::new(&registers, features).map_err(|_| Status::InternalError)?;
        let slot = entry_address(table, Level::Pml4e, SELF_MAP);
        let own = Pte::from_bits(entry_of_itself(table).bits());
        kernel.physical.write_pte(slot, own)?;
        Ok(Self {
            process,
            root,
            regime,
            vads: VadTree::default(),
            working_set: WorkingSet::default(),
            reset_pages: ResetPages::default(),
            usage: Usage::default(),
            tables: 1,
            privileges: Privileges::empty(),
            physical_pages: PhysicalPages::new(),
            peb: None,
            threads: BTreeMap::new(),
            processor: ProcessorId::FIRST,
            processors: BTreeMap::new(),
            layout,
            dep,
            last_error: 0,
        })
    }

    /// Gives back what is left when there are no regions any more.
    pub(crate) fn close(mut self, kernel: &mut Kernel) -> Result<(), Status> {
        self.free_physical_pages(kernel);
        let slot = entry_address(self.root.table, Level::Pml4e, SELF_MAP);
        // The last entry that shows it takes the root along.
        kernel.physical.write_pte(slot, Pte::ZERO)?;
        kernel.leave(&self.root);
        kernel.commit.release(self.tables);
        Ok(())
    }

    /// The region that holds all of a range.
    ///
    /// # Errors
    /// The first status if its start is in no region, the second if its end is not in the
    /// same.
    pub(crate) fn region(
        &self,
        start: u64,
        end: u64,
        none: Status,
        beyond: Status,
    ) -> Result<&Vad, Status> {
        let vad = self.vads.find(start).ok_or(none)?;
        if end > vad.end { Err(beyond) } else { Ok(vad) }
    }
}
