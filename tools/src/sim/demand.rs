//! Memory that appears on demand, and stays.

use hashbrown::HashMap;
use memory_manager::demand::{
    AccessError, CollapseError, MemoryManager, PagingLevels, Process, Protection,
};
use mmu_core::{Fault, PageSize, Ram, Registers, VirtAddr};

use super::{
    MachineConfig, MachineError, SimError,
    cores::Cores,
    memory::{Footprint, Piece},
};
use crate::page_policy::PagePolicy;

/// Processes whose memory appears on demand, as long as there is any.
#[derive(Debug)]
pub(super) struct Demand {
    manager: MemoryManager,
    processes: Vec<Process>,
    pages: PagePolicy,
    /// Of each 2 MiB of a process, how many 4-KiB pages it has touched: for pages that become
    /// larger.
    touched: HashMap<(usize, u64), u32>,
    failed_collapses: u64,
}

impl Demand {
    /// All of user space is committed to each process, since a trace does not say what its
    /// program had allocated.
    pub(super) fn new(config: MachineConfig, processes: usize) -> Result<Self, SimError> {
        let mut manager = MemoryManager::new(config.ram.0)?;
        let processes = (0..processes).map(|_| process(&mut manager, config));
        Ok(Self {
            processes: processes.collect::<Result<_, _>>()?,
            manager,
            pages: config.pages,
            touched: HashMap::new(),
            failed_collapses: 0,
        })
    }

    pub(super) fn ram(&self) -> &Ram {
        self.manager.ram()
    }

    pub(super) fn spaces(&self) -> Vec<Registers> {
        self.processes.iter().map(Process::registers).collect()
    }

    pub(super) fn processes(&self) -> &[Process] {
        &self.processes
    }

    pub(super) fn footprint(&self) -> Footprint {
        let counters = self.manager.counters();
        let sizes = PageSize::ALL.into_iter();
        Footprint {
            pages: PageSize::ALL.map(|size| counters.pages(size)),
            page_tables: counters.page_tables(),
            demand_zero: sizes.map(|size| counters.demand_zero_faults(size)).sum(),
            collapses: counters.collapses(),
            failed_collapses: self.failed_collapses,
        }
    }

    #[inline]
    pub(super) fn access(
        &mut self,
        cores: &mut Cores,
        number: usize,
        piece: Piece,
    ) -> Result<(), MachineError> {
        match cores.one(number).access(self.manager.ram(), piece) {
            Ok(()) => Ok(()),
            Err(fault) => self.access_again(cores, number, piece, fault),
        }
    }

    /// Services the fault of an access, and tries it again.
    #[cold]
    fn access_again(
        &mut self,
        cores: &mut Cores,
        number: usize,
        piece: Piece,
        fault: Fault,
    ) -> Result<(), MachineError> {
        let runs = cores.one(number);
        let process = &self.processes[runs.current()];
        // An access reaches two pages at most.
        let mut faulted = [None; 2];
        let mut faults = 0;
        let mut note = |fault: &Fault| {
            if let Fault::Page(fault) = fault {
                faulted[faults % 2] = Some(fault.address);
                faults += 1;
            }
        };
        note(&fault);
        self.manager.retry(process, fault, |ram| {
            let done = runs.access(ram, piece);
            done.inspect_err(&mut note)
        })?;
        if let PagePolicy::Transparent { touched } = self.pages {
            for address in faulted.into_iter().flatten() {
                self.appeared(cores, number, address, touched)?;
            }
        }
        Ok(())
    }

    /// A small page has appeared; it may be time for a large one.
    #[cold]
    fn appeared(
        &mut self,
        cores: &mut Cores,
        number: usize,
        address: VirtAddr,
        threshold: u32,
    ) -> Result<(), MachineError> {
        let process = cores.one(number).current();
        let region = address.page_number(PageSize::Size2MiB);
        let count = self.touched.entry((process, region)).or_default();
        *count += 1;
        if *count == threshold {
            self.collapse(cores, number, address)?;
        }
        Ok(())
    }

    /// Makes a large page, unless there is no memory for one: then the small ones stay, and
    /// that is counted.
    fn collapse(
        &mut self,
        cores: &mut Cores,
        number: usize,
        address: VirtAddr,
    ) -> Result<(), MachineError> {
        let process = cores.one(number).current();
        let collapsed = match self.manager.collapse(&self.processes[process], address) {
            Ok(collapsed) => collapsed,
            Err(CollapseError::Tables(error)) => return Err(AccessError::from(error).into()),
            Err(_) => {
                self.failed_collapses += 1;
                return Ok(());
            }
        };
        cores.one(number).collapse(&collapsed.copied);
        cores.drop_process(self.manager.ram(), number, process)?;
        Ok(())
    }
}

fn process(manager: &mut MemoryManager, config: MachineConfig) -> Result<Process, SimError> {
    let ram = config.ram;
    let levels = PagingLevels::from(config.paging);
    let process = manager.create_process_with(levels);
    let mut process = process.map_err(|_| SimError::NoRoomForTables(ram))?;
    let committed = process.commit(
        VirtAddr::new(0),
        levels.user_end().as_u64(),
        config.pages.first_size(),
        Protection::ExecuteReadWrite,
    );
    debug_assert!(committed.is_ok(), "an empty address space has room");
    Ok(process)
}
