use hashbrown::HashMap;
use memory_manager::{
    AccessError, CollapseError, MemoryManager, PagingLevels, Process, Protection,
};
use mmu_core::{Breakdown, Fault, Feature, PageSize, ProcessorId, TimedMmu, VirtAddr};

use super::{
    MachineConfig, Paging, Pcids, SimError,
    port::{Port, SharedCaches},
    processor::Processor,
    why::WalkLog,
};
use crate::{
    page_policy::PagePolicy,
    preset::Preset,
    trace::{Record, RecordKind},
};

/// The interrupts that make processors drop what they may have cached of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shootdowns {
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// Processors, their memory, and processes whose memory appears on demand.
#[derive(Debug)]
pub struct Machine {
    pub(super) manager: MemoryManager,
    processes: Vec<Process>,
    processors: Vec<Processor>,
    config: MachineConfig,
    shootdowns: Vec<Shootdowns>,
    /// Of each 2 MiB of a process, how many 4-KiB pages it has touched: for pages that become
    /// larger.
    touched: HashMap<(usize, u64), u32>,
    failed_collapses: u64,
}

impl Machine {
    /// The longest access that is made at once; longer ones are made page by page, so that
    /// no line and no page is touched twice.
    const MAX_PIECE: u32 = 4096;

    /// The most processes there can be: 12-bit PCIDs, and none of them 0.
    pub const MAX_PROCESSES: usize = 4095;

    /// A machine with so many processes that have run nothing yet. All of user space is
    /// committed to each, since a trace does not say what its program had allocated.
    /// Processor `n` begins with process `n`, and again from the first on.
    ///
    /// # Errors
    /// [`SimError`] if the processors or the memory cannot be built, or there are no or too
    /// many processes.
    pub fn new(preset: &Preset, config: MachineConfig, processes: usize) -> Result<Self, SimError> {
        check(preset, config, processes)?;
        let mut manager = MemoryManager::new(config.ram.0)?;
        let processes: Vec<_> = (0..processes)
            .map(|_| process(&mut manager, config))
            .collect::<Result<_, _>>()?;
        let ports = ports(preset, config)?.into_iter().enumerate();
        let processors = ports.map(|(number, port)| {
            let first = number % processes.len();
            Processor::new(preset, config, &processes, first, port)
        });
        let processors = processors.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            shootdowns: vec![Shootdowns::default(); processors.len()],
            processors,
            manager,
            processes,
            config,
            touched: HashMap::new(),
            failed_collapses: 0,
        })
    }

    /// Makes one access of the process that a processor runs.
    ///
    /// # Errors
    /// [`SimError`] or [`AccessError`] if it cannot be made.
    #[inline]
    pub fn access(&mut self, processor: usize, record: &Record) -> Result<(), MachineError> {
        if record.kind == RecordKind::Fetch {
            let log = self.processors[processor].mmu.observer_mut();
            log.at_instruction(record.address);
        }
        if record.size <= Self::MAX_PIECE {
            return self.access_piece(processor, record.address, record.size, record);
        }
        let mut done = 0;
        while done < record.size {
            let address = record.address.wrapping_add(done.into());
            let size = (record.size - done).min(left_of_page(address));
            self.access_piece(processor, address, size, record)?;
            done += size;
        }
        Ok(())
    }

    #[inline]
    fn access_piece(
        &mut self,
        processor: usize,
        address: VirtAddr,
        size: u32,
        record: &Record,
    ) -> Result<(), MachineError> {
        let runs = &mut self.processors[processor];
        let process = &self.processes[runs.current()];
        // An access reaches two pages at most.
        let mut faulted = [None; 2];
        let mut faults = 0;
        self.manager.access(process, |ram| {
            let done = runs.access(ram, address, size, record.kind);
            if let Err(Fault::Page(fault)) = &done {
                faulted[faults % 2] = Some(fault.address);
                faults += 1;
            }
            done
        })?;
        if faults > 0
            && let PagePolicy::Transparent { touched } = self.config.pages
        {
            for address in faulted.into_iter().flatten() {
                self.appeared(processor, address, touched)?;
            }
        }
        Ok(())
    }

    /// A small page has appeared; it may be time for a large one.
    #[cold]
    fn appeared(
        &mut self,
        processor: usize,
        address: VirtAddr,
        threshold: u32,
    ) -> Result<(), MachineError> {
        let process = self.processors[processor].current();
        let region = address.page_number(PageSize::Size2MiB);
        let count = self.touched.entry((process, region)).or_default();
        *count += 1;
        if *count == threshold {
            self.collapse(processor, process, address)?;
        }
        Ok(())
    }

    /// Makes a large page, unless there is no memory for one: then the small ones stay, and
    /// that is counted.
    fn collapse(
        &mut self,
        processor: usize,
        process: usize,
        address: VirtAddr,
    ) -> Result<(), MachineError> {
        let collapsed = match self.manager.collapse(&self.processes[process], address) {
            Ok(collapsed) => collapsed,
            Err(CollapseError::Tables(error)) => return Err(AccessError::from(error).into()),
            Err(_) => {
                self.failed_collapses += 1;
                return Ok(());
            }
        };
        self.processors[processor].collapse(&collapsed.copied);
        self.shoot_down(processor, process)?;
        Ok(())
    }

    /// Makes every processor drop what it may have cached of a process.
    fn shoot_down(&mut self, initiator: usize, process: usize) -> Result<(), SimError> {
        let ram = self.manager.ram();
        let mut interrupted = 0;
        for (number, processor) in self.processors.iter_mut().enumerate() {
            if !processor.may_remember(process) {
                continue;
            }
            if number != initiator {
                processor.take_interrupt();
                self.shootdowns[number].received += 1;
                interrupted += 1;
            }
            processor.drop_process(ram, &self.processes, process)?;
        }
        self.processors[initiator].interrupt(interrupted);
        self.shootdowns[initiator].sent += u64::from(interrupted);
        Ok(())
    }

    /// Lets a processor go on with a thread of a process.
    ///
    /// # Errors
    /// [`SimError::Register`] if its registers do not take the process's page tables.
    pub(super) fn switch(&mut self, processor: usize, process: usize) -> Result<(), SimError> {
        self.processors[processor].switch(self.manager.ram(), &self.processes, process)
    }

    pub(super) fn processors(&self) -> &[Processor] {
        &self.processors
    }

    /// The interrupts of each processor.
    pub(super) fn shootdowns(&self) -> &[Shootdowns] {
        &self.shootdowns
    }

    /// Large pages that could not be made for lack of memory.
    pub(super) fn failed_collapses(&self) -> u64 {
        self.failed_collapses
    }

    pub(super) fn config(&self) -> MachineConfig {
        self.config
    }

    pub(super) fn processes(&self) -> usize {
        self.processes.len()
    }

    pub(super) fn process(&self, number: usize) -> &Process {
        &self.processes[number]
    }

    /// The MMUs of its processors, all of one shape.
    pub(super) fn mmus(&self) -> impl Iterator<Item = &TimedMmu<WalkLog, Port>> {
        self.processors.iter().map(|processor| &processor.mmu)
    }

    /// Something of all processors, added up.
    pub(super) fn sum(&self, of: impl Fn(&TimedMmu<WalkLog, Port>) -> u64) -> u64 {
        self.mmus().map(of).sum()
    }

    /// The walks of all processors.
    pub(super) fn walk_log(&self) -> WalkLog {
        let mut log = WalkLog::new(self.config.pages.first_size(), self.processes.len());
        for mmu in self.mmus() {
            log.merge(mmu.observer());
        }
        log
    }

    /// What all processors spent.
    pub(super) fn cycles(&self) -> Breakdown {
        let each = self.processors.iter().map(Processor::cycles);
        each.fold(Breakdown::default(), |sum, &cycles| sum + cycles)
    }
}

/// Why a machine cannot make an access.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The access itself cannot be made.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The machine cannot do what it asks for.
    #[error(transparent)]
    Machine(#[from] SimError),
}

fn check(preset: &Preset, config: MachineConfig, processes: usize) -> Result<(), SimError> {
    let cpu = || preset.name.clone();
    let (bits, ram) = (preset.features.physical_address_width(), config.ram);
    if ram.0 > 1 << bits {
        return Err(SimError::RamBeyondWidth {
            ram,
            bits,
            cpu: cpu(),
        });
    }
    let pages = config.pages.first_size();
    if pages == PageSize::Size1GiB && !preset.features.has(Feature::PAGES_1_GIB) {
        return Err(SimError::NoSuchPages { pages, cpu: cpu() });
    }
    if config.window.get() > MachineConfig::WINDOW_MOST {
        return Err(SimError::Window(config.window));
    }
    if config.pcids == Pcids::On && !preset.features.has(Feature::PCID) {
        return Err(SimError::NoPcids { cpu: cpu() });
    }
    if config.paging == Paging::FiveLevel && !preset.features.has(Feature::LA57) {
        return Err(SimError::NoFiveLevels { cpu: cpu() });
    }
    if processes == 0 || processes > Machine::MAX_PROCESSES {
        return Err(SimError::Processes(processes));
    }
    Ok(())
}

fn process(manager: &mut MemoryManager, config: MachineConfig) -> Result<Process, SimError> {
    let ram = config.ram;
    let levels = PagingLevels::from(config.paging);
    let process = manager.create_process_with(levels);
    let mut process = process.map_err(|source| SimError::NoRoomForTables { ram, source })?;
    let committed = process.commit(
        VirtAddr::new(0),
        levels.user_end().as_u64(),
        config.pages.first_size(),
        Protection::ExecuteReadWrite,
    );
    debug_assert!(committed.is_ok(), "an empty address space has room");
    Ok(process)
}

/// The doors of the processors to their caches.
fn ports(preset: &Preset, config: MachineConfig) -> Result<Vec<Port>, SimError> {
    let shape = cache::HierarchyConfig {
        processors: config.processors.get(),
        ..preset.timed.caches
    };
    let system = cache::CacheSystem::new(&shape)?;
    let processors: Vec<ProcessorId> = system.processors().collect();
    if let [_] = *processors {
        return Ok(vec![Port::Own(Box::new(system))]);
    }
    let shared = SharedCaches::new(system);
    let ports = processors.into_iter();
    Ok(ports.map(|id| Port::Shared(id, shared.clone())).collect())
}

/// The bytes from an address to the end of its 4-KiB page.
fn left_of_page(address: VirtAddr) -> u32 {
    let page = PageSize::Size4KiB;
    let left = page.bytes() - address.offset_in(page);
    u32::try_from(left).unwrap_or(Machine::MAX_PIECE)
}

#[cfg(test)]
mod tests;
