use memory_manager::demand::AccessError;
use mmu_core::{Breakdown, Cycles, Feature, PageSize, TimedMmu, VirtAddr};

use super::{
    MachineConfig, Paging, PagingError, Pcids, SimError,
    cores::{Cores, Shootdowns},
    demand::Demand,
    memory::{Footprint, Memory, Piece},
    paged::{Paged, Pause},
    port::Port,
    processor::Processor,
    why::WalkLog,
};
use crate::{
    preset::Preset,
    trace::{Record, RecordKind},
};

/// Processors, their memory, and processes whose memory appears on demand.
#[derive(Debug)]
pub struct Machine {
    memory: Memory,
    cores: Cores,
    config: MachineConfig,
}

impl Machine {
    /// The longest access that is made at once; longer ones are made page by page, so that
    /// no line and no page is touched twice.
    const MAX_PIECE: u32 = 4096;

    /// The most processes there can be: 12-bit PCIDs, and none of them 0.
    pub const MAX_PROCESSES: usize = 4095;

    /// A machine with so many processes that have run nothing yet. Processor `n` begins with
    /// process `n`, and again from the first on.
    ///
    /// # Errors
    /// [`SimError`] if the processors or the memory cannot be built, or there are no or too
    /// many processes.
    pub fn new(preset: &Preset, config: MachineConfig, processes: usize) -> Result<Self, SimError> {
        check(preset, config, processes)?;
        let memory = Memory::new(config, processes)?;
        Ok(Self {
            cores: Cores::new(preset, config, memory.spaces()?)?,
            memory,
            config,
        })
    }

    /// The process that a processor runs is about to make these accesses.
    #[inline]
    pub(super) fn foresee(&mut self, processor: usize, records: &[Record]) {
        let ram = self.memory.ram();
        self.cores.one(processor).foresee(ram, records);
    }

    /// Makes one access of the process that a processor runs.
    ///
    /// # Errors
    /// [`MachineError`] if it cannot be made.
    #[inline]
    pub fn access(&mut self, processor: usize, record: &Record) -> Result<(), MachineError> {
        self.note_instruction(processor, record);
        let first = piece(record, 0);
        self.memory.access(&mut self.cores, processor, first)?;
        if first.size < record.size {
            self.access_rest(processor, record, first.size)?;
        }
        self.memory.record_done(&self.cores);
        Ok(())
    }

    #[cold]
    fn access_rest(
        &mut self,
        processor: usize,
        record: &Record,
        mut done: u32,
    ) -> Result<(), MachineError> {
        while done < record.size {
            let piece = piece(record, done);
            self.memory.access(&mut self.cores, processor, piece)?;
            done += piece.size;
        }
        Ok(())
    }

    /// Makes one access of the process that a processor runs, or goes on with it, until it has to
    /// wait for a disk.
    ///
    /// # Errors
    /// As [`Machine::access`].
    pub(super) fn access_or_pause(
        &mut self,
        processor: usize,
        record: &Record,
        paused: Option<Paused>,
    ) -> Result<Option<Paused>, MachineError> {
        self.note_instruction(processor, record);
        let (mut done, mut pause) = match paused {
            Some(paused) => (paused.done, Some(paused.pause)),
            None => (0, None),
        };
        loop {
            let piece = piece(record, done);
            let cores = &mut self.cores;
            let pause = match &mut self.memory {
                Memory::Demand(demand) => demand.access(cores, processor, piece).map(|()| None),
                Memory::Paged(paged) => {
                    paged.access_or_pause(cores, processor, piece, pause.take())
                }
            };
            if let Some(pause) = pause? {
                return Ok(Some(Paused { done, pause }));
            }
            done += piece.size;
            if done >= record.size {
                break;
            }
        }
        self.memory.record_done(&self.cores);
        Ok(None)
    }

    /// The processor is at the instruction of a record, if that is one.
    #[inline]
    fn note_instruction(&mut self, processor: usize, record: &Record) {
        if record.kind == RecordKind::Fetch {
            let log = self.cores.one(processor).mmu.observer_mut();
            log.at_instruction(record.address);
        }
    }

    /// Lets a processor go on with a thread of a process.
    ///
    /// # Errors
    /// [`SimError::Register`] if its registers do not take the process's page tables.
    pub(super) fn switch(&mut self, processor: usize, process: usize) -> Result<(), SimError> {
        self.cores.switch(self.memory.ram(), processor, process)
    }

    /// Lets what the system does by itself happen that is due by now.
    ///
    /// # Errors
    /// [`MachineError::Paging`] if it cannot be done.
    #[inline]
    pub(super) fn let_time_pass(&mut self, processor: usize) -> Result<(), MachineError> {
        match &mut self.memory {
            Memory::Demand(_) => Ok(()),
            Memory::Paged(paged) => paged.let_time_pass(&mut self.cores, processor),
        }
    }

    /// From now on who waits for a disk is told ([`Machine::access_or_pause`],
    /// [`Machine::take_wait`]), and no processor waits by itself.
    pub(super) fn give_way(&mut self) {
        if let Memory::Paged(paged) = &mut self.memory {
            paged.give_way();
        }
    }

    /// Until when whoever made the last accesses waits for a disk, if he does.
    #[inline]
    pub(super) fn take_wait(&mut self) -> Option<Cycles> {
        match &mut self.memory {
            Memory::Demand(_) => None,
            Memory::Paged(paged) => paged.take_wait(),
        }
    }

    /// Notes that somebody waits, and whether another one runs meanwhile.
    pub(super) fn waits(&mut self, gives_way: bool) {
        if let Memory::Paged(paged) = &mut self.memory {
            paged.note_wait(gives_way);
        }
    }

    /// A processor has nothing to do for a time, since all who run on it wait for a disk.
    pub(super) fn idle(&mut self, processor: usize, cycles: Cycles) {
        self.cores.one(processor).wait_for_disks(cycles);
    }

    /// What a processor has spent.
    pub(super) fn clock(&self, processor: usize) -> Cycles {
        self.cores.all()[processor].cycles().total()
    }

    pub(super) fn processors(&self) -> &[Processor] {
        self.cores.all()
    }

    /// The interrupts of each processor.
    pub(super) fn shootdowns(&self) -> &[Shootdowns] {
        self.cores.shootdowns()
    }

    /// What its processes have used so far.
    pub(super) fn footprint(&self) -> Footprint {
        self.memory.footprint()
    }

    pub(super) fn config(&self) -> MachineConfig {
        self.config
    }

    pub(super) fn processes(&self) -> usize {
        self.cores.processes()
    }

    /// Its memory, if that appears on demand and stays.
    pub(super) fn on_demand(&self) -> Option<&Demand> {
        match &self.memory {
            Memory::Demand(demand) => Some(demand),
            Memory::Paged(_) => None,
        }
    }

    /// Its memory, if that goes to page files.
    pub(super) fn paged(&self) -> Option<(&Paged, &Cores)> {
        match &self.memory {
            Memory::Demand(_) => None,
            Memory::Paged(paged) => Some((paged, &self.cores)),
        }
    }

    /// The MMUs of its processors, all of one shape.
    pub(super) fn mmus(&self) -> impl Iterator<Item = &TimedMmu<WalkLog, Port>> {
        self.processors().iter().map(|processor| &processor.mmu)
    }

    /// Something of all processors, added up.
    pub(super) fn sum(&self, of: impl Fn(&TimedMmu<WalkLog, Port>) -> u64) -> u64 {
        self.mmus().map(of).sum()
    }

    /// The walks of all processors.
    pub(super) fn walk_log(&self) -> WalkLog {
        let mut log = WalkLog::new(self.config.pages.first_size(), self.processes());
        for mmu in self.mmus() {
            log.merge(mmu.observer());
        }
        log
    }

    /// What all processors spent.
    pub(super) fn cycles(&self) -> Breakdown {
        self.cores.cycles()
    }
}

/// An access that waits for a disk.
#[derive(Debug)]
pub(super) struct Paused {
    /// How many bytes of it were made.
    done: u32,
    pause: Pause,
}

/// What is made at once of an access of which so many bytes were made.
#[inline]
fn piece(record: &Record, done: u32) -> Piece {
    let address = record.address.wrapping_add(done.into());
    let size = if record.size <= Machine::MAX_PIECE {
        record.size
    } else {
        (record.size - done).min(left_of_page(address))
    };
    Piece {
        address,
        size,
        kind: record.kind,
    }
}

/// Why a machine cannot make an access.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The access itself cannot be made.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Memory cannot be paged for it.
    #[error(transparent)]
    Paging(#[from] PagingError),
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
    if config.page_file.is_some() && !config.is_pageable() {
        return Err(SimError::NotPageable);
    }
    if processes == 0 || processes > Machine::MAX_PROCESSES {
        return Err(SimError::Processes(processes));
    }
    Ok(())
}

/// The bytes from an address to the end of its 4-KiB page.
fn left_of_page(address: VirtAddr) -> u32 {
    let page = PageSize::Size4KiB;
    let left = page.bytes() - address.offset_in(page);
    u32::try_from(left).unwrap_or(Machine::MAX_PIECE)
}

#[cfg(test)]
mod tests;
