//! How much memory traces need in all, worked out when a machine has run out of it.

use std::collections::HashSet;

use mmu_core::{Level, Mappings, PageSize};

use super::{MachineConfig, demand::Demand};
use crate::{byte_size::ByteSize, trace::Record};

/// The pages that traces touch.
pub(super) struct PagesTouched {
    size: PageSize,
    levels: &'static [Level],
    processes: u64,
    /// By process and number.
    pages: HashSet<(usize, u64)>,
}

impl PagesTouched {
    /// The pages that a machine has given out so far.
    pub(super) fn of(demand: &Demand, config: MachineConfig) -> Self {
        let size = config.pages.first_size();
        let processes = demand.processes();
        let of_one = |number: usize| {
            let regime = processes[number].regime();
            let pages: Vec<_> = Mappings::new(regime, demand.ram())
                .filter_map(Result::ok)
                .flat_map(|leaf| {
                    let first = leaf.address.page_number(size);
                    first..first + leaf.translation.size().bytes().div_ceil(size.bytes())
                })
                .collect();
            pages.into_iter().map(move |page| (number, page))
        };
        Self {
            size,
            levels: config.paging.levels(),
            processes: processes.len() as u64,
            pages: (0..processes.len()).flat_map(of_one).collect(),
        }
    }

    pub(super) fn touch_all(&mut self, process: usize, records: &[Record]) {
        for record in records {
            let last = record.address.wrapping_add(u64::from(record.size) - 1);
            let pages = record.address.page_number(self.size)..=last.page_number(self.size);
            self.pages.extend(pages.map(|number| (process, number)));
        }
    }

    /// The bytes of these pages and of the page tables that map them.
    pub(super) fn bytes(&self) -> ByteSize {
        let tables_above = |level: Level| {
            let shift = level.shift() - self.size.shift();
            let covered = self
                .pages
                .iter()
                .map(|&(process, number)| (process, number >> shift));
            covered.collect::<HashSet<_>>().len() as u64
        };
        let levels = self.levels.iter().copied();
        let pointing = levels.filter(|level| level.shift() > self.size.shift());
        let tables = self.processes + pointing.map(tables_above).sum::<u64>();
        let table_bytes = tables * PageSize::Size4KiB.bytes();
        ByteSize(self.pages.len() as u64 * self.size.bytes() + table_bytes)
    }
}
