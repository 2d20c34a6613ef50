use mmu_core::{
    AccessKind, CpuFeatures, FunctionalMmu, PageSize, PhysAddr, PhysMem, PrivilegeMode, VirtAddr,
};

use crate::{Counted, OPERATIONS, PageTables};

const PAGE: PageSize = PageSize::Size4KiB;
const BASE: VirtAddr = VirtAddr::new(0x5555_0000_0000);
const FRAMES: PhysAddr = PhysAddr::new(0x1000_0000);
const PAGES: u64 = 64;

/// How many slots the software TLB has: pages so far apart share one.
const SLOTS: u64 = 4096;

/// User-mode reads through a functional MMU.
#[derive(Debug)]
pub struct FunctionalWorld {
    tables: PageTables,
    mmu: FunctionalMmu,
    /// In this order, and where each must lead.
    addresses: Vec<VirtAddr>,
    expected: Vec<PhysAddr>,
    sum: u64,
    references: u64,
}

impl FunctionalWorld {
    /// Every read hits: the pages stand in slots of their own.
    pub fn hits() -> Self {
        Self::new(PAGE.bytes(), 0)
    }

    /// Every read walks four levels: all pages want the same slot.
    pub fn walks() -> Self {
        Self::new(SLOTS * PAGE.bytes(), 4)
    }

    fn new(stride: u64, references: u64) -> Self {
        let mut tables = PageTables::new();
        for page in 0..PAGES {
            let address = BASE.wrapping_add(page * stride);
            tables.map(address, FRAMES.wrapping_add(page * PAGE.bytes()));
        }
        let places = (0..OPERATIONS).map(|n| (n % PAGES, n * 8 % PAGE.bytes()));
        let addresses = places
            .clone()
            .map(|(page, offset)| BASE.wrapping_add(page * stride + offset));
        let expected: Vec<_> = places
            .map(|(page, offset)| FRAMES.wrapping_add(page * PAGE.bytes() + offset))
            .collect();
        let mmu = FunctionalMmu::functional(CpuFeatures::default(), tables.registers());
        let mut world = Self {
            tables,
            mmu: mmu.expect("4-level paging is there"),
            addresses: addresses.collect(),
            sum: expected.iter().map(|address| address.as_u64()).sum(),
            expected,
            references,
        };
        world.round();
        world.audit();
        world
    }

    /// Reads at every address.
    ///
    /// # Panics
    /// If a read faults, or they did not lead where they must.
    #[inline]
    pub fn round(&mut self) {
        let mut sum = 0;
        for &address in &self.addresses {
            sum += read(&mut self.mmu, self.tables.memory(), address).as_u64();
        }
        assert_eq!(sum, self.sum);
    }

    /// A round in which every read is looked at.
    ///
    /// # Panics
    /// If one leads elsewhere, or did not read as many entries as it must.
    pub fn audit(&mut self) {
        for (&address, &expected) in self.addresses.iter().zip(&self.expected) {
            let memory = Counted::new(self.tables.memory());
            assert_eq!(read(&mut self.mmu, &memory, address), expected);
            assert_eq!(memory.reads(), self.references, "{address:?}");
        }
    }
}

#[inline]
fn read(mmu: &mut FunctionalMmu, memory: &impl PhysMem, address: VirtAddr) -> PhysAddr {
    match mmu.translate(memory, address, AccessKind::Read, PrivilegeMode::User) {
        Ok(found) => found.address,
        Err(fault) => panic!("{fault}"),
    }
}
