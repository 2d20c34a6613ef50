use assoc::{GeometryError, IndexFunction};
use tlb::{Coalescing, OnLowerHit, OnMiss, PageSizes, PcidCapacity, Stream, Streams};
use toml::Spanned;

use super::{Located, cycles, geometry, placed, replacement};
use crate::preset::{error::Invalid, schema};

pub(super) fn level(spanned: &Spanned<schema::TlbLevel>) -> Result<tlb::LevelConfig, Located> {
    let level = spanned.get_ref();
    if level.tlb.is_empty() {
        return Err((spanned.span(), Invalid::EmptyLevel));
    }
    let yes = |value: &Option<super::Cited<bool>>| value.as_ref().is_none_or(|cited| cited.value);
    let tlbs = level.tlb.iter().map(tlb).collect::<Result<_, _>>()?;
    Ok(tlb::LevelConfig {
        on_miss: if yes(&level.fill_on_miss) {
            OnMiss::Fill
        } else {
            OnMiss::Pass
        },
        on_lower_hit: if yes(&level.promote_on_hit) {
            OnLowerHit::Promote
        } else {
            OnLowerHit::Leave
        },
        inclusion: match level.inclusion.as_ref().map(|cited| cited.value) {
            None | Some(schema::Inclusion::Free) => tlb::Inclusion::Free,
            Some(schema::Inclusion::Inclusive) => tlb::Inclusion::Inclusive,
            Some(schema::Inclusion::Exclusive) => tlb::Inclusion::Exclusive,
        },
        ..tlb::LevelConfig::new(cycles(&level.penalty), tlbs)
    })
}

fn tlb(spanned: &Spanned<schema::Tlb>) -> Result<tlb::TlbConfig, Located> {
    let tlb = spanned.get_ref();
    if tlb.serves.is_empty() || tlb.pages.is_empty() {
        return Err((spanned.span(), Invalid::UselessTlb));
    }
    let geometry = geometry(&tlb.entries, &tlb.ways)?;
    let serves = tlb.serves.iter().copied();
    let holds = tlb.pages.iter().copied();
    Ok(tlb::TlbConfig {
        name: tlb.name.clone(),
        serves: serves
            .map(|stream| Streams::from(Stream::from(stream)))
            .collect(),
        holds: holds.map(PageSizes::from).collect(),
        geometry,
        index: index(&tlb.index, geometry.sets())?,
        replacement: replacement(&tlb.replacement, geometry.ways())?,
        pcids: pcids(tlb)?,
        coalescing: coalescing(tlb)?,
    })
}

fn index(index: &schema::Placed<schema::Index>, sets: u32) -> Result<IndexFunction, Located> {
    let (schema::Index(function), at) = placed(index);
    match function {
        IndexFunction::Xor { bits } if 1_u32.checked_shl(bits) != Some(sets) => {
            let error = GeometryError::IndexBits { bits, sets };
            Err((at, Invalid::Geometry(error)))
        }
        function => Ok(function),
    }
}

fn pcids(tlb: &schema::Tlb) -> Result<PcidCapacity, Located> {
    match (&tlb.pcids, &tlb.pcids_keeping) {
        (None, None) => Ok(PcidCapacity::Unlimited),
        (None, Some(keeping)) => Err((keeping.span(), Invalid::KeepingAlone)),
        (Some(plain), keeping) => Ok(PcidCapacity::Last {
            plain: plain.value.0,
            keeping: keeping
                .as_ref()
                .map_or(plain.value.0, |keeping| placed(keeping).0.0),
        }),
    }
}

fn coalescing(tlb: &schema::Tlb) -> Result<Coalescing, Located> {
    let Some(coalesce) = &tlb.coalesce else {
        return Ok(Coalescing::Never);
    };
    let (count, at) = placed(coalesce);
    match count.0 {
        1 => Ok(Coalescing::Never),
        pages if pages.is_power_of_two() && pages <= 16 => Ok(Coalescing::UpTo(pages)),
        pages => Err((at, Invalid::Coalesce(pages))),
    }
}

pub(super) fn structure_caches(
    caches: &schema::StructureCaches,
) -> Result<tlb::StructureCachesConfig, Located> {
    let cache = |cache: &Option<schema::StructureCache>| {
        let Some(cache) = cache else {
            return Ok(None);
        };
        let geometry = geometry(&cache.entries, &cache.ways)?;
        Ok(Some(tlb::StructureCacheConfig {
            geometry,
            replacement: replacement(&cache.replacement, geometry.ways())?,
        }))
    };
    Ok(tlb::StructureCachesConfig {
        pml5e: cache(&caches.pml5e)?,
        pml4e: cache(&caches.pml4e)?,
        pdpte: cache(&caches.pdpte)?,
        pde: cache(&caches.pde)?,
        penalty: cycles(&caches.penalty),
    })
}

impl From<schema::Stream> for Stream {
    fn from(stream: schema::Stream) -> Self {
        match stream {
            schema::Stream::Fetch => Self::Fetch,
            schema::Stream::Load => Self::Load,
            schema::Stream::Store => Self::Store,
        }
    }
}
