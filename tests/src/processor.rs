//! Processors of simple shapes. Every latency differs from every sum of a few others, so that
//! a total gives its parts away.

use assoc::{Geometry, IndexFunction, Replacement};
use mmu_core::{
    AccessKind, CpuFeatures, Cycles, Observer, PrivilegeMode, TimedConfig, TimedMmu, VirtAddr,
};
use tlb::{PageSizes, Streams, StructureCacheConfig, StructureCachesConfig, TlbConfig};

use crate::Tables;

/// A look-up in the first level of TLBs.
pub const L1_TLB: u64 = 2;
/// A look-up in the second.
pub const STLB: u64 = 9;
/// A look-up in the paging-structure caches.
pub const STRUCTURES: u64 = 1;
/// An instruction in the first-level instruction cache.
pub const L1I: u64 = 4;
/// A line in the first-level data cache.
pub const L1D: u64 = 20;
/// A line in the second level.
pub const L2: u64 = 45;
/// A line in the last level.
pub const LLC: u64 = 100;
/// A line in memory.
pub const MEMORY: u64 = 1000;
/// Setting an accessed or dirty bit.
pub const ASSIST: u64 = 30_000;

/// So many sets of so many ways.
///
/// # Panics
/// If no array has this shape.
pub fn shape(sets: u32, ways: u32) -> Geometry {
    Geometry::new(sets, ways).expect("a shape that can be built")
}

/// A level of one TLB for every kind of access and size of page, with true LRU.
pub fn tlb_level(penalty: u64, geometry: Geometry, index: IndexFunction) -> tlb::LevelConfig {
    tlb::LevelConfig::new(
        Cycles::new(penalty),
        vec![TlbConfig {
            name: "tlb".into(),
            serves: Streams::all(),
            holds: PageSizes::all(),
            geometry,
            index,
            replacement: Replacement::TrueLru,
            pcids: tlb::PcidCapacity::Unlimited,
            coalescing: tlb::Coalescing::Never,
        }],
    )
}

/// A processor with one TLB and nothing that helps its walks but the data caches.
pub fn one_tlb(geometry: Geometry, index: IndexFunction) -> TimedConfig {
    let level = |sets, ways, latency| cache::LevelConfig {
        geometry: shape(sets, ways),
        index: IndexFunction::Linear,
        replacement: Replacement::TreePlru,
        latency: Cycles::new(latency),
    };
    TimedConfig {
        tlbs: tlb::HierarchyConfig {
            levels: vec![tlb_level(L1_TLB, geometry, index)],
        },
        structures: StructureCachesConfig {
            penalty: Cycles::new(STRUCTURES),
            ..StructureCachesConfig::default()
        },
        caches: cache::HierarchyConfig {
            l1i: level(16, 4, L1I),
            l1d: level(16, 4, L1D),
            l2: level(64, 4, L2),
            llc: level(256, 8, LLC),
            memory_latency: Cycles::new(MEMORY),
            walks_enter: cache::WalkPort::L1d,
            combining_buffers: cache::HierarchyConfig::COMBINING_BUFFERS,
            processors: 1,
            inclusion: cache::Inclusion::Free,
            peer_latency: Cycles::new(1),
            prefetch: cache::Prefetch::default(),
        },
        accessed_dirty_assist: Cycles::new(ASSIST),
        walkers: mmu_core::Walkers {
            count: 1,
            next_page: mmu_core::NextPage::Leave,
        },
        software: mmu_core::SoftwareCosts::default(),
    }
}

/// A processor with two levels of small TLBs and a paging-structure cache at every level.
pub fn small() -> TimedConfig {
    let mut config = one_tlb(shape(2, 2), IndexFunction::Linear);
    let stlb = tlb_level(STLB, shape(4, 3), IndexFunction::Linear);
    config.tlbs.levels.push(stlb);
    config.structures.pml4e = structure_cache(2);
    config.structures.pdpte = structure_cache(2);
    config.structures.pde = structure_cache(4);
    config
}

/// A fully associative paging-structure cache with true LRU.
pub fn structure_cache(entries: u32) -> Option<StructureCacheConfig> {
    Some(StructureCacheConfig {
        geometry: shape(1, entries),
        replacement: Replacement::TrueLru,
    })
}

/// A cold processor of this shape on these tables, and who watches it.
///
/// # Panics
/// If it cannot be built.
pub fn watched<O: Observer>(config: &TimedConfig, tables: &Tables, observer: O) -> TimedMmu<O> {
    let features = CpuFeatures::default();
    TimedMmu::timed(features, tables.registers(), config, observer).expect("it can be built")
}

/// Translates a user-mode read.
///
/// # Panics
/// If it faults.
pub fn read<O: Observer>(mmu: &mut TimedMmu<O>, tables: &Tables, address: VirtAddr) {
    let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
    if let Err(fault) = mmu.translate(tables.ram(), address, kind, mode) {
        panic!("{fault}");
    }
}
