//! How much memory traces need in all, worked out when a machine has run out of it.

use std::collections::HashSet;

use mmu_core::{Level, Mappings, PageSize};

use super::Machine;
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
    pub(super) fn of(machine: &Machine, size: PageSize) -> Self {
        let of_one = |process: usize| {
            let regime = machine.process(process).regime();
            let pages: Vec<_> = Mappings::new(regime, machine.manager.ram())
                .filter_map(Result::ok)
                .flat_map(|leaf| {
                    let first = leaf.address.page_number(size);
                    first..first + leaf.translation.size().bytes().div_ceil(size.bytes())
                })
                .collect();
            pages.into_iter().map(move |number| (process, number))
        };
        Self {
            size,
            levels: machine.config().paging.levels(),
            processes: machine.processes() as u64,
            pages: (0..machine.processes()).flat_map(of_one).collect(),
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
