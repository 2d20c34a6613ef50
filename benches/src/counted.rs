use std::cell::Cell;

use mmu_core::{BusError, PhysAddr, PhysMem};

/// A memory that counts how often a walk read from it.
#[derive(Debug)]
pub struct Counted<'a, M> {
    memory: &'a M,
    reads: Cell<u64>,
}

impl<'a, M> Counted<'a, M> {
    /// No reads so far.
    pub fn new(memory: &'a M) -> Self {
        Self {
            memory,
            reads: Cell::new(0),
        }
    }

    /// The reads so far.
    pub fn reads(&self) -> u64 {
        self.reads.get()
    }
}

impl<M: PhysMem> PhysMem for Counted<'_, M> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.reads.set(self.reads.get() + 1);
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
