//! The processors of a machine, and the one that makes the call under way. Where there is only
//! one, nothing here takes part in a shootdown.

use mmu_core::{
    CpuFeatures, Feature, GeneralProtection, Invalidation, Ledger, Owner, PageSize, Pcid, PhysAddr,
    ProcessorId, Ram, Registers, SoftwareCosts, VirtAddr,
};

use crate::{
    MachineConfig, MachineError, Status,
    processor::{Processor, SpaceRoot},
    shootdown::{Batch, EVERYTHING, ProcessorSet, Shootdowns, Ticket},
};

/// The memory of a page of some size.
pub(crate) type Memory = (PhysAddr, PageSize);

/// Whether processors may still reach what entries led to that have changed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coherence {
    /// None can.
    #[default]
    Whole,
    /// Some can until they have forgotten it. A frame that is free by now may be among that, so
    /// that none is taken meanwhile.
    Awaited,
}

/// What TLB shootdowns there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ShootdownCounters {
    /// Shootdowns: batches of invalidations that processors other than their initiator were
    /// told, at once or later.
    pub shootdowns: u64,
    /// Processors that were interrupted, in all of them.
    pub targets: u64,
    /// Processors that were not: idle ones, and for each invalidation those that may have kept
    /// translations of the space and ran another one.
    pub deferred: u64,
    /// Times that a processor dropped everything, because it was asked for too much.
    pub flush_alls: u64,
    /// Valid entries that were changed so that rights grew at most, and nobody was told.
    pub avoided: u64,
}

#[derive(Debug)]
pub(crate) struct Processors {
    all: Vec<Processor>,
    pub(crate) count: u32,
    /// The one that the call under way is made on.
    here: ProcessorId,
    idle: ProcessorSet,
    shootdowns: Shootdowns,
    batch: Batch<Memory>,
    /// PCIDs that no space has, the next one last.
    free_pcids: Vec<Pcid>,
    costs: SoftwareCosts,
    pub(crate) counters: ShootdownCounters,
}

impl Processors {
    pub(crate) fn new(config: &MachineConfig) -> Result<Self, MachineError> {
        let count = config.processors;
        if count == 0 || count > ProcessorId::COUNT {
            return Err(MachineError::ProcessorCount(count));
        }
        let all = (0..count).map(|_| Processor::new(config.features, config.costs));
        Ok(Self {
            all: all.collect::<Result<_, _>>()?,
            count,
            here: ProcessorId::FIRST,
            idle: ProcessorSet::default(),
            shootdowns: Shootdowns::new(count),
            batch: Batch::default(),
            free_pcids: pcids(config.features),
            costs: config.costs,
            counters: ShootdownCounters::default(),
        })
    }

    pub(crate) fn get(&self, processor: ProcessorId) -> Result<&Processor, Status> {
        let found = self.all.get(processor.index());
        found.ok_or(Status::InvalidParameter)
    }

    pub(crate) fn registers(&self, space: &SpaceRoot) -> Registers {
        self.all[0].registers(space)
    }

    /// A space for a table, with a PCID of its own if there is one left.
    pub(crate) fn add_space(&mut self, table: PhysAddr) -> SpaceRoot {
        SpaceRoot::new(table, self.free_pcids.pop().unwrap_or(Pcid::ZERO))
    }

    /// A space is gone. Its PCID can be used again at once: of a new space, no processor keeps
    /// anything.
    pub(crate) fn remove_space(&mut self, space: &SpaceRoot) {
        for processor in &mut self.all {
            processor.abandon(space);
        }
        if space.pcid() != Pcid::ZERO {
            self.free_pcids.push(space.pcid());
        }
    }

    /// What comes next is done on this processor, which is idle no more.
    #[inline]
    pub(crate) fn arrive(&mut self, processor: ProcessorId) -> Result<(), Status> {
        self.here = processor;
        if self.idle.contains(processor) {
            self.wake()
        } else {
            Ok(())
        }
    }

    #[cold]
    fn wake(&mut self) -> Result<(), Status> {
        self.idle = self.idle.without(ProcessorSet::of(self.here));
        let processor = &mut self.all[self.here.index()];
        let mut done = Ok(());
        if let Some(inbox) = self.shootdowns.inbox(self.here) {
            inbox.wake(|stale| done = done.and(forget(processor, &mut self.counters, stale)));
        }
        done.map_err(|_| Status::InternalError)
    }

    /// A processor makes no access until one is made on it.
    pub(crate) fn rest(&mut self, processor: ProcessorId) {
        self.idle = self.idle.union(ProcessorSet::of(processor));
        if let Some(inbox) = self.shootdowns.inbox(processor) {
            inbox.rest();
        }
    }

    /// The processor of the call under way, which runs a space from now on.
    #[inline]
    pub(crate) fn running(
        &mut self,
        ram: &Ram,
        space: &SpaceRoot,
    ) -> Result<&mut Processor, Status> {
        let processor = &mut self.all[self.here.index()];
        if !processor.runs(space)
            && let Some(inbox) = self.shootdowns.inbox(self.here)
        {
            let switched = processor.switch(ram, inbox, space);
            switched.map_err(|_| Status::InternalError)?;
        }
        Ok(processor)
    }

    /// Forgets here what is cached for an address, and issues that the others forget it.
    #[inline]
    pub(crate) fn forget(
        &mut self,
        space: &SpaceRoot,
        address: VirtAddr,
    ) -> Result<(), GeneralProtection> {
        self.all[self.here.index()].forget(space, address)?;
        if self.all.len() > 1 {
            let stale = space.forgetting(address);
            self.batch.issue(&space.presence, stale, Some(self.here));
        }
        Ok(())
    }

    /// Whether all processors have forgotten what was issued.
    #[inline]
    pub(crate) fn coherence(&self) -> Coherence {
        if self.batch.is_coherent() {
            Coherence::Whole
        } else {
            Coherence::Awaited
        }
    }

    /// Keeps memory until they have.
    pub(crate) fn keep(&mut self, memory: Memory) {
        self.batch.keep(memory);
    }

    /// Dispatches what was issued, runs the interrupt handlers of the targets, and waits for
    /// them; gives the memory that nobody can reach any more.
    #[cold]
    pub(crate) fn shoot_down(&mut self) -> Result<Vec<Memory>, GeneralProtection> {
        let ticket = self.shootdowns.dispatch(&mut self.batch);
        self.count_shootdown(&ticket);
        let mut done = Ok(());
        for target in ticket.targets() {
            let processor = &mut self.all[target.index()];
            let service = self.costs.interrupt_service;
            processor.spent.charge(Owner::Shootdown, service);
            if let Some(inbox) = self.shootdowns.inbox(target) {
                inbox.handle(|stale| done = done.and(forget(processor, &mut self.counters, stale)));
            }
        }
        // Nobody asks the initiator for anything meanwhile.
        let synced = self.shootdowns.sync(ticket, None, |_| ());
        done.map(|()| synced.into_kept())
    }

    fn count_shootdown(&mut self, ticket: &Ticket<Memory>) {
        let targets = ticket.targets().len() as u64;
        let deferred = u64::from(ticket.deferred());
        self.counters.shootdowns += u64::from(targets + deferred > 0);
        self.counters.targets += targets;
        self.counters.deferred += deferred;
        if targets > 0 {
            let cost = self.costs.interrupt_send * targets + self.costs.interrupt_wait;
            let initiator = &mut self.all[self.here.index()];
            initiator.spent.charge(Owner::Shootdown, cost);
        }
    }

    /// Whether a processor has nothing to do.
    #[cfg(test)]
    pub(crate) fn is_idle(&self, processor: ProcessorId) -> bool {
        self.idle.contains(processor)
    }

    /// The processors with their inboxes.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Processor, &crate::shootdown::Inbox)> {
        let inbox = |processor| self.shootdowns.inbox(processor).unwrap();
        let ids = ProcessorId::first(ProcessorId::COUNT);
        self.all.iter().zip(ids.map(inbox))
    }
}

/// Forgets what another processor asks for.
fn forget(
    processor: &mut Processor,
    counters: &mut ShootdownCounters,
    stale: Invalidation,
) -> Result<(), GeneralProtection> {
    counters.flush_alls += u64::from(stale == EVERYTHING);
    processor.invalidate(stale)
}

fn pcids(features: CpuFeatures) -> Vec<Pcid> {
    let numbers = if features.has(Feature::PCID) {
        1..4096
    } else {
        0..0
    };
    let pcids = numbers.rev().filter_map(|pcid| Pcid::new(pcid).ok());
    pcids.collect()
}
