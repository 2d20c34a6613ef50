//! How many entries a walk reads on average, by how far the paging-structure caches reach: the
//! shape of the sweeps of Barr, Cox and Rixner ("Translation Caching", ISCA 2010), which
//! uniform accesses make arithmetic.

use assoc::IndexFunction;
use mmu_core::{TimedMmu, VirtAddr, WalkStatistics};
use tests::{
    Random, Tables,
    processor::{self, shape, structure_cache},
};

/// The page-directory entries of 1 GiB.
const DIRECTORY_ENTRIES: u64 = 512;
const PAGES: u64 = DIRECTORY_ENTRIES * 512;
const WARM_UP: u64 = 10_000;
const WALKS: u64 = 40_000;
const SEED: u64 = 0xba44;

/// The mean of uniform accesses to 1 GiB of 4-KiB pages, with so many entries in the caches.
fn references_a_walk(tables: &Tables, pdes: u32, pdptes: u32) -> f64 {
    let mut config = processor::one_tlb(shape(1, 1), IndexFunction::Linear);
    let cache = |entries| (entries != 0).then(|| structure_cache(entries)).flatten();
    config.structures.pde = cache(pdes);
    config.structures.pdpte = cache(pdptes);
    let mut mmu = processor::watched(&config, tables, WalkStatistics::default());
    let mut random = Random::new(SEED);
    let mut read = |mmu: &mut TimedMmu<WalkStatistics>, count| {
        let before = mmu.observer().by_references().to_vec();
        for _ in 0..count {
            let page = VirtAddr::new(random.below(PAGES) << 12);
            processor::read(mmu, tables, page);
        }
        let now = mmu.observer().by_references().iter();
        let walks: Vec<_> = now.zip(before).map(|(now, before)| now - before).collect();
        let references: u64 = (0..).zip(&walks).map(|(count, walks)| count * walks).sum();
        references as f64 / walks.iter().sum::<u64>() as f64
    };
    read(&mut mmu, WARM_UP);
    read(&mut mmu, WALKS)
}

#[test]
fn uniform_walks_read_as_many_entries_as_the_reach_of_the_caches_says() {
    let mut tables = Tables::new();
    tables.map_settled(0..PAGES);
    assert!((references_a_walk(&tables, 0, 0) - 4.0).abs() < 1e-9);
    assert!((references_a_walk(&tables, 0, 1) - 2.0).abs() < 1e-9);
    let mut last = 2.0;
    for pdes in [2, 8, 32, 128, 512] {
        let found = references_a_walk(&tables, pdes, 1);
        let hit = f64::from(pdes) / DIRECTORY_ENTRIES as f64;
        let sigma = (hit * (1.0 - hit) / WALKS as f64).sqrt();
        let expected = 2.0 - hit;
        assert!(
            (found - expected).abs() <= 4.0 * sigma + 1e-9,
            "{pdes} entries: {found}, not {expected}; seed {SEED:#x}"
        );
        assert!(found < last, "more entries never cost more");
        last = found;
    }
}
