//! Where the cycles of page walks went.

use comfy_table::Table;
use mmu_core::VirtAddr;
use serde::Serialize;

use super::{
    ratio,
    text::{grouped, indented, table},
};
use crate::sim::why::{Page, Places, Spent, Tally, WalkLog};

/// The pages, regions and instructions that walks cost most for; the dearest come first. The
/// parts of each list that is not cut add up to the cycles of all walks.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Hot {
    pages: Vec<HotPage>,
    /// Regions of 2 MiB.
    regions: Vec<HotSpot>,
    instructions: Vec<HotSpot>,
    #[serde(skip)]
    processes: usize,
}

#[derive(Clone, Debug, Serialize)]
struct HotPage {
    process: usize,
    address: String,
    size: String,
    #[serde(flatten)]
    cost: Cost,
}

#[derive(Clone, Debug, Serialize)]
struct HotSpot {
    process: usize,
    /// None for walks before the first instruction.
    address: Option<String>,
    #[serde(flatten)]
    cost: Cost,
}

/// What walks cost, and how much that is of what all cost.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cost {
    walks: u64,
    cycles: u64,
    share: f64,
}

impl Hot {
    pub(super) fn new(log: &WalkLog) -> Self {
        let pages = dearest_first(log, Places::pages);
        let all = pages
            .iter()
            .map(|(_, _, spent)| spent.cycles.as_u64())
            .sum();
        let page = |(process, page, spent): (usize, Page, Spent)| HotPage {
            process,
            address: page.address.to_string(),
            size: page.size.to_string(),
            cost: Cost::new(spent, all),
        };
        let spot = |(process, address, spent): (usize, Option<VirtAddr>, Spent)| HotSpot {
            process,
            address: address.map(|address| address.to_string()),
            cost: Cost::new(spent, all),
        };
        let regions = dearest_first(log, Places::regions).into_iter();
        let regions = regions.map(|(process, region, spent)| spot((process, Some(region), spent)));
        let instructions = dearest_first(log, Places::instructions).into_iter();
        Self {
            pages: pages.into_iter().map(page).collect(),
            regions: regions.collect(),
            instructions: instructions.map(spot).collect(),
            processes: log.processes().len(),
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
        let pages = self.pages.iter().map(|page| {
            let place = indented(1, &page.address);
            (page.process, vec![place, page.size.clone()], page.cost)
        });
        let titles = ["Regions of 2 MiB", "Instructions that walk"];
        let spots = titles.into_iter().zip([&self.regions, &self.instructions]);
        let spots = spots.map(|(title, spots)| {
            let spots = spots.iter().map(|spot| {
                let address = spot.address.as_deref().unwrap_or("before the first");
                (spot.process, vec![indented(1, address)], spot.cost)
            });
            self.table(&[title], spots)
        });
        let mut tables = vec![self.table(&["Pages walked for", "size"], pages)];
        tables.extend(spots);
        tables
    }

    /// A row each; whose it is, only where there are several processes.
    fn table(
        &self,
        headings: &[&str],
        rows: impl Iterator<Item = (usize, Vec<String>, Cost)>,
    ) -> Table {
        let several = (self.processes > 1).then_some("process");
        let headings = headings.iter().copied().chain(several);
        let mut table = table(headings.chain(["walks", "cycles", "share"]));
        for (process, mut row, cost) in rows {
            row.extend(several.map(|_| process.to_string()));
            row.extend([grouped(cost.walks), grouped(cost.cycles)]);
            row.push(format!("{:.2}%", 100.0 * cost.share));
            table.add_row(row);
        }
        table
    }
}

impl Cost {
    fn new(spent: Spent, all: u64) -> Self {
        let cycles = spent.cycles.as_u64();
        Self {
            walks: spent.walks,
            cycles,
            share: ratio(cycles, all),
        }
    }
}

/// Where the walks of all processes were, the dearest first, and then by process and place.
fn dearest_first<K: Copy + Ord + std::hash::Hash>(
    log: &WalkLog,
    tally: impl Fn(&Places) -> &Tally<K>,
) -> Vec<(usize, K, Spent)> {
    let mut all = Vec::new();
    for (process, places) in log.processes().iter().enumerate() {
        let places = tally(places).dearest_first().into_iter();
        all.extend(places.map(|(key, spent)| (process, key, spent)));
    }
    all.sort_by_key(|(.., spent)| std::cmp::Reverse(spent.cycles));
    all
}
