use memory_manager::{ALLOCATION_GRANULARITY, FreeType, MemoryState, PageProtection, SHARED_DATA};
use mmu_core::{PageSize, VirtAddr};

use crate::{OPERATIONS, process::Program};

const PAGE: u64 = PageSize::Size4KiB.bytes();
/// The first address that a program may use: the only room is between regions and behind them.
const BASE: VirtAddr = VirtAddr::new(ALLOCATION_GRANULARITY);

/// How many regions the process has.
const REGIONS: u64 = 100_000;

/// After so many regions, one place is free.
const RUN: u64 = 10;

/// What is allocated and mapped: it fits into none of the free places between.
const BYTES: u64 = 2 * ALLOCATION_GRANULARITY;

/// A process with 100,000 regions of one committed page each, in which calls are made.
#[derive(Debug)]
pub struct RegionWorld {
    program: Program,
    /// What was promised before there were regions.
    charge: u64,
    /// The region that is queried next.
    next: u64,
}

impl RegionWorld {
    /// All its regions are there.
    ///
    /// # Panics
    /// If there is no room for one.
    pub fn new() -> Self {
        let mut program = Program::new(BYTES);
        let charge = program.machine.commit_charge();
        for number in 0..REGIONS {
            let base = region(number);
            assert_eq!(program.allocate(Some(base), PAGE), base);
        }
        Self {
            program,
            charge,
            next: 0,
        }
    }

    /// Each region's page is in memory, as one that was read.
    ///
    /// # Panics
    /// If there is no room for one.
    pub fn touched() -> Self {
        let mut world = Self::new();
        let Program {
            machine, process, ..
        } = &mut world.program;
        for number in 0..REGIONS {
            let read = machine.read(*process, region(number), &mut [0]);
            read.expect("there is memory");
        }
        // Page tables are charged, too.
        world.charge = machine.commit_charge() - REGIONS;
        world
    }

    /// Allocates a region where there is room, and releases it.
    ///
    /// # Panics
    /// If a call fails.
    #[inline]
    pub fn allocate_and_free(&mut self) {
        for _ in 0..OPERATIONS {
            let base = self.program.allocate(None, BYTES);
            self.free(base);
        }
    }

    /// Maps a view where there is room, and unmaps it.
    ///
    /// # Panics
    /// If a call fails.
    #[inline]
    pub fn map_and_unmap(&mut self) {
        let program = &mut self.program;
        for _ in 0..OPERATIONS {
            let view = program.map(None, BYTES, PageProtection::READWRITE);
            let unmapped = program.machine.unmap_view(program.process, view);
            let unmapped = unmapped.expect("the view is there");
            assert_eq!((unmapped.base, unmapped.size), (view, BYTES));
        }
    }

    /// Queries a region, always the same.
    ///
    /// # Panics
    /// If it is not what it must be.
    #[inline]
    pub fn query_one(&mut self) {
        for _ in 0..OPERATIONS {
            self.query(region(REGIONS / 2));
        }
    }

    /// Queries one region after another, in an order without order.
    ///
    /// # Panics
    /// If one is not what it must be.
    #[inline]
    pub fn query_all(&mut self) {
        for _ in 0..OPERATIONS {
            // Comes to every region before it comes to one again.
            self.next = (self.next * 61_681 + 27_191) % REGIONS;
            self.query(region(self.next));
        }
    }

    /// Looks whether the regions are as they were, and no other is there.
    ///
    /// # Panics
    /// If they are not.
    pub fn audit(&mut self) {
        let charge = self.program.machine.commit_charge();
        assert_eq!(charge, self.charge + REGIONS);
        let room = region(REGIONS - 1).wrapping_add(ALLOCATION_GRANULARITY);
        assert_eq!(self.program.allocate(None, BYTES), room);
        self.free(room);
        for number in 0..REGIONS {
            self.query(region(number));
        }
    }

    #[inline]
    fn free(&mut self, base: VirtAddr) {
        let Program {
            machine, process, ..
        } = &mut self.program;
        let freed = machine.virtual_free(*process, base, 0, FreeType::RELEASE);
        assert_eq!(freed.expect("the region is there").size, BYTES);
    }

    #[inline]
    fn query(&self, base: VirtAddr) {
        let Program {
            machine, process, ..
        } = &self.program;
        let found = machine.virtual_query(*process, base);
        let found = found.expect("it is an address of user space");
        let what = (found.base, found.size, found.state);
        assert_eq!(what, (base, PAGE, MemoryState::Commit));
    }
}

impl Default for RegionWorld {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a region starts: they leave out the page that is in every process.
fn region(number: u64) -> VirtAddr {
    let place = BASE.wrapping_add((number + number / RUN) * ALLOCATION_GRANULARITY);
    if place < VirtAddr::new(SHARED_DATA) {
        place
    } else {
        place.wrapping_add(ALLOCATION_GRANULARITY)
    }
}
