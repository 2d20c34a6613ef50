//! What fits into a TLB and what does not, by arithmetic.

use assoc::IndexFunction;
use mmu_core::{TimedMmu, VirtAddr};
use tests::{
    Random, Tables,
    processor::{self, shape},
};
use tlb::Stream;

/// A processor with one TLB of this shape, and tables that map these pages.
struct World {
    tables: Tables,
    mmu: TimedMmu,
}

impl World {
    fn new(sets: u32, ways: u32, index: IndexFunction, pages: &[u64]) -> Self {
        let mut tables = Tables::new();
        tables.map_settled(pages.iter().copied());
        let config = processor::one_tlb(shape(sets, ways), index);
        let mmu = processor::watched(&config, &tables, mmu_core::NoObserver);
        Self { tables, mmu }
    }

    fn read(&mut self, page: u64) {
        processor::read(&mut self.mmu, &self.tables, VirtAddr::new(page << 12));
    }

    /// Reads the pages in turn, and says how many of the reads hit.
    fn round(&mut self, pages: &[u64]) -> u64 {
        let before = self.hits();
        for &page in pages {
            self.read(page);
        }
        self.hits() - before
    }

    fn hits(&self) -> u64 {
        self.mmu.cache().tlbs().hits(Stream::Load, 0)
    }
}

/// Pages that a linear index puts into the same one of so many sets.
fn pages_of_one_set(sets: u32, count: u32) -> Vec<u64> {
    let sets = u64::from(sets);
    (0..u64::from(count))
        .map(|page| page * sets + sets / 2)
        .collect()
}

const SHAPES: [(u32, u32); 10] = [
    (1, 1),
    (1, 7),
    (1, 64),
    (2, 4),
    (3, 5),
    (16, 6),
    (12, 8),
    (100, 3),
    (128, 12),
    (96, 2),
];

#[test]
fn a_cycle_of_one_page_more_than_the_ways_never_hits() {
    for (sets, ways) in SHAPES {
        let pages = pages_of_one_set(sets, ways + 1);
        let mut world = World::new(sets, ways, IndexFunction::Linear, &pages);
        for _ in 0..5 {
            assert_eq!(world.round(&pages), 0, "{sets} sets of {ways} ways");
        }
        let lookups = world.mmu.cache().tlbs().lookups(Stream::Load);
        assert_eq!(lookups.total, 5 * pages.len() as u64);
        assert_eq!(lookups.missed, lookups.total);
    }
}

#[test]
fn a_cycle_of_as_many_pages_as_ways_hits_from_the_second_round_on() {
    for (sets, ways) in SHAPES {
        let pages = pages_of_one_set(sets, ways);
        let mut world = World::new(sets, ways, IndexFunction::Linear, &pages);
        assert_eq!(world.round(&pages), 0);
        for _ in 0..5 {
            let hits = world.round(&pages);
            assert_eq!(hits, pages.len() as u64, "{sets} sets of {ways} ways");
        }
    }
}

/// Pages side by side fill every set evenly: as many as entries fit, one more costs a whole
/// set its hits.
#[test]
fn neighbouring_pages_fill_all_sets() {
    for (sets, ways) in SHAPES {
        let entries = u64::from(sets * ways);
        let pages: Vec<_> = (1000..=1000 + entries).collect();
        let mut world = World::new(sets, ways, IndexFunction::Linear, &pages);
        let fitting = &pages[..pages.len() - 1];
        world.round(fitting);
        assert_eq!(world.round(fitting), entries, "{sets} sets of {ways} ways");
        world.round(&pages);
        let misses = u64::from(ways) + 1;
        assert_eq!(
            world.round(&pages),
            entries + 1 - misses,
            "{sets} sets of {ways} ways"
        );
    }
}

/// A fully associative LRU TLB of R entries holds the R pages used last. If each page of F is
/// as likely as the others, whatever came before, the next read hits with probability R/F:
/// the hits are independent trials, whose count strays by more than 4 sigma once in 16,000.
#[test]
fn random_reads_miss_in_proportion_to_what_does_not_fit() {
    const SEED: u64 = 0x10_0ca5_1de0;
    const READS: u32 = 200_000;
    for (entries, footprint) in [
        (1, 2_u32),
        (16, 1024),
        (48, 64),
        (64, 256),
        (96, 100),
        (33, 99),
    ] {
        let pages: Vec<_> = (0..u64::from(footprint)).collect();
        let mut world = World::new(1, entries, IndexFunction::Linear, &pages);
        world.round(&pages);
        let mut random = Random::new(SEED ^ u64::from(footprint));
        let before = world.hits();
        for _ in 0..READS {
            world.read(random.below(u64::from(footprint)));
        }
        let hits = u32::try_from(world.hits() - before).unwrap();
        let expected = 1.0 - f64::from(entries) / f64::from(footprint);
        let missed = 1.0 - f64::from(hits) / f64::from(READS);
        let sigma = (expected * (1.0 - expected) / f64::from(READS)).sqrt();
        assert!(
            (missed - expected).abs() <= 4.0 * sigma,
            "seed {SEED:#x}, {entries} entries, {footprint} pages: \
             missed {missed}, expected {expected} +- {}",
            4.0 * sigma
        );
    }
}

/// Whether a cycle over these pages hits always from its second round on, or never.
fn fits(index: IndexFunction, ways: u32, pages: &[u64]) -> bool {
    let mut world = World::new(128, ways, index, pages);
    world.round(pages);
    let hits = world.round(pages);
    assert!(hits == 0 || hits == pages.len() as u64, "{hits} hits");
    hits != 0
}

/// XOR-7: bits 6:0 of the page's number XOR its bits 13:7 choose one of 128 sets.
#[test]
fn an_xor_index_collides_elsewhere_than_a_linear_one() {
    const LINEAR: IndexFunction = IndexFunction::Linear;
    const XOR: IndexFunction = IndexFunction::Xor { bits: 7 };
    for ways in [1, 4, 12] {
        let count = u64::from(ways) + 1;
        // Equal halves: every XOR is 0, every set of the linear index another.
        let equal_halves: Vec<_> = (0..count).map(|half| half << 7 | half).collect();
        assert!(!fits(XOR, ways, &equal_halves) && fits(LINEAR, ways, &equal_halves));
        // The lower halves are 0, so the linear index has one set for all.
        let upper_halves: Vec<_> = (0..count).map(|half| half << 7).collect();
        assert!(fits(XOR, ways, &upper_halves) && !fits(LINEAR, ways, &upper_halves));
        // Neither index sees a bit above 13.
        let beyond: Vec<_> = (0..count).map(|high| high << 14 | 0x55).collect();
        assert!(!fits(XOR, ways, &beyond) && !fits(LINEAR, ways, &beyond));
        // Neighbours lie in sets of their own either way.
        let neighbours: Vec<_> = (0..count).map(|page| 0x1380 + page).collect();
        assert!(fits(XOR, ways, &neighbours) && fits(LINEAR, ways, &neighbours));
    }
}
