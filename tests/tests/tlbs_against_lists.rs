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

/// What the page tables say of an address: the same every time, so that no two entries
/// contradict each other; most frames follow their pages.
fn page_of(address: VirtAddr, pcid: Pcid) -> Payload {
    let gib = address.as_u64() >> 30;
    let size = match gib {
        0 => PageSize::Size4KiB,
        1 => PageSize::Size2MiB,
        2 => PageSize::Size4MiB,
        _ => PageSize::Size1GiB,
    };
    let number = address.as_u64() >> size.shift();
    let elsewhere = number.is_multiple_of(5) && size == PageSize::Size4KiB;
    let global = number % 32 >= 24;
    let base = if global { 0 } else { pcid.as_u64() * 1_000_000 };
    let frame = base + number + if elsewhere { 1000 } else { 0 };
    Payload {
        size,
        global,
        frame: i64::try_from(frame).unwrap(),
    }
}

fn address(random: &mut Random) -> VirtAddr {
    let gib = one_of(random, &[0, 0, 0, 1, 2, 3]);
    let pages = 1 + random.below(60);
    let page = random.below(pages);
    let spread = if random.below(3) == 0 { 21 } else { 12 };
    VirtAddr::new(gib << 30 | page << spread | random.below(4096))
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
        for operation in 0..OPERATIONS {
            let place = || format!("seed {seed:#x}, operation {operation}, {config:?}");
            let pcid = Pcid::from_cr3(1 + random.below(4));
            let (at, stream) = (address(&mut random), one_of(&mut random, &Stream::ALL));
            match random.below(60) {
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
                _ => {
                    let found = real.lookup(at, pcid, stream, |_, _| {});
                    let found = found.map(|found| (found.payload, found.level));
                    assert_eq!(found, lists.lookup(at, pcid, stream), "{at}, {}", place());
                    if found.is_none() {
                        let page = page_of(at, pcid);
                        real.fill(at, pcid, stream, page);
                        lists.fill(at, pcid, stream, page);
                    }
                }
            }
        }
        let counters = real.levels().flatten().map(tlb::Tlb::counters);
        assert_eq!(
            counters.collect::<Vec<_>>(),
            lists.counters(),
            "seed {seed:#x}"
        );
    }
}
