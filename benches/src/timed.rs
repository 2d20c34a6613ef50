use std::array;

use mmu_core::{
    AccessKind, Breakdown, CpuFeatures, Cycles, Ledger, Owner, PageSize, PhysAddr, PrivilegeMode,
    Ram, TimedConfig, TimedMmu, VirtAddr, WalkStatistics,
};

use tlb::StructureCachesConfig;

use crate::{OPERATIONS, PageTables, golden_cove};

const PAGE: PageSize = PageSize::Size4KiB;
const LINE_BYTES: u64 = 64;
const LINES: u64 = PAGE.bytes() / LINE_BYTES;
const READ_BYTES: u32 = 8;
const BASE: VirtAddr = VirtAddr::new(0x5555_0000_0000);
const FRAMES: PhysAddr = PhysAddr::new(0x1000_0000);

type References = [u64; WalkStatistics::MOST_REFERENCES + 1];

/// User-mode reads through the MMU and the caches of a Golden Cove core. All of a world go
/// the same way and cost the same.
#[derive(Debug)]
pub struct TimedWorld {
    tables: PageTables,
    mmu: TimedMmu<WalkStatistics>,
    /// In this order, and where each must lead.
    addresses: Vec<VirtAddr>,
    expected: Vec<PhysAddr>,
    sum: u64,
    /// What each must cost.
    cost: Breakdown,
    /// The walks that each must take, by how many entries they read.
    walks: References,
}

/// How many pages and frames the reads are spread over.
#[derive(Clone, Copy)]
struct Spread {
    pages: u64,
    frames: u64,
}

impl Spread {
    const fn own_frames(pages: u64) -> Self {
        Self {
            pages,
            frames: pages,
        }
    }
}

impl TimedWorld {
    /// Every read is of the same cache line: neither TLB nor cache has to search.
    pub fn same_line() -> Self {
        Self::hits(Spread::own_frames(1))
    }

    /// Every read is of another page and line than those before, but hits in the first-level
    /// TLB and data cache.
    pub fn other_pages() -> Self {
        Self::hits(Spread::own_frames(48))
    }

    /// Every read misses in the first-level TLB, and hits in the second and in the
    /// first-level data cache.
    pub fn stlb_hits() -> Self {
        let config = golden_cove().timed;
        let cost = [
            (Owner::L1Tlb, config.tlbs.levels[0].penalty),
            (Owner::Stlb, config.tlbs.levels[1].penalty),
            (Owner::Data, config.caches.l1d.latency),
        ];
        Self::new(&config, Spread::own_frames(512), &cost, None)
    }

    /// Every read misses in all TLBs, and its walk starts at the root, since there are no
    /// paging-structure caches. The pages are more than the TLBs hold, but the frames so few
    /// that entries and data are found in the first-level data cache.
    pub fn walks() -> Self {
        let mut config = golden_cove().timed;
        config.structures = StructureCachesConfig::default();
        let spread = Spread {
            pages: OPERATIONS,
            frames: 8,
        };
        let cost = [
            (Owner::L1Tlb, config.tlbs.levels[0].penalty),
            (Owner::Stlb, config.tlbs.levels[1].penalty),
            (Owner::WalkL1d, config.caches.l1d.latency * 4),
            (Owner::Data, config.caches.l1d.latency),
        ];
        Self::new(&config, spread, &cost, Some(4))
    }

    fn hits(spread: Spread) -> Self {
        let config = golden_cove().timed;
        let cost = [
            (Owner::L1Tlb, config.tlbs.levels[0].penalty),
            (Owner::Data, config.caches.l1d.latency),
        ];
        Self::new(&config, spread, &cost, None)
    }

    fn new(
        config: &TimedConfig,
        Spread { pages, frames }: Spread,
        cost: &[(Owner, Cycles)],
        references: Option<usize>,
    ) -> Self {
        let frame = |page| FRAMES.wrapping_add(page % frames * PAGE.bytes());
        let mut tables = PageTables::new();
        for page in 0..pages {
            tables.map(BASE.wrapping_add(page * PAGE.bytes()), frame(page));
        }
        // Other pages, other lines: else all would want the same set of the cache.
        let places = (0..OPERATIONS).map(|n| n % pages).map(|page| {
            let offset = page % LINES * LINE_BYTES;
            (page, offset)
        });
        let addresses = places
            .clone()
            .map(|(page, offset)| BASE.wrapping_add(page * PAGE.bytes() + offset));
        let expected: Vec<_> = places
            .map(|(page, offset)| frame(page).wrapping_add(offset))
            .collect();
        let registers = tables.registers();
        let observer = WalkStatistics::default();
        let mmu = TimedMmu::timed(CpuFeatures::default(), registers, config, observer);
        let mut owners = Breakdown::default();
        for &(owner, cycles) in cost {
            owners.charge(owner, cycles);
        }
        let mut world = Self {
            tables,
            mmu: mmu.expect("the preset can be built"),
            addresses: addresses.collect(),
            sum: expected.iter().map(|address| address.as_u64()).sum(),
            expected,
            cost: owners,
            walks: array::from_fn(|count| u64::from(references == Some(count))),
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
    /// If one leads elsewhere, costs another sum or another owner, or walks otherwise than
    /// it must.
    pub fn audit(&mut self) {
        for (&address, &expected) in self.addresses.iter().zip(&self.expected) {
            let (spent, walks) = (*self.mmu.spent(), self.walks_so_far());
            assert_eq!(read(&mut self.mmu, self.tables.memory(), address), expected);
            assert_eq!(*self.mmu.spent() - spent, self.cost, "{address}");
            let now = self.walks_so_far();
            let taken: References = array::from_fn(|count| now[count] - walks[count]);
            assert_eq!(taken, self.walks, "{address}");
        }
    }

    fn walks_so_far(&self) -> References {
        let walks = self.mmu.observer().by_references();
        array::from_fn(|count| walks[count])
    }
}

#[inline]
pub(crate) fn read(mmu: &mut TimedMmu<WalkStatistics>, ram: &Ram, address: VirtAddr) -> PhysAddr {
    let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
    match mmu.access(ram, address, READ_BYTES, kind, mode) {
        Ok(span) => span.first.address,
        Err(fault) => panic!("{fault}"),
    }
}
