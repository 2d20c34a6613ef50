use std::cell::Cell;

use mmu_core::{BusError, PhysAddr, PhysMem, Ram};

/// A memory that counts how often a walk read from it.
#[derive(Debug)]
pub struct Counted<'a> {
    ram: &'a Ram,
    reads: Cell<u64>,
}

impl<'a> Counted<'a> {
    /// No reads so far.
    pub fn new(ram: &'a Ram) -> Self {
        Self {
            ram,
            reads: Cell::new(0),
        }
    }

    /// The reads so far.
    pub fn reads(&self) -> u64 {
        self.reads.get()
    }
}

impl PhysMem for Counted<'_> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.reads.set(self.reads.get() + 1);
        self.ram.read_u64(at)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        self.ram.compare_exchange_u64(at, current, new)
    }
}
