use std::num::NonZeroU32;

use mmu_core::{
    Breakdown, Cr4, Cycles, Fault, Invalidation, Owner, PageSize, PhysAddr, PhysMem, PrivilegeMode,
    Ram, Registers, SoftwareCosts, TimedMmu, VirtAddr,
};

use super::{Pcids, SimError, config::MachineConfig, memory::Piece, port::Port, why::WalkLog};
use crate::{preset::Preset, trace::Record};

/// Bit 63 of the operand of MOV to CR3: keep what is cached of the new PCID.
const KEEP: u64 = 1 << 63;

/// INVPCID of one address of a PCID, and of all of it.
const ONE_ADDRESS: u64 = 0;
const SINGLE_CONTEXT: u64 = 1;

/// One of a machine's processors, and what its operating system knows of it.
#[derive(Debug)]
pub(super) struct Processor {
    pub(super) mmu: TimedMmu<WalkLog, Port>,
    costs: SoftwareCosts,
    /// What a page fault costs, with the zeroing of the whole page.
    page_fault: Cycles,
    pcids: Pcids,
    /// The process whose page tables CR3 has.
    current: usize,
    /// The processes of which translations may be cached here.
    remembers: Vec<bool>,
    /// None if one access is done before the next starts.
    overlap: Option<mmu_core::Overlap>,
}

impl Processor {
    pub(super) fn new(
        preset: &Preset,
        config: MachineConfig,
        spaces: &[Registers],
        first: usize,
        port: Port,
    ) -> Result<Self, SimError> {
        let mut registers = spaces[first];
        if config.pcids == Pcids::On {
            registers.cr4 |= Cr4::PCID_ENABLE;
            registers.cr3 |= pcid(first);
        }
        let timed = &preset.timed;
        let mut log = WalkLog::new(config.pages.first_size(), spaces.len());
        log.at_process(first);
        let mmu = TimedMmu::timed_with(preset.features, registers, timed, port, log)?;
        let mut remembers = vec![false; spaces.len()];
        remembers[first] = true;
        let walkers = NonZeroU32::new(timed.walkers.count).unwrap_or(NonZeroU32::MIN);
        let overlaps = config.window > NonZeroU32::MIN;
        let costs = timed.software;
        let frames = config.pages.first_size().bytes() / PageSize::Size4KiB.bytes();
        Ok(Self {
            mmu,
            costs,
            page_fault: costs.page_fault + costs.zero_frame * (frames - 1),
            pcids: config.pcids,
            current: first,
            remembers,
            overlap: overlaps.then(|| mmu_core::Overlap::new(config.window, walkers)),
        })
    }

    /// Accesses of the current process are about to be tried.
    #[inline]
    pub(super) fn foresee(&mut self, ram: &Ram, records: &[Record]) {
        let addresses = records.iter().map(|record| record.address);
        self.mmu.foresee(ram, addresses);
    }

    /// Tries an access of the current process.
    #[inline]
    pub(super) fn access(&mut self, ram: &Ram, piece: Piece) -> Result<(), Fault> {
        if self.overlap.is_some() {
            return self.access_overlapping(ram, piece);
        }
        self.access_alone(ram, piece).map(|_| ())
    }

    #[inline]
    fn access_alone(&mut self, ram: &Ram, piece: Piece) -> Result<PhysAddr, Fault> {
        let Piece {
            address,
            size,
            kind,
        } = piece;
        let (kind, mode) = (kind.access(), PrivilegeMode::User);
        match self.mmu.access(ram, address, size, kind, mode) {
            Ok(span) => Ok(span.first.translation.page()),
            Err(fault) => {
                if let Fault::Page(_) = fault {
                    self.mmu.charge(Owner::Fault, self.page_fault);
                }
                Err(fault)
            }
        }
    }

    #[inline(never)]
    fn access_overlapping(&mut self, ram: &Ram, piece: Piece) -> Result<(), Fault> {
        let before = *self.mmu.spent();
        let done = self.access_alone(ram, piece);
        let page = done.unwrap_or_default();
        self.account(before, page);
        done.map(|_| ())
    }

    /// Does something of the operating system's, which overlaps with nothing.
    fn by_itself(&mut self, act: impl FnOnce(&mut Self)) {
        let before = *self.mmu.spent();
        act(self);
        self.account(before, PhysAddr::default());
    }

    fn account(&mut self, before: Breakdown, page: PhysAddr) {
        if let Some(overlap) = &mut self.overlap {
            overlap.account(&(*self.mmu.spent() - before), page);
        }
    }

    /// Its cycles so far, each with an owner.
    pub(super) fn cycles(&self) -> &Breakdown {
        let waited = self.overlap.as_ref().map(mmu_core::Overlap::waited);
        waited.unwrap_or_else(|| self.mmu.spent())
    }

    /// Walks that an access found under way.
    pub(super) fn merged_walks(&self) -> u64 {
        let overlap = self.overlap.as_ref();
        overlap.map_or(0, mmu_core::Overlap::merged_walks)
    }

    /// Goes on with a thread, perhaps of another process.
    pub(super) fn switch(
        &mut self,
        memory: &impl PhysMem,
        spaces: &[Registers],
        to: usize,
    ) -> Result<(), SimError> {
        let mut written = Ok(());
        self.by_itself(|this| {
            this.mmu
                .charge(Owner::ContextSwitch, this.costs.context_switch);
            if this.current != to {
                written = this.load_cr3(memory, spaces, to, KEEP);
            }
        });
        written
    }

    fn load_cr3(
        &mut self,
        memory: &impl PhysMem,
        spaces: &[Registers],
        to: usize,
        keep: u64,
    ) -> Result<(), SimError> {
        let root = spaces[to].cr3;
        let value = match self.pcids {
            Pcids::Off => root,
            Pcids::On => root | pcid(to) | keep,
        };
        let _ = self.mmu.write_cr3(memory, value)?;
        if self.pcids == Pcids::Off {
            self.remembers.fill(false);
        }
        self.mmu.observer_mut().at_process(to);
        self.remembers[to] = true;
        self.current = to;
        Ok(())
    }

    /// The process that it runs.
    pub(super) fn current(&self) -> usize {
        self.current
    }

    /// Whether translations of the process may be cached here.
    pub(super) fn may_remember(&self, process: usize) -> bool {
        self.remembers[process]
    }

    /// Drops what is cached of a process: by CR3 if it is the current one, else by INVPCID.
    pub(super) fn drop_process(
        &mut self,
        memory: &impl PhysMem,
        spaces: &[Registers],
        process: usize,
    ) -> Result<(), SimError> {
        let mut done = Ok(());
        self.by_itself(|this| {
            done = if process == this.current {
                this.load_cr3(memory, spaces, process, 0)
            } else {
                let invalidation = Invalidation::Invpcid {
                    operation: SINGLE_CONTEXT,
                    descriptor: pcid(process).into(),
                };
                let dropped = this.mmu.invalidate(invalidation);
                this.remembers[process] = false;
                dropped.map(|_| ()).map_err(SimError::from)
            };
        });
        done
    }

    /// Drops what is cached of addresses of a process that it may remember.
    pub(super) fn forget(
        &mut self,
        process: usize,
        addresses: &[VirtAddr],
    ) -> Result<(), SimError> {
        let is_current = process == self.current;
        let mut done = Ok(());
        self.by_itself(|this| {
            done = addresses.iter().try_for_each(|&address| {
                let invalidation = if is_current {
                    Invalidation::Invlpg(address)
                } else {
                    let address = u128::from(address.as_u64()) << 64;
                    Invalidation::Invpcid {
                        operation: ONE_ADDRESS,
                        descriptor: address | u128::from(pcid(process)),
                    }
                };
                this.mmu.invalidate(invalidation).map(|_| ())
            });
        });
        Ok(done?)
    }

    /// Waits for disks.
    pub(super) fn wait_for_disks(&mut self, cycles: Cycles) {
        self.spend(Owner::Disk, cycles);
    }

    /// Takes the interrupt of another processor's shootdown.
    pub(super) fn take_interrupt(&mut self) {
        self.spend(Owner::Shootdown, self.costs.interrupt_service);
    }

    /// Sends interrupts to so many processors, and waits for them.
    pub(super) fn interrupt(&mut self, processors: u32) {
        if processors != 0 {
            let send = self.costs.interrupt_send * u64::from(processors);
            self.spend(Owner::Shootdown, send + self.costs.interrupt_wait);
        }
    }

    /// Makes a large page of small ones, which have to be copied; the rest of it is zeroed.
    pub(super) fn collapse(&mut self, copied: &[(PhysAddr, PhysAddr)]) {
        self.by_itself(|this| {
            let frames = PageSize::Size2MiB.bytes() / PageSize::Size4KiB.bytes();
            let zeroed = this.costs.zero_frame * (frames - copied.len() as u64);
            let collapse = this.costs.collapse + zeroed;
            this.mmu.charge(Owner::Collapse, collapse);
            for &(from, to) in copied {
                let cost = this.costs.copy_frame;
                this.mmu.copy_frame(from, to, Owner::Collapse, cost);
            }
        });
    }

    fn spend(&mut self, owner: Owner, cycles: Cycles) {
        self.by_itself(|this| this.mmu.charge(owner, cycles));
    }
}

/// The PCID of a process; 0 is left to what has none.
fn pcid(process: usize) -> u64 {
    process as u64 + 1
}
