//! TLB hierarchies of any shape against one made of lists, over millions of random operations.

use tests::{
    Random,
    random_machine::random_config,
    reference::tlb::{Hierarchy, Payload},
};
use tlb::{
    Coalescing, Cr3Write, HierarchyConfig, Inclusion, OnLowerHit, OnMiss, PcidCapacity, Scope,
    Stream, TlbConfig, TlbHierarchy,
};
use units::{PageSize, Pcid, VirtAddr};

const HIERARCHIES: u64 = 500;
const OPERATIONS: u32 = 5000;
const SEED: u64 = 0x7ab1e;

fn one_of<T: Copy>(random: &mut Random, choices: &[T]) -> T {
    choices[usize::try_from(random.below(choices.len() as u64)).unwrap()]
}

/// Levels that behave in any way, of TLBs with or without limits and groups.
fn random_hierarchy(random: &mut Random) -> HierarchyConfig {
    loop {
        let mut config = random_config(random).tlbs;
        for (number, level) in config.levels.iter_mut().enumerate() {
            level.on_miss = one_of(random, &[OnMiss::Fill, OnMiss::Fill, OnMiss::Pass]);
            let choices = [OnLowerHit::Promote, OnLowerHit::Promote, OnLowerHit::Leave];
            level.on_lower_hit = one_of(random, &choices);
            if number > 0 {
                let choices = [Inclusion::Free, Inclusion::Inclusive, Inclusion::Exclusive];
                level.inclusion = one_of(random, &choices);
            }
            if random.below(3) == 0 {
                let twin = level.tlbs[0].clone();
                level.tlbs.push(twin);
            }
            for tlb in &mut level.tlbs {
                limit(random, tlb);
            }
        }
        if TlbHierarchy::<Payload>::new(&config).is_ok() {
            return config;
        }
    }
}

fn limit(random: &mut Random, tlb: &mut TlbConfig) {
    let choices = [
        PcidCapacity::Unlimited,
        PcidCapacity::Last {
            plain: 0,
            keeping: 0,
        },
        PcidCapacity::Last {
            plain: 1,
            keeping: 3,
        },
        PcidCapacity::Last {
            plain: 2,
            keeping: 2,
        },
        PcidCapacity::Last {
            plain: 3,
            keeping: 0,
        },
    ];
    tlb.pcids = one_of(random, &choices);
    let choices = [
        Coalescing::Never,
        Coalescing::Never,
        Coalescing::UpTo(2),
        Coalescing::UpTo(8),
    ];
    tlb.coalescing = one_of(random, &choices);
}

/// Page tables that change under the TLBs, with or without an invalidation: several
/// translations of an address may be cached at once, as the manual allows.
struct Tables {
    /// For each GiB where something is mapped, the size of its pages and how often it changed.
    regions: Vec<Region>,
}

struct Region {
    gib: u64,
    size: PageSize,
    generation: u64,
}

/// Below and above 4 GiB, and at both ends of each half of the address space.
const GIBS: [u64; 7] = [
    0,
    1,
    5,
    (1 << 17) - 1,
    (1 << 26) - 1,
    (1 << 34) - (1 << 26),
    (1 << 34) - 1,
];

impl Tables {
    fn new(random: &mut Random) -> Self {
        let region = |gib| Region {
            gib,
            size: one_of(random, &PageSize::ALL),
            generation: 0,
        };
        Self {
            regions: GIBS.map(region).into(),
        }
    }

    fn change(&mut self, random: &mut Random) {
        let region = usize::try_from(random.below(GIBS.len() as u64)).unwrap();
        let region = &mut self.regions[region];
        region.size = one_of(random, &PageSize::ALL);
        region.generation += 1;
    }

    /// What they say of an address; most frames follow their pages.
    fn page_of(&self, address: VirtAddr, pcid: Pcid) -> Payload {
        let gib = address.as_u64() >> 30;
        let region = self.regions.iter().find(|region| region.gib == gib);
        let Region {
            size, generation, ..
        } = *region.expect("no other is used");
        let number = address.page_number(size);
        let elsewhere = number.is_multiple_of(5) && size == PageSize::Size4KiB;
        let global = number % 32 >= 24;
        let base = if global { 0 } else { pcid.as_u64() * 1_000_000 };
        let frame = base + number + if elsewhere { 1000 } else { 0 } + (generation << 55);
        Payload {
            size,
            global,
            frame: frame.cast_signed(),
        }
    }
}

/// At the start of a region or at its end.
fn address(random: &mut Random) -> VirtAddr {
    let gib = one_of(random, &[0, 0, 0, 1, 2, 3, 4, 5, 6]);
    let pages = 1 + random.below(60);
    let page = random.below(pages);
    let spread = if random.below(3) == 0 { 21 } else { 12 };
    let offset = page << spread | random.below(4096);
    let from_the_end = gib % 2 == 1;
    let offset = if from_the_end {
        (1 << 30) - 1 - offset
    } else {
        offset
    };
    VirtAddr::new(GIBS[gib] << 30 | offset)
}

fn scope(random: &mut Random, address: VirtAddr, pcid: Pcid) -> Scope {
    match random.below(8) {
        0 => Scope::Pcid(pcid),
        1 => Scope::PcidAndGlobal(pcid),
        2 => Scope::NonGlobal,
        3 => Scope::All,
        4 | 5 => Scope::PageOfPcid { address, pcid },
        _ => Scope::Page { address, pcid },
    }
}

#[test]
fn a_hierarchy_answers_counts_and_forgets_as_lists_do() {
    for number in 0..HIERARCHIES {
        let seed = SEED + number;
        let mut random = Random::new(seed);
        let config = random_hierarchy(&mut random);
        let mut real = TlbHierarchy::<Payload>::new(&config).unwrap();
        let mut lists = Hierarchy::new(&config);
        let mut tables = Tables::new(&mut random);
        for operation in 0..OPERATIONS {
            let place = || format!("seed {seed:#x}, operation {operation}, {config:?}");
            let pcid = Pcid::from_cr3(1 + random.below(4));
            let (at, stream) = (address(&mut random), one_of(&mut random, &Stream::ALL));
            match random.below(64) {
                0 => {
                    let scope = scope(&mut random, at, pcid);
                    let dropped = (real.invalidate(scope), lists.invalidate(scope));
                    assert_eq!(dropped.0, dropped.1, "{scope:?}, {}", place());
                }
                1 => {
                    let dropped = (real.forget(at, pcid), lists.forget(at, pcid));
                    assert_eq!(dropped.0, dropped.1, "{}", place());
                }
                2 | 3 => {
                    let written = one_of(&mut random, &[Cr3Write::Plain, Cr3Write::Keeping]);
                    let real = real.cr3_written(pcid, written);
                    assert_eq!(real, lists.cr3_written(pcid, written), "{}", place());
                }
                4 => tables.change(&mut random),
                // A walk though something is cached, as for the first write of a clean page.
                5..8 => {
                    let page = tables.page_of(at, pcid);
                    real.fill(at, pcid, stream, page);
                    lists.fill(at, pcid, stream, page);
                }
                _ => {
                    let found = real.lookup(at, pcid, stream, |_, _| {});
                    let found = found.map(|found| (found.payload, found.level));
                    assert_eq!(found, lists.lookup(at, pcid, stream), "{at}, {}", place());
                    if found.is_none() {
                        let page = tables.page_of(at, pcid);
                        real.fill(at, pcid, stream, page);
                        lists.fill(at, pcid, stream, page);
                    }
                }
            }
        }
        let place = format!("seed {seed:#x}, {config:?}");
        compare_counters(&real, &lists, &place);
        compare_contents(&mut real, &mut lists, &mut random, &place);
    }
}

fn compare_counters(real: &TlbHierarchy<Payload>, lists: &Hierarchy, place: &str) {
    let counters: Vec<_> = real.counters().collect();
    assert_eq!(counters, lists.counters(), "{place}");
    for stream in Stream::ALL {
        assert_eq!(real.lookups(stream), lists.lookups(stream), "{place}");
        for level in 0..real.levels().count() {
            let hits = (real.hits(stream, level), lists.hits(stream, level));
            assert_eq!(hits.0, hits.1, "{stream}, level {level}, {place}");
        }
    }
}

/// Looks for what is left, asks what each look-up finds, and drops it all.
fn compare_contents(
    real: &mut TlbHierarchy<Payload>,
    lists: &mut Hierarchy,
    random: &mut Random,
    place: &str,
) {
    let looked_for: Vec<_> = (0..500)
        .map(|_| {
            let pcid = Pcid::from_cr3(1 + random.below(4));
            (address(random), pcid, one_of(random, &Stream::ALL))
        })
        .collect();
    for &(at, pcid, stream) in &looked_for {
        let holds = (real.holds(at, pcid, stream), lists.holds(at, pcid, stream));
        assert_eq!(holds.0, holds.1, "{at}, {stream}, {place}");
    }
    for (at, pcid, stream) in looked_for {
        let found = real.lookup(at, pcid, stream, |_, _| {});
        let found = found.map(|found| (found.payload, found.level));
        assert_eq!(found, lists.lookup(at, pcid, stream), "{at}, {place}");
    }
    let dropped = (real.invalidate(Scope::All), lists.invalidate(Scope::All));
    assert_eq!(dropped.0, dropped.1, "{place}");
    compare_counters(real, lists, place);
}
