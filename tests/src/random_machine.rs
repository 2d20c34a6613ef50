//! Processors of any shape.

use assoc::{Geometry, IndexFunction, Qlru, QlruUpdate, Replacement};
use cache::{HierarchyConfig, WalkPort};
use mmu_core::{Cycles, NextPage, SoftwareCosts, TimedConfig, Walkers};
use tlb::{
    LevelConfig, PageSizes, Streams, StructureCacheConfig, StructureCachesConfig, TlbConfig,
};

use crate::Random;

impl Random {
    fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(bound.into())).expect("it is below the bound")
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("an index")]
    }
}

/// A processor with one to three levels of TLBs, caches and paging-structure caches of any
/// small shape and policy, and latencies of any length, all different from zero.
pub fn random_config(random: &mut Random) -> TimedConfig {
    let levels = 1 + random.small(3);
    TimedConfig {
        tlbs: tlb::HierarchyConfig {
            levels: (0..levels).map(|_| tlb_level(random)).collect(),
        },
        structures: StructureCachesConfig {
            pml5e: structure_cache(random),
            pml4e: structure_cache(random),
            pdpte: structure_cache(random),
            pde: structure_cache(random),
            penalty: cycles(random),
        },
        caches: HierarchyConfig {
            l1i: cache_level(random),
            l1d: cache_level(random),
            l2: cache_level(random),
            llc: cache_level(random),
            memory_latency: cycles(random),
            walks_enter: random.one_of(&[WalkPort::L1d, WalkPort::L2]),
            combining_buffers: 1 + random.small(8),
            processors: 1,
            inclusion: cache::Inclusion::Free,
            peer_latency: cycles(random),
            prefetch: cache::Prefetch::default(),
        },
        accessed_dirty_assist: cycles(random),
        walkers: Walkers {
            count: 1,
            next_page: NextPage::Leave,
        },
        software: SoftwareCosts {
            write_cr3: cycles(random),
            write_cr3_keeping: cycles(random),
            invlpg: cycles(random),
            invpcid: cycles(random),
            ..SoftwareCosts::default()
        },
    }
}

fn cycles(random: &mut Random) -> Cycles {
    Cycles::new(1 + random.below(1000))
}

/// A shape, an index and a policy that go together.
fn array(random: &mut Random) -> (Geometry, IndexFunction, Replacement) {
    let replacement = match random.small(8) {
        0 => Replacement::TrueLru,
        1 => Replacement::Fifo,
        2 => Replacement::Random {
            seed: random.next_u64(),
        },
        3 => Replacement::TreePlru,
        4 => Replacement::Mru3Plru4,
        5 => Replacement::Lru3Plru4,
        6 => Replacement::Srrip { bits: 2 },
        _ => Replacement::Qlru(Qlru {
            hit_at_3: random.one_of(&[0, 1, 2]),
            hit_at_2: random.one_of(&[0, 1]),
            insert: random.one_of(&[0, 1, 2, 3]),
            replace: random.one_of(&[0, 1, 2]),
            update: random.one_of(&[0, 1]),
            update_on: random.one_of(&[QlruUpdate::EveryAccess, QlruUpdate::MissesOnly]),
        }),
    };
    let ways = match replacement {
        Replacement::TreePlru => 1 << random.small(4),
        Replacement::Mru3Plru4 | Replacement::Lru3Plru4 => 12,
        _ => 1 + random.small(9),
    };
    let bits = random.small(4);
    let (sets, index) = match random.small(3) {
        0 => (1 << bits, IndexFunction::Xor { bits }),
        _ => (1 + random.small(9), IndexFunction::Linear),
    };
    let geometry = Geometry::new(sets, ways).expect("a small shape");
    (geometry, index, replacement)
}

fn tlb_level(random: &mut Random) -> LevelConfig {
    let split = match random.small(3) {
        0 => vec![Streams::all()],
        1 => vec![Streams::FETCH, Streams::LOAD | Streams::STORE],
        _ => vec![Streams::FETCH, Streams::LOAD, Streams::STORE],
    };
    let tlbs = split.into_iter().map(|serves| {
        let (geometry, index, replacement) = array(random);
        TlbConfig {
            name: "tlb".into(),
            serves,
            holds: random.one_of(&[
                PageSizes::all(),
                PageSizes::SIZE_4_KIB,
                PageSizes::SIZE_4_KIB | PageSizes::SIZE_2_MIB,
            ]),
            geometry,
            index,
            replacement,
            pcids: tlb::PcidCapacity::Unlimited,
            coalescing: tlb::Coalescing::Never,
        }
    });
    let tlbs = tlbs.collect();
    LevelConfig::new(cycles(random), tlbs)
}

fn structure_cache(random: &mut Random) -> Option<StructureCacheConfig> {
    let (geometry, _, replacement) = array(random);
    (random.small(4) != 0).then_some(StructureCacheConfig {
        geometry,
        replacement,
    })
}

fn cache_level(random: &mut Random) -> cache::LevelConfig {
    let (geometry, index, replacement) = array(random);
    cache::LevelConfig {
        geometry,
        index,
        replacement,
        latency: cycles(random),
    }
}
