use mmu_core::{Entry, Leaf, Level, PagingMode, Step};

use super::answer::LARGE_PAT;

/// The flags of an entry that count and are set, by the names that the manuals have for them.
/// Of one that is not present nothing counts.
pub(super) fn flags(step: &Step, mode: PagingMode, page: Option<&Leaf>) -> Vec<&'static str> {
    let entry = step.entry;
    if !entry.contains(Entry::PRESENT) {
        return Vec::new();
    }
    let is_register = mode == PagingMode::Pae && step.level == Level::Pdpte;
    let maps_page = page.is_some_and(|leaf| leaf.entry_address == step.entry_address);
    let is_large = step.level != Level::Pte && entry.contains(Entry::LARGE);
    let pat = if is_large { LARGE_PAT } else { Entry::LARGE };
    let known = [
        ("P", Entry::PRESENT, true),
        ("R/W", Entry::WRITABLE, !is_register),
        ("U/S", Entry::USER, !is_register),
        ("PWT", Entry::WRITE_THROUGH, true),
        ("PCD", Entry::CACHE_DISABLE, true),
        ("A", Entry::ACCESSED, !is_register),
        ("D", Entry::DIRTY, maps_page),
        ("PS", Entry::LARGE, is_large),
        ("PAT", pat, maps_page),
        ("G", Entry::GLOBAL, maps_page),
        ("XD", Entry::NO_EXECUTE, true),
    ];
    let set = known
        .into_iter()
        .filter(|(_, flag, counts)| *counts && entry.contains(*flag));
    set.map(|(name, ..)| name).collect()
}
