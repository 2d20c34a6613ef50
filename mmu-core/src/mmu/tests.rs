mod accessed_dirty;
mod caching;
mod faults;
mod translation;

use std::{cell::Cell, vec::Vec};

use units::{Level, PageSize, Pcid, PhysAddr};

use super::*;
use crate::{
    AlignmentCheck, BusError, Cause, Cr0, Cr4, Efer, Entry, ErrorCode, Feature, Flushed,
    FunctionalMmu, Invalidation, PageFault, Ram, Vendor, WalkStatistics,
};

const READ: AccessKind = AccessKind::Read;
const WRITE: AccessKind = AccessKind::Write;
const FETCH: AccessKind = AccessKind::Fetch;
const USER: PrivilegeMode = PrivilegeMode::User;
const SUPERVISOR: PrivilegeMode = PrivilegeMode::Supervisor;

const ADDRESS: VirtAddr = VirtAddr::new(0x0000_1234_5678_9abc);
const ALL: Entry = Entry::PRESENT.union(Entry::WRITABLE).union(Entry::USER);

/// A memory with a path of tables at 0x1000, 0x2000, 0x3000, 0x4000 for one address.
struct World {
    ram: Ram,
    address: VirtAddr,
}

impl World {
    fn new(address: VirtAddr) -> Self {
        let ram = Ram::new(1 << 30).unwrap();
        let world = Self { ram, address };
        for level in [Level::Pml4e, Level::Pdpte, Level::Pde] {
            let below = Self::table(level.below().unwrap());
            world.set(level, Entry::table(below));
        }
        world
    }

    /// The address mapped by a page of this size with these flags.
    fn mapped(size: PageSize, flags: Entry) -> Self {
        let world = Self::new(ADDRESS);
        let level = size.level();
        let at = PhysAddr::new(0x4000_0000 | 5 << size.shift());
        world.set(level, Entry::page(at, size, flags));
        world
    }

    fn table(level: Level) -> PhysAddr {
        PhysAddr::new(0x1000 * (4 - level.index() as u64))
    }

    fn place(&self, level: Level) -> PhysAddr {
        entry_address_of(self.address, level)
    }

    fn set(&self, level: Level, entry: Entry) {
        let bytes = entry.bits().to_le_bytes();
        self.ram.write(self.place(level), &bytes).unwrap();
    }

    fn add(&self, level: Level, flags: Entry) {
        self.set(level, self.entry(level) | flags);
    }

    fn clear(&self, level: Level, flags: Entry) {
        self.set(level, self.entry(level) - flags);
    }

    fn entry(&self, level: Level) -> Entry {
        Entry::from_bits_retain(self.ram.read_u64(self.place(level)).unwrap())
    }
}

fn entry_address_of(address: VirtAddr, level: Level) -> PhysAddr {
    crate::entry_address(World::table(level), level, address)
}

fn registers() -> Registers {
    let mut registers = Registers::four_level(World::table(Level::Pml4e));
    registers.cr4 -= Cr4::SMEP | Cr4::SMAP;
    registers
}

fn functional(registers: Registers) -> FunctionalMmu {
    FunctionalMmu::functional(CpuFeatures::default(), registers).unwrap()
}

fn page_fault(result: Result<Translated, Fault>) -> PageFault {
    match result {
        Err(Fault::Page(fault)) => fault,
        other => panic!("{other:?}"),
    }
}
