//! Memory under pressure: the memory manager in the manner of Windows NT, which lets pages go to
//! a page file.

mod counts;
mod disk_queue;
mod error;
mod faults;
mod timeline;

use memory_manager::{AllocationType, IoOwner, PageProtection, ProcessId, SHARED_DATA, Status};
use mmu_core::{Cycles, Invalidation, PageSize, PhysAddr, Ram, Registers, VirtAddr};

use super::{
    MachineConfig, MachineError, PageFile, PageFilePlace, SimError, Waits,
    cores::{Cores, Stale},
    memory::Footprint,
};
pub(super) use counts::Counts;
use disk_queue::DiskQueue;
pub use error::PagingError;
pub(super) use error::{told, too_long};
pub(super) use faults::Pause;
pub(super) use timeline::{Interval, Timeline};

/// Where a program can have memory: user space but its first and its last 64 KiB, and those
/// that the system's page for all processes lies in.
const PLACES: [(u64, u64); 2] = [
    (0x1_0000, SHARED_DATA),
    (SHARED_DATA + 0x1_0000, 0x7fff_fffe_0000),
];

/// Processes whose memory goes to a page file when there is no more.
#[derive(Debug)]
pub(super) struct Paged {
    machine: memory_manager::Machine,
    config: MachineConfig,
    processes: Vec<ProcessId>,
    faults: u64,
    ticks: u64,
    /// How often somebody waited for the disk while another one ran.
    given_way: u64,
    /// The cycles of a second.
    second: u64,
    next_tick: Cycles,
    disk: DiskQueue,
    place: PageFilePlace,
    /// What the disk had cost before the run, which is no part of it.
    before: Cycles,
    timeline: Timeline,
}

impl Paged {
    pub(super) fn new(
        config: MachineConfig,
        page_file: PageFile,
        processes: usize,
    ) -> Result<Self, SimError> {
        let mut machine = memory_manager::Machine::new(&memory_manager::MachineConfig {
            ram_bytes: config.ram.0,
            disk: page_file.disk,
            ..memory_manager::MachineConfig::default()
        })?;
        let made = match page_file.place {
            PageFilePlace::Temporary => {
                let file = tempfile::tempfile();
                let file = file.map_err(|cause| SimError::TemporaryFile { cause })?;
                machine.add_page_file(Box::new(file), page_file.size)
            }
            PageFilePlace::At(path) => machine.create_page_file(path, page_file.size),
        };
        let place = page_file.place;
        made.map_err(|cause| SimError::PageFile { place, cause })?;
        machine.record_invalidations();
        let processes = (0..processes).map(|_| {
            let made = process(&mut machine);
            made.map_err(|status| match status {
                Status::NoMemory | Status::CommitmentLimit => SimError::NoRoomForTables(config.ram),
                status => SimError::NoProcess(status),
            })
        });
        let processes = processes.collect::<Result<_, _>>()?;
        // What was there before the run is no part of it.
        let _ = machine.take_invalidations();
        let second = page_file.disk.core_mhz.max(1) * 1_000_000;
        Ok(Self {
            disk: DiskQueue::default(),
            place: page_file.place,
            before: machine.disk_counters(IoOwner::PageFile).cycles,
            machine,
            config,
            processes,
            faults: 0,
            ticks: 0,
            given_way: 0,
            second,
            next_tick: Cycles::new(second),
            timeline: Timeline::default(),
        })
    }

    pub(super) fn ram(&self) -> &Ram {
        self.machine.ram()
    }

    pub(super) fn cycles_per_second(&self) -> u64 {
        self.second
    }

    pub(super) fn spaces(&self) -> Result<Vec<Registers>, SimError> {
        let roots = self.processes.iter().map(|&process| {
            let registers = self.machine.registers(process);
            let cr3 = registers.map_err(SimError::NoProcess)?.cr3;
            let table = PhysAddr::new(cr3 & !(PageSize::Size4KiB.bytes() - 1));
            Ok(Registers::four_level(table))
        });
        roots.collect()
    }

    pub(super) fn footprint(&self) -> Footprint {
        let demand_zero = self.machine.fault_counters().demand_zero;
        let mut pages = [0; PageSize::ALL.len()];
        pages[PageSize::Size4KiB.index()] = demand_zero;
        let tables = self.processes.iter();
        let tables = tables.map(|&process| self.machine.page_table_size(process).unwrap_or(0));
        Footprint {
            pages,
            page_tables: tables.sum::<u64>() / PageSize::Size4KiB.bytes(),
            demand_zero,
            collapses: 0,
            failed_collapses: 0,
        }
    }

    #[cold]
    fn refused(&self, status: Status) -> MachineError {
        let failures = self.machine.disk_counters(IoOwner::PageFile).failures;
        let ram = self.config.ram;
        let error = match status {
            Status::CommitmentLimit => match self.machine.page_file_refusal() {
                Some(cause) => PagingError::NotGrown {
                    place: self.place,
                    cause,
                },
                None => PagingError::Full(ram),
            },
            _ if failures > 0 => PagingError::Disk {
                failures,
                place: self.place,
            },
            Status::NoMemory | Status::InsufficientResources => PagingError::NoFrame(ram),
            status => PagingError::Refused(status),
        };
        error.into()
    }

    /// Lets a processor wait for what the disk did on its behalf, and all of them forget what is
    /// stale.
    fn settle(&mut self, cores: &mut Cores, number: usize) -> Result<(), MachineError> {
        let work = self.disk_work();
        self.disk.work(work, cores.one(number));
        let stale = stale(self.machine.take_invalidations());
        if !stale.is_empty() {
            cores.forget(self.machine.ram(), number, &stale)?;
        }
        Ok(())
    }

    /// What the disk has done so far.
    fn disk_work(&self) -> Cycles {
        self.machine.disk_counters(IoOwner::PageFile).cycles - self.before
    }

    /// From now on processors do not wait for the disk, and those are told who have to.
    pub(super) fn give_way(&mut self) {
        self.disk.waits = Waits::GiveWay;
    }

    /// Until when whoever ran last has to wait for the disk, if he has.
    #[inline]
    pub(super) fn take_wait(&mut self) -> Option<Cycles> {
        self.disk.until.take()
    }

    /// Notes that somebody waits, and whether another one runs meanwhile.
    pub(super) fn note_wait(&mut self, gives_way: bool) {
        self.given_way += u64::from(gives_way);
    }

    /// Lets the memory manager look at what was used, once for each second that has passed.
    pub(super) fn let_time_pass(
        &mut self,
        cores: &mut Cores,
        number: usize,
    ) -> Result<(), MachineError> {
        if cores.now() < self.next_tick {
            return Ok(());
        }
        let ticked = self.machine.tick();
        ticked.map_err(|status| self.refused(status))?;
        self.ticks += 1;
        self.settle(cores, number)?;
        // Of the seconds of one long wait, only one is noticed.
        let seconds = cores.now().as_u64() / self.second;
        self.next_tick = Cycles::new((seconds + 1) * self.second);
        Ok(())
    }

    #[inline]
    pub(super) fn record_done(&mut self, cores: &Cores) {
        if self.timeline.record_done() {
            let now = (self.counts(cores), cores.cycles());
            self.timeline.mark(now);
        }
    }

    /// What it came to so far.
    pub(super) fn counts(&self, cores: &Cores) -> Counts {
        let faults = self.machine.fault_counters();
        let sets = self.machine.working_set_counters();
        let disk = self.machine.disk_counters(IoOwner::PageFile);
        let forgotten = cores.forgotten();
        let page = PageSize::Size4KiB.bytes();
        Counts {
            faults: self.faults,
            demand_zero: faults.demand_zero,
            soft: faults.soft,
            hard: faults.hard,
            collided: faults.collided,
            trimmed: sets.trimmed + sets.swapped + sets.replaced,
            reads: disk.reads,
            pages_read: disk.bytes_read / page,
            writes: disk.writes,
            pages_written: disk.bytes_written / page,
            disk_busy_cycles: self.disk_work().as_u64(),
            given_way: self.given_way,
            ticks: self.ticks,
            shootdowns: forgotten.shootdowns,
            interrupts: forgotten.interrupts,
            invalidations: forgotten.invalidations,
            drops: forgotten.drops,
        }
    }

    /// The run in parts.
    pub(super) fn intervals(&self, cores: &Cores) -> Vec<Interval> {
        let now = (self.counts(cores), cores.cycles());
        self.timeline.intervals(now)
    }
}

/// A process, all of whose memory is reserved.
fn process(machine: &mut memory_manager::Machine) -> Result<ProcessId, Status> {
    let process = machine.create_process()?;
    for (start, end) in PLACES {
        machine.virtual_alloc(
            process,
            Some(VirtAddr::new(start)),
            end - start,
            AllocationType::RESERVE,
            PageProtection::EXECUTE_READWRITE,
        )?;
    }
    Ok(process)
}

/// What is stale of each process. The memory manager gives PCIDs to processes in their order,
/// which are enough for all that there can be: they tell whose an address is.
fn stale(invalidations: Vec<Invalidation>) -> Vec<Stale> {
    let mut all: Vec<Stale> = Vec::new();
    for invalidation in invalidations {
        let Invalidation::Invpcid { descriptor, .. } = invalidation else {
            debug_assert!(false, "every process has a PCID");
            continue;
        };
        let process = (descriptor & 0xfff) as usize - 1;
        let address = VirtAddr::new((descriptor >> 64) as u64);
        match all.iter_mut().find(|stale| stale.process == process) {
            Some(stale) => stale.addresses.push(address),
            None => all.push(Stale {
                process,
                addresses: vec![address],
            }),
        }
    }
    all
}
