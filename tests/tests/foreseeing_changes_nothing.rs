//! What an MMU is told of accesses to come changes neither what they do nor what they cost: it
//! reads some memory of the host, and no more.

use std::cell::Cell;

use mmu_core::{
    AccessKind, BusError, Entry, FORESEEN, Fault, PageSize, PhysAddr, PhysMem, PrivilegeMode, Ram,
    Span, TimedMmu, VirtAddr, WalkStatistics,
};
use tests::{
    Random, Tables,
    processor::{small, watched},
};

const SMALL: u64 = 0x40_0000_0000;
const LARGE: u64 = 0x80_0000_0000;
const PAGES: u64 = 4096;

/// Small pages, with gaps between them, and large ones.
fn tables() -> Tables {
    let mut tables = Tables::new();
    for page in (0..PAGES).filter(|page| page % 16 != 15) {
        let address = VirtAddr::new(SMALL + page * 0x1000);
        let frame = PhysAddr::new(0x8000_0000 + page * 0x1000);
        tables.map(address, frame, PageSize::Size4KiB, Tables::SETTLED);
    }
    for page in 0..64 {
        let address = VirtAddr::new(LARGE + page * 0x20_0000);
        let frame = PhysAddr::new(0xc000_0000 + page * 0x20_0000);
        tables.map(address, frame, PageSize::Size2MiB, Tables::SETTLED);
    }
    tables
}

fn address(random: &mut Random) -> VirtAddr {
    let page = match random.below(3) {
        0 => LARGE + random.below(65 * 512) * 0x1000,
        _ => SMALL + random.below(PAGES) * 0x1000,
    };
    VirtAddr::new(page + random.below(0x1000))
}

struct World {
    tables: Tables,
    mmu: TimedMmu<WalkStatistics>,
}

impl World {
    fn new() -> Self {
        let tables = tables();
        Self {
            mmu: watched(&small(), &tables, WalkStatistics::default()),
            tables,
        }
    }

    fn access(&mut self, address: VirtAddr) -> Result<Span, Fault> {
        let (kind, mode) = (AccessKind::Write, PrivilegeMode::User);
        self.mmu.access(self.tables.ram(), address, 8, kind, mode)
    }

    fn access_all(&mut self, addresses: &[VirtAddr]) {
        for &address in addresses {
            assert!(self.access(address).is_ok());
        }
    }

    /// Takes a page of small ones away behind the back of everything that is cached, or puts it
    /// back.
    fn flip(&mut self, address: VirtAddr) {
        if address.as_u64() < LARGE {
            let at = self.tables.place(mmu_core::Level::Pte, address);
            let entry = self.tables.entry(at);
            self.tables.set(at, entry ^ Entry::PRESENT);
        }
    }
}

#[test]
fn foreseen_accesses_are_the_same() {
    let mut random = Random::new(0x0f04_e5ee);
    let (mut plain, mut foreseeing) = (World::new(), World::new());
    for batch in 0..2000 {
        let addresses: Vec<_> = (0..FORESEEN).map(|_| address(&mut random)).collect();
        let World { tables, mmu } = &mut foreseeing;
        mmu.foresee(tables.ram(), addresses.iter().copied());
        for &address in &addresses {
            // Not all that is foreseen comes to pass.
            if random.below(4) != 0 {
                assert_eq!(plain.access(address), foreseeing.access(address));
                assert_eq!(plain.mmu.spent(), foreseeing.mmu.spent());
            }
        }
        plain.flip(addresses[0]);
        foreseeing.flip(addresses[0]);
        if batch % 100 == 0 {
            for World { tables, mmu } in [&mut plain, &mut foreseeing] {
                let _ = mmu.write_cr3(tables.ram(), tables.registers().cr3);
            }
        }
    }
    assert_eq!(plain.mmu.observer(), foreseeing.mmu.observer());
    let [one, other] = [&plain, &foreseeing].map(|world| world.mmu.cost().counters());
    assert_eq!(one, other);
}

/// A memory that counts what is read from it.
struct CountingRam<'a> {
    ram: &'a Ram,
    reads: Cell<usize>,
}

impl PhysMem for CountingRam<'_> {
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

/// How many entries of page tables are read for accesses to these addresses before they are made.
fn read_ahead(world: &mut World, addresses: &[VirtAddr]) -> usize {
    let memory = CountingRam {
        ram: world.tables.ram(),
        reads: Cell::new(0),
    };
    world.mmu.foresee(&memory, addresses.iter().copied());
    memory.reads.get()
}

#[test]
fn only_accesses_that_go_far_are_prepared() {
    let mut world = World::new();
    let mut random = Random::new(5);
    let mut page = || SMALL + random.below(PAGES / 16) * 0x10_000;
    let far: Vec<_> = (0..FORESEEN).map(|_| VirtAddr::new(page())).collect();
    let near = vec![VirtAddr::new(SMALL); FORESEEN];
    read_ahead(&mut world, &far);
    world.access_all(&far);
    assert!(read_ahead(&mut world, &far) >= FORESEEN);
    // Where the tables are is known by now.
    world.access_all(&far);
    assert_eq!(read_ahead(&mut world, &far), FORESEEN);
    world.access_all(&near);
    read_ahead(&mut world, &near);
    world.access_all(&near);
    assert_eq!(read_ahead(&mut world, &near), 0);
}
