//! Where the cycles of page walks went.

use comfy_table::Table;
use mmu_core::VirtAddr;
use serde::Serialize;

use super::{
    ratio,
    text::{grouped, indented, table},
};
use crate::sim::why::{Page, Spent, Tally, WalkLog};

/// The pages, regions and instructions that walks cost most for; the dearest come first. The
/// parts of each list that is not cut add up to the cycles of all walks.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Hot {
    pages: Vec<HotPage>,
    /// Regions of 2 MiB.
    regions: Vec<HotSpot>,
    instructions: Vec<HotSpot>,
}

#[derive(Clone, Debug, Serialize)]
struct HotPage {
    address: String,
    size: String,
    walks: u64,
    cycles: u64,
    share: f64,
}

#[derive(Clone, Debug, Serialize)]
struct HotSpot {
    /// None for walks before the first instruction.
    address: Option<String>,
    walks: u64,
    cycles: u64,
    share: f64,
}

impl Hot {
    pub(super) fn new(log: &WalkLog) -> Self {
        let pages = log.pages().dearest_first();
        let all = cycles_of(&pages);
        let page = |(page, spent): (Page, Spent)| HotPage {
            address: page.address.to_string(),
            size: page.size.to_string(),
            walks: spent.walks,
            cycles: spent.cycles.as_u64(),
            share: ratio(spent.cycles.as_u64(), all),
        };
        Self {
            pages: pages.into_iter().map(page).collect(),
            regions: spots(log.regions(), all, Some),
            instructions: spots(log.instructions(), all, |address| address),
        }
    }

    pub(super) fn keep_top(&mut self, count: usize) {
        self.pages.truncate(count);
        self.regions.truncate(count);
        self.instructions.truncate(count);
    }

    /// No tables if there were no walks, or none of them is wanted.
    pub(super) fn tables(&self) -> Vec<Table> {
        if self.pages.is_empty() {
            return Vec::new();
        }
        let mut pages = table(["Pages walked for", "size", "walks", "cycles", "share"]);
        for page in &self.pages {
            pages.add_row([
                indented(1, &page.address),
                page.size.clone(),
                grouped(page.walks),
                grouped(page.cycles),
                share(page.share),
            ]);
        }
        vec![
            pages,
            spot_table("Regions of 2 MiB", &self.regions),
            spot_table("Instructions that walk", &self.instructions),
        ]
    }
}

fn cycles_of<K>(spent: &[(K, Spent)]) -> u64 {
    spent.iter().map(|(_, spent)| spent.cycles.as_u64()).sum()
}

fn spots<K: Copy + Ord + std::hash::Hash>(
    tally: &Tally<K>,
    all: u64,
    address: impl Fn(K) -> Option<VirtAddr>,
) -> Vec<HotSpot> {
    let spot = |(key, spent): (K, Spent)| HotSpot {
        address: address(key).map(|address| address.to_string()),
        walks: spent.walks,
        cycles: spent.cycles.as_u64(),
        share: ratio(spent.cycles.as_u64(), all),
    };
    tally.dearest_first().into_iter().map(spot).collect()
}

fn spot_table(title: &str, spots: &[HotSpot]) -> Table {
    let mut table = table([title, "walks", "cycles", "share"]);
    for spot in spots {
        let address = spot.address.as_deref().unwrap_or("before the first");
        table.add_row([
            indented(1, address),
            grouped(spot.walks),
            grouped(spot.cycles),
            share(spot.share),
        ]);
    }
    table
}

fn share(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}
