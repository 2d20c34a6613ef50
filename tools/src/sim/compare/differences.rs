use serde::Serialize;

use crate::sim::{
    Report,
    metric::{self, Change, Number},
};

/// What is set side by side, where machines have it: a title, and the number's name.
const COMPARED: [(&str, &str); 30] = [
    ("total cycles", "cycles.total"),
    ("translation cycles", "cycles.translation"),
    ("  STLB", "cycles.by_owner.stlb"),
    ("  structure caches", "cycles.by_owner.structure_caches"),
    ("  entries, L1D", "cycles.by_owner.walk_l1d"),
    ("  entries, L2", "cycles.by_owner.walk_l2"),
    ("  entries, LLC", "cycles.by_owner.walk_llc"),
    ("  entries, memory", "cycles.by_owner.walk_memory"),
    ("  accessed and dirty", "cycles.by_owner.accessed_dirty"),
    ("page-fault cycles", "cycles.by_owner.fault"),
    ("disk cycles", "cycles.by_owner.disk"),
    ("fetch cycles", "cycles.by_owner.fetch"),
    ("data cycles", "cycles.by_owner.data"),
    ("fetch TLB misses", "lookups.fetch.missed"),
    ("load TLB misses", "lookups.load.missed"),
    ("store TLB misses", "lookups.store.missed"),
    ("walks", "walks.total"),
    ("entries read", "walks.references"),
    ("entries per walk", "walks.references_per_walk"),
    ("walk cycles", "walks.cycles"),
    ("page faults", "page_faults.demand_zero"),
    ("soft faults", "paging.soft"),
    ("hard faults", "paging.hard"),
    ("pages trimmed", "paging.trimmed"),
    ("pages read", "paging.pages_read"),
    ("pages written", "paging.pages_written"),
    ("TLB shootdowns", "paging.shootdowns"),
    ("seconds", "paging.seconds"),
    ("memory in pages", "footprint.bytes"),
    ("memory in tables", "footprint.page_table_bytes"),
];

/// A number of the first machine, and by how much it differs in the others.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Difference {
    #[serde(skip)]
    pub(super) title: &'static str,
    metric: &'static str,
    pub(super) first: Number,
    pub(super) others: Vec<Other>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Other {
    variant: String,
    value: Number,
    difference: f64,
    /// None if the first machine's number is 0.
    percent: Option<f64>,
    #[serde(skip)]
    pub(super) change: Change,
}

pub(super) fn between(names: &[String], reports: &[Report]) -> Vec<Difference> {
    let values: Vec<_> = reports
        .iter()
        .filter_map(|report| serde_json::to_value(report).ok())
        .collect();
    let Some((first, others)) = values.split_first() else {
        return Vec::new();
    };
    let difference = |(title, metric): (&'static str, &'static str)| {
        let first = metric::number(first, metric).ok()?;
        let others = others.iter().zip(&names[1..]).map(|(other, name)| {
            let value = metric::number(other, metric).ok()?;
            let change = value.since(first);
            Some(Other {
                variant: name.clone(),
                value,
                difference: change.absolute(),
                percent: change.percent(),
                change,
            })
        });
        Some(Difference {
            title,
            metric,
            first,
            others: others.collect::<Option<_>>()?,
        })
    };
    COMPARED.into_iter().filter_map(difference).collect()
}
