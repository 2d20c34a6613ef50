use mmu_core::{BusError, PhysAddr, PhysMem};

use super::interrupt::Interrupt;

/// Memory that stops answering on Ctrl-C: page tables can make a walk over them as good as
/// endless, without one page in between.
pub(super) struct Stoppable<'a, M> {
    memory: &'a M,
    interrupt: &'a Interrupt,
}

impl<'a, M: PhysMem> Stoppable<'a, M> {
    pub(super) fn new(memory: &'a M, interrupt: &'a Interrupt) -> Self {
        Self { memory, interrupt }
    }
}

impl<M: PhysMem> PhysMem for Stoppable<'_, M> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        if self.interrupt.is_raised() {
            return Err(BusError(at));
        }
        self.memory.read_u64(at)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        self.memory.compare_exchange_u64(at, current, new)
    }
}
