//! What a preset's TOML file may say.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};
use toml::Spanned;

use super::{cited::Cited, whole::Whole};
use crate::{byte_size::ByteSize, pages::Pages};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) sources: BTreeMap<String, String>,
    pub(super) paging: Paging,
    pub(super) tlb_level: Vec<Spanned<TlbLevel>>,
    pub(super) structure_caches: StructureCaches,
    pub(super) caches: Caches,
    pub(super) costs: Costs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    #[serde(default)]
    pub(super) vendor: Vendor,
    pub(super) physical_address_bits: Spanned<Cited<Count>>,
    pub(super) pages_1g: Cited<bool>,
}

/// Whose manual describes the processor.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Vendor {
    #[default]
    Intel,
    Amd,
}

impl From<Vendor> for mmu_core::Vendor {
    fn from(vendor: Vendor) -> Self {
        match vendor {
            Vendor::Intel => Self::Intel,
            Vendor::Amd => Self::Amd,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlbLevel {
    pub(super) penalty: Cited<Latency>,
    pub(super) tlb: Vec<Spanned<Tlb>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tlb {
    pub(super) name: String,
    pub(super) serves: Vec<Stream>,
    pub(super) pages: Vec<Pages>,
    pub(super) entries: Cited<Count>,
    pub(super) ways: Cited<Ways>,
    pub(super) index: Cited<Index>,
    pub(super) replacement: Cited<Replacement>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StructureCaches {
    pub(super) penalty: Cited<Latency>,
    pub(super) pml4e: Option<Spanned<StructureCache>>,
    pub(super) pdpte: Option<Spanned<StructureCache>>,
    pub(super) pde: Option<Spanned<StructureCache>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StructureCache {
    pub(super) entries: Cited<Count>,
    pub(super) ways: Cited<Ways>,
    pub(super) replacement: Cited<Replacement>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caches {
    pub(super) memory_latency: Cited<Latency>,
    pub(super) walks_enter: Cited<WalkPort>,
    pub(super) l1i: Spanned<Cache>,
    pub(super) l1d: Spanned<Cache>,
    pub(super) l2: Spanned<Cache>,
    pub(super) llc: Spanned<Cache>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cache {
    pub(super) size: Cited<ByteSize>,
    pub(super) ways: Cited<Count>,
    pub(super) replacement: Cited<Replacement>,
    pub(super) latency: Cited<Latency>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Costs {
    pub(super) accessed_dirty_assist: Cited<Latency>,
    pub(super) page_fault: Cited<Latency>,
}

/// Cycles that one event takes; small enough that no run's total overflows.
pub(super) type Latency = Whole<1_000_000>;

/// A number of entries, ways or bits.
pub(super) type Count = Whole<{ u32::MAX }>;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    Fetch,
    Load,
    Store,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Index {
    Linear,
    #[serde(rename = "xor-7")]
    Xor7,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Replacement {
    TrueLru,
    TreePlru,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WalkPort {
    L1d,
    L2,
}

/// A number of ways, or `"full"` for full associativity.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ways {
    Full,
    Of(u32),
}

impl<'de> Deserialize<'de> for Ways {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WaysVisitor)
    }
}

struct WaysVisitor;

impl Visitor<'_> for WaysVisitor {
    type Value = Ways;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of ways or \"full\"")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Ways, E> {
        let ways = u32::try_from(value);
        ways.map(Ways::Of)
            .map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Ways, E> {
        match value {
            "full" => Ok(Ways::Full),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}
