use assoc::{Geometry, GeometryError, IndexFunction, Replacement};
use mmu_core::{Cycles, TimedConfig};
use tlb::{PageSizes, Streams, StructureCacheConfig, StructureCachesConfig, TlbConfig};

/// A processor with two levels of TLBs and a paging-structure cache at every level. A
/// sequence touches no more than some ten pages in two address spaces: most of what it leaves
/// in the caches stays there, and yet the smallest of them overflow.
pub(super) fn small() -> Result<TimedConfig, GeometryError> {
    let structures = |entries| -> Result<_, GeometryError> {
        Ok(Some(StructureCacheConfig {
            geometry: Geometry::fully_associative(entries)?,
            replacement: Replacement::TrueLru,
        }))
    };
    let data = |entries| -> Result<_, GeometryError> {
        Ok(cache::LevelConfig {
            geometry: Geometry::fully_associative(entries)?,
            index: IndexFunction::Linear,
            replacement: Replacement::TrueLru,
            latency: Cycles::new(1),
        })
    };
    Ok(TimedConfig {
        tlbs: tlb::HierarchyConfig {
            levels: vec![tlbs(Geometry::new(2, 2)?), tlbs(Geometry::new(4, 4)?)],
        },
        structures: StructureCachesConfig {
            pml5e: structures(4)?,
            pml4e: structures(4)?,
            pdpte: structures(4)?,
            pde: structures(8)?,
            penalty: Cycles::new(1),
        },
        caches: cache::HierarchyConfig {
            l1i: data(2)?,
            l1d: data(2)?,
            l2: data(2)?,
            llc: data(2)?,
            memory_latency: Cycles::new(1),
            walks_enter: cache::WalkPort::L1d,
            combining_buffers: cache::HierarchyConfig::COMBINING_BUFFERS,
            processors: 1,
            inclusion: cache::Inclusion::Free,
            peer_latency: Cycles::new(1),
            prefetch: cache::Prefetch::default(),
        },
        accessed_dirty_assist: Cycles::new(1),
        walkers: mmu_core::Walkers {
            count: 1,
            next_page: mmu_core::NextPage::Leave,
        },
        software: mmu_core::SoftwareCosts::default(),
    })
}

fn tlbs(geometry: Geometry) -> tlb::LevelConfig {
    tlb::LevelConfig::new(
        Cycles::new(1),
        vec![TlbConfig {
            name: "tlb".into(),
            serves: Streams::all(),
            holds: PageSizes::all(),
            geometry,
            index: IndexFunction::Linear,
            replacement: Replacement::TrueLru,
            pcids: tlb::PcidCapacity::Unlimited,
            coalescing: tlb::Coalescing::Never,
        }],
    )
}
