//! A preset's text made into the configuration of a machine.

mod caches;
mod tlbs;

use std::ops::Range;

use assoc::{Geometry, GeometryError, IndexFunction, Replacement, SetAssociative};
use mmu_core::{
    CpuFeatures, Cycles, Feature, NextPage, SoftwareCosts, TimedConfig, Vendor, Walkers,
};
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, Deserializer},
};

use super::{
    Cited, Identity, Preset, citations, error::Invalid, extend::Known, schema, whole::Whole,
};

/// A mistake, and the bytes of the text that it lies in.
pub(super) type Located = (Range<usize>, Invalid);

/// The preset that a text describes, which may extend one of those known.
pub(super) fn preset(text: &str, known: Known) -> Result<Preset, Located> {
    let tree = known.resolve(text)?;
    let document = schema::Document::deserialize(Deserializer::from(tree.clone()));
    let document = document.map_err(not_toml)?;
    let assumptions = citations::count(tree.get_ref(), &document.sources)?;
    let timed = TimedConfig {
        tlbs: tlb::HierarchyConfig {
            levels: document
                .tlb_level
                .iter()
                .map(tlbs::level)
                .collect::<Result<_, _>>()?,
        },
        structures: tlbs::structure_caches(&document.structure_caches)?,
        caches: caches::caches(&document.caches)?,
        accessed_dirty_assist: cycles(&document.costs.accessed_dirty_assist),
        walkers: walkers(&document.walkers)?,
        software: software(&document.costs),
    };
    tlb::TlbHierarchy::<mmu_core::Translation>::new(&timed.tlbs).map_err(|error| {
        (
            level_of(&error, &document, tree.get_ref()),
            Invalid::Tlbs(error),
        )
    })?;
    Ok(Preset {
        identity: Identity::of(text, tree.get_ref(), known)?,
        features: features(&document.paging)?,
        name: document.name,
        title: document.title,
        timed,
        assumptions,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
pub(super) fn not_toml(error: toml::de::Error) -> Located {
    let span = error.span().unwrap_or(0..0);
    (span, Invalid::Toml(error.message().to_string()))
}

/// Where the level of TLBs stands, or would, that an error is about: the first if it names none.
fn level_of(
    error: &tlb::ConfigError,
    document: &schema::Document,
    tree: &DeTable<'_>,
) -> Range<usize> {
    let at = match error {
        tlb::ConfigError::Level { level, .. } => level - 1,
        _ => 0,
    };
    let level = document.tlb_level.get(at).map(Spanned::span);
    let key = || tree.get_key_value("tlb_level").map(|(key, _)| key.span());
    level.or_else(key).unwrap_or(0..0)
}

fn features(paging: &schema::Paging) -> Result<CpuFeatures, Located> {
    let vendor = match paging.vendor {
        schema::Vendor::Intel => Vendor::Intel,
        schema::Vendor::Amd => Vendor::Amd,
    };
    let mut features = Feature::all();
    if vendor == Vendor::Amd {
        features -= Feature::PKS | Feature::LAM | Feature::LASS;
    }
    features.set(Feature::PAGES_1_GIB, paging.pages_1g.value);
    features.set(Feature::LA57, paging.la57.value);
    let (bits, at_bits) = placed(&paging.physical_address_bits);
    CpuFeatures::new(vendor, bits.0, features).map_err(|error| (at_bits, Invalid::Width(error)))
}

fn walkers(walkers: &schema::Walkers) -> Result<Walkers, Located> {
    Ok(Walkers {
        count: at_least_one(&walkers.count)?,
        next_page: match walkers.next_page.value {
            schema::NextPage::Leave => NextPage::Leave,
            schema::NextPage::Prefetch => NextPage::Prefetch,
        },
    })
}

fn software(costs: &schema::Costs) -> SoftwareCosts {
    SoftwareCosts {
        page_fault: cycles(&costs.page_fault),
        zero_frame: cycles(&costs.zero_frame),
        copy_frame: cycles(&costs.copy_frame),
        write_cr3: cycles(&costs.write_cr3),
        write_cr3_keeping: cycles(&costs.write_cr3_keeping),
        invlpg: cycles(&costs.invlpg),
        invpcid: cycles(&costs.invpcid),
        interrupt_send: cycles(&costs.interrupt_send),
        interrupt_service: cycles(&costs.interrupt_service),
        interrupt_wait: cycles(&costs.interrupt_wait),
        context_switch: cycles(&costs.context_switch),
        collapse: cycles(&costs.collapse),
    }
}

fn cycles(latency: &Cited<schema::Latency>) -> Cycles {
    Cycles::new(latency.value.0.into())
}

/// A value and its place.
fn placed<T: Copy>(spanned: &schema::Placed<T>) -> (T, Range<usize>) {
    (spanned.get_ref().value, spanned.span())
}

fn at_least_one<const MAX: u32>(count: &schema::Placed<Whole<MAX>>) -> Result<u32, Located> {
    let (count, at) = placed(count);
    match count.0 {
        0 => Err((at, Invalid::Zero)),
        count => Ok(count),
    }
}

/// The sets and ways of so many entries.
fn geometry(
    entries: &schema::Placed<schema::Count>,
    ways: &schema::Placed<schema::Ways>,
) -> Result<Geometry, Located> {
    let entries = at_least_one(entries)?;
    let (ways, at_ways) = placed(ways);
    let geometry = match ways {
        schema::Ways::Full => Geometry::fully_associative(entries),
        schema::Ways::Of(0) => return Err((at_ways, Invalid::Zero)),
        schema::Ways::Of(ways) => Geometry::of_entries(entries, ways),
    };
    geometry.map_err(|error| (at_ways, Invalid::Geometry(error)))
}

/// A policy that works with so many ways.
fn replacement(
    replacement: &schema::Placed<schema::Replacement>,
    ways: u32,
) -> Result<Replacement, Located> {
    let (schema::Replacement(policy), at) = placed(replacement);
    // One set tells as much as all of them.
    let one_set: Result<SetAssociative<u8>, GeometryError> = Geometry::new(1, ways)
        .and_then(|geometry| SetAssociative::new(geometry, IndexFunction::Linear, policy));
    match one_set {
        Ok(_) => Ok(policy),
        Err(error) => Err((at, Invalid::Geometry(error))),
    }
}
