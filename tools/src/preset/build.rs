//! A preset's text made into the configuration of a machine.

use std::ops::Range;

use assoc::{Geometry, GeometryError, IndexFunction, Replacement};
use mmu_core::{
    CpuFeatures, Cycles, Feature, NextPage, SoftwareCosts, TimedConfig, Vendor, Walkers,
};
use tlb::{PageSizes, Stream, Streams};
use toml::{Spanned, de::DeTable};

use super::{Cited, Preset, citations, error::Invalid, schema};

/// A mistake, and the bytes of the text that it lies in.
pub(super) type Located = (Range<usize>, Invalid);

pub(super) fn preset(text: &str) -> Result<Preset, Located> {
    let document: schema::Document = toml::from_str(text).map_err(not_toml)?;
    let tree = DeTable::parse(text).map_err(not_toml)?;
    let assumptions = citations::count(tree.get_ref(), &document.sources)?;
    let bits = document.paging.physical_address_bits.get_ref().value.0;
    let vendor = document.paging.vendor.into();
    let mut features = Feature::all();
    if vendor == Vendor::Amd {
        features -= Feature::PKS | Feature::LAM | Feature::LASS;
    }
    features.set(Feature::PAGES_1_GIB, document.paging.pages_1g.value);
    let at_bits = document.paging.physical_address_bits.span();
    let levels = document.tlb_level.iter().map(tlb_level);
    let timed = TimedConfig {
        tlbs: tlb::HierarchyConfig {
            levels: levels.collect::<Result<_, _>>()?,
        },
        structures: structure_caches(&document.structure_caches)?,
        caches: caches(&document.caches)?,
        accessed_dirty_assist: cycles(&document.costs.accessed_dirty_assist),
        walkers: Walkers {
            count: 1,
            next_page: NextPage::Leave,
        },
        software: SoftwareCosts {
            page_fault: cycles(&document.costs.page_fault),
            ..SoftwareCosts::default()
        },
    };
    tlb::TlbHierarchy::<mmu_core::Translation>::new(&timed.tlbs)
        .map_err(|error| (first_level(&document, tree.get_ref()), Invalid::Tlbs(error)))?;
    Ok(Preset {
        name: document.name,
        title: document.title,
        features: CpuFeatures::new(vendor, bits, features)
            .map_err(|error| (at_bits, Invalid::Width(error)))?,
        timed,
        assumptions,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn not_toml(error: toml::de::Error) -> Located {
    let span = error.span().unwrap_or(0..0);
    (span, Invalid::Toml(error.message().to_string()))
}

/// Where the first level of TLBs stands, or would.
fn first_level(document: &schema::Document, tree: &DeTable<'_>) -> Range<usize> {
    let level = document.tlb_level.first().map(Spanned::span);
    let key = || tree.get_key_value("tlb_level").map(|(key, _)| key.span());
    level.or_else(key).unwrap_or(0..0)
}

fn cycles(latency: &Cited<schema::Latency>) -> Cycles {
    Cycles::new(latency.value.0.into())
}

fn tlb_level(spanned: &Spanned<schema::TlbLevel>) -> Result<tlb::LevelConfig, Located> {
    let level = spanned.get_ref();
    if level.tlb.is_empty() {
        return Err((spanned.span(), Invalid::EmptyLevel));
    }
    let tlbs = level.tlb.iter().map(|spanned| {
        let tlb = spanned.get_ref();
        let at = |source| (spanned.span(), Invalid::Geometry(source));
        let index = match tlb.index.value {
            schema::Index::Linear => IndexFunction::Linear,
            schema::Index::Xor7 => IndexFunction::Xor { bits: 7 },
        };
        let geometry = geometry(tlb.entries.value.0, tlb.ways.value).map_err(at)?;
        if let IndexFunction::Xor { bits } = index
            && geometry.sets() != 1 << bits
        {
            let sets = geometry.sets();
            return Err(at(GeometryError::IndexBits { bits, sets }));
        }
        if tlb.serves.is_empty() || tlb.pages.is_empty() {
            return Err((spanned.span(), Invalid::UselessTlb));
        }
        Ok(tlb::TlbConfig {
            name: tlb.name.clone(),
            serves: tlb
                .serves
                .iter()
                .map(|&stream| Streams::from(Stream::from(stream)))
                .collect(),
            holds: tlb
                .pages
                .iter()
                .map(|&pages| PageSizes::from(pages))
                .collect(),
            geometry,
            index,
            replacement: tlb.replacement.value.into(),
            pcids: tlb::PcidCapacity::Unlimited,
            coalescing: tlb::Coalescing::Never,
        })
    });
    Ok(tlb::LevelConfig::new(
        cycles(&level.penalty),
        tlbs.collect::<Result<_, _>>()?,
    ))
}

fn structure_caches(
    caches: &schema::StructureCaches,
) -> Result<tlb::StructureCachesConfig, Located> {
    let cache = |cache: &Option<Spanned<schema::StructureCache>>| {
        let Some(spanned) = cache else {
            return Ok(None);
        };
        let cache = spanned.get_ref();
        let geometry = geometry(cache.entries.value.0, cache.ways.value)
            .map_err(|error| (spanned.span(), Invalid::Geometry(error)))?;
        Ok(Some(tlb::StructureCacheConfig {
            geometry,
            replacement: cache.replacement.value.into(),
        }))
    };
    Ok(tlb::StructureCachesConfig {
        pml5e: None,
        pml4e: cache(&caches.pml4e)?,
        pdpte: cache(&caches.pdpte)?,
        pde: cache(&caches.pde)?,
        penalty: cycles(&caches.penalty),
    })
}

fn caches(caches: &schema::Caches) -> Result<cache::HierarchyConfig, Located> {
    let level = |spanned: &Spanned<schema::Cache>| {
        let config = spanned.get_ref();
        let bytes = config.size.value.0;
        let lines = u32::try_from(bytes / cache::LINE_BYTES);
        let geometry = match lines {
            _ if !bytes.is_multiple_of(cache::LINE_BYTES) => Err(Invalid::PartialLine(bytes)),
            Ok(lines) => {
                Geometry::of_entries(lines, config.ways.value.0).map_err(Invalid::Geometry)
            }
            Err(_) => Err(Invalid::TooManyLines(config.size.value)),
        };
        Ok(cache::LevelConfig {
            geometry: geometry.map_err(|error| (spanned.span(), error))?,
            index: IndexFunction::Linear,
            replacement: config.replacement.value.into(),
            latency: cycles(&config.latency),
        })
    };
    Ok(cache::HierarchyConfig {
        l1i: level(&caches.l1i)?,
        l1d: level(&caches.l1d)?,
        l2: level(&caches.l2)?,
        llc: level(&caches.llc)?,
        memory_latency: cycles(&caches.memory_latency),
        walks_enter: match caches.walks_enter.value {
            schema::WalkPort::L1d => cache::WalkPort::L1d,
            schema::WalkPort::L2 => cache::WalkPort::L2,
        },
        combining_buffers: cache::HierarchyConfig::COMBINING_BUFFERS,
        processors: 1,
        inclusion: cache::Inclusion::Free,
        peer_latency: Cycles::ZERO,
        prefetch: cache::Prefetch::default(),
    })
}

fn geometry(entries: u32, ways: schema::Ways) -> Result<Geometry, GeometryError> {
    match ways {
        schema::Ways::Full => Geometry::fully_associative(entries),
        schema::Ways::Of(ways) => Geometry::of_entries(entries, ways),
    }
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

impl From<schema::Replacement> for Replacement {
    fn from(replacement: schema::Replacement) -> Self {
        match replacement {
            schema::Replacement::TrueLru => Self::TrueLru,
            schema::Replacement::TreePlru => Self::TreePlru,
        }
    }
}
