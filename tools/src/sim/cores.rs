//! The processors of a machine, and what they tell each other.

use memory_manager::shootdown::CEILING;
use mmu_core::{Breakdown, Cycles, Ram, Registers, VirtAddr};

use super::{MachineConfig, SimError, port, processor::Processor};
use crate::preset::Preset;

/// The interrupts that make processors drop what they may have cached of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shootdowns {
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// Translations of a process that no processor may use any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stale {
    pub(super) process: usize,
    pub(super) addresses: Vec<VirtAddr>,
}

/// What the processors of a machine forgot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Forgotten {
    /// Times that any of them had to.
    pub(super) shootdowns: u64,
    /// Processors that were interrupted.
    pub(super) interrupts: u64,
    /// Addresses that processors forgot one by one.
    pub(super) invalidations: u64,
    /// Times that a processor dropped all of a process, since it was asked for too much.
    pub(super) drops: u64,
}

/// Processors, and the address spaces that they run.
#[derive(Debug)]
pub(super) struct Cores {
    all: Vec<Processor>,
    /// Of each process.
    spaces: Vec<Registers>,
    shootdowns: Vec<Shootdowns>,
    forgotten: Forgotten,
}

impl Cores {
    /// Processor `n` begins with process `n`, and again from the first on.
    pub(super) fn new(
        preset: &Preset,
        config: MachineConfig,
        spaces: Vec<Registers>,
    ) -> Result<Self, SimError> {
        let ports = port::all(preset, config)?.into_iter().enumerate();
        let all = ports.map(|(number, port)| {
            let first = number % spaces.len();
            Processor::new(preset, config, &spaces, first, port)
        });
        let all = all.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            shootdowns: vec![Shootdowns::default(); all.len()],
            forgotten: Forgotten::default(),
            all,
            spaces,
        })
    }

    pub(super) fn all(&self) -> &[Processor] {
        &self.all
    }

    pub(super) fn one(&mut self, number: usize) -> &mut Processor {
        &mut self.all[number]
    }

    pub(super) fn processes(&self) -> usize {
        self.spaces.len()
    }

    /// The interrupts of each processor.
    pub(super) fn shootdowns(&self) -> &[Shootdowns] {
        &self.shootdowns
    }

    /// What was forgotten address by address.
    pub(super) fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// What all of them spent.
    pub(super) fn cycles(&self) -> Breakdown {
        let each = self.all.iter().map(Processor::cycles);
        each.fold(Breakdown::default(), |sum, &cycles| sum + cycles)
    }

    /// What it is by the clock of the processor that has come farthest.
    pub(super) fn now(&self) -> Cycles {
        let each = self.all.iter().map(|processor| processor.cycles().total());
        each.max().unwrap_or_default()
    }

    /// Lets a processor go on with a thread of a process.
    pub(super) fn switch(
        &mut self,
        ram: &Ram,
        number: usize,
        process: usize,
    ) -> Result<(), SimError> {
        self.all[number].switch(ram, &self.spaces, process)
    }

    /// Makes every processor drop what it may have cached of a process.
    pub(super) fn drop_process(
        &mut self,
        ram: &Ram,
        initiator: usize,
        process: usize,
    ) -> Result<(), SimError> {
        let mut interrupted = 0;
        for (number, processor) in self.all.iter_mut().enumerate() {
            if !processor.may_remember(process) {
                continue;
            }
            if number != initiator {
                processor.take_interrupt();
                self.shootdowns[number].received += 1;
                interrupted += 1;
            }
            processor.drop_process(ram, &self.spaces, process)?;
        }
        self.wait_for(initiator, interrupted);
        Ok(())
    }

    /// Makes every processor forget what is stale, those that may remember any of it by one
    /// interrupt each.
    pub(super) fn forget(
        &mut self,
        ram: &Ram,
        initiator: usize,
        stale: &[Stale],
    ) -> Result<(), SimError> {
        let mut interrupted = 0;
        let before = self.forgotten;
        for (number, processor) in self.all.iter_mut().enumerate() {
            let mut is_interrupted = number == initiator;
            for Stale { process, addresses } in stale {
                if !processor.may_remember(*process) {
                    continue;
                }
                if !is_interrupted {
                    is_interrupted = true;
                    processor.take_interrupt();
                    self.shootdowns[number].received += 1;
                    interrupted += 1;
                }
                if addresses.len() > CEILING {
                    processor.drop_process(ram, &self.spaces, *process)?;
                    self.forgotten.drops += 1;
                } else {
                    processor.forget(*process, addresses)?;
                    self.forgotten.invalidations += addresses.len() as u64;
                }
            }
        }
        self.wait_for(initiator, interrupted);
        let forgotten = &mut self.forgotten;
        forgotten.interrupts += u64::from(interrupted);
        let is_told =
            (forgotten.drops, forgotten.invalidations) != (before.drops, before.invalidations);
        forgotten.shootdowns += u64::from(is_told);
        Ok(())
    }

    fn wait_for(&mut self, initiator: usize, interrupted: u32) {
        self.all[initiator].interrupt(interrupted);
        self.shootdowns[initiator].sent += u64::from(interrupted);
    }
}
