//! What a preset's TOML file may say.

mod names;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub(super) use names::{Index, Replacement, Ways};

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
    pub(super) walkers: Walkers,
    pub(super) caches: Caches,
    pub(super) costs: Costs,
}

/// A value whose place matters: it can be wrong together with others.
pub(super) type Placed<T> = Spanned<Cited<T>>;

/// Cycles that one event takes; small enough that no run's total overflows.
pub(super) type Latency = Whole<1_000_000>;

/// A number of entries, ways or bits.
pub(super) type Count = Whole<{ u32::MAX }>;

/// A number of PCIDs: CR3 has 12 bits for them.
pub(super) type Pcids = Whole<4096>;

/// How far ahead lines are brought: at most to the end of a 4-KiB page.
pub(super) type LinesAhead = Whole<63>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    #[serde(default)]
    pub(super) vendor: Vendor,
    pub(super) physical_address_bits: Placed<Count>,
    pub(super) pages_1g: Cited<bool>,
    pub(super) la57: Cited<bool>,
}

/// Whose manual describes the processor.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Vendor {
    #[default]
    Intel,
    Amd,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlbLevel {
    pub(super) penalty: Cited<Latency>,
    pub(super) fill_on_miss: Option<Cited<bool>>,
    pub(super) promote_on_hit: Option<Cited<bool>>,
    pub(super) inclusion: Option<Cited<Inclusion>>,
    pub(super) tlb: Vec<Spanned<Tlb>>,
}

/// How a level relates to those above it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Inclusion {
    #[default]
    Free,
    Inclusive,
    Exclusive,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tlb {
    pub(super) name: String,
    pub(super) serves: Vec<Stream>,
    pub(super) pages: Vec<Pages>,
    pub(super) entries: Placed<Count>,
    pub(super) ways: Placed<Ways>,
    pub(super) index: Placed<Index>,
    pub(super) replacement: Placed<Replacement>,
    pub(super) pcids: Option<Cited<Pcids>>,
    pub(super) pcids_keeping: Option<Placed<Pcids>>,
    pub(super) coalesce: Option<Placed<Count>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    Fetch,
    Load,
    Store,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StructureCaches {
    pub(super) penalty: Cited<Latency>,
    pub(super) pml5e: Option<StructureCache>,
    pub(super) pml4e: Option<StructureCache>,
    pub(super) pdpte: Option<StructureCache>,
    pub(super) pde: Option<StructureCache>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StructureCache {
    pub(super) entries: Placed<Count>,
    pub(super) ways: Placed<Ways>,
    pub(super) replacement: Placed<Replacement>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Walkers {
    pub(super) count: Placed<Count>,
    pub(super) next_page: Cited<NextPage>,
}

/// What a walk does for the page after its own.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NextPage {
    Leave,
    Prefetch,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caches {
    pub(super) memory_latency: Cited<Latency>,
    pub(super) peer_latency: Cited<Latency>,
    pub(super) walks_enter: Cited<WalkPort>,
    pub(super) llc_inclusion: Cited<Inclusion>,
    pub(super) combining_buffers: Placed<Count>,
    pub(super) l1i: Cache,
    pub(super) l1d: Cache,
    pub(super) l2: Cache,
    pub(super) llc: Cache,
    pub(super) prefetch: Option<Prefetch>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WalkPort {
    L1d,
    L2,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cache {
    pub(super) size: Placed<ByteSize>,
    pub(super) ways: Placed<Count>,
    pub(super) replacement: Placed<Replacement>,
    pub(super) latency: Cited<Latency>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prefetch {
    pub(super) next_line: Option<Cited<Switch>>,
    pub(super) stride_lines: Option<Placed<LinesAhead>>,
    pub(super) stride_pages: Option<Placed<Count>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Switch {
    Off,
    On,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Costs {
    pub(super) accessed_dirty_assist: Cited<Latency>,
    pub(super) page_fault: Cited<Latency>,
    pub(super) zero_frame: Cited<Latency>,
    pub(super) copy_frame: Cited<Latency>,
    pub(super) write_cr3: Cited<Latency>,
    pub(super) write_cr3_keeping: Cited<Latency>,
    pub(super) invlpg: Cited<Latency>,
    pub(super) invpcid: Cited<Latency>,
    pub(super) interrupt_send: Cited<Latency>,
    pub(super) interrupt_service: Cited<Latency>,
    pub(super) interrupt_wait: Cited<Latency>,
    pub(super) context_switch: Cited<Latency>,
    pub(super) collapse: Cited<Latency>,
}
