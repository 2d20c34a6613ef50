//! How much memory a trace needs in all, worked out when a machine has run out of it.

use std::collections::HashSet;

use mmu_core::{Level, Mappings, PageSize, VirtAddr};

use super::Machine;
use crate::{byte_size::ByteSize, trace::Record};

/// The pages that a trace touches.
pub(super) struct PagesTouched {
    size: PageSize,
    numbers: HashSet<u64>,
}

impl PagesTouched {
    /// The pages that a machine has given out so far.
    pub(super) fn of(machine: &Machine, size: PageSize) -> Self {
        let mappings = Mappings::new(machine.mmu.regime(), machine.manager.ram());
        let pages = mappings.filter_map(Result::ok);
        Self {
            size,
            numbers: pages.map(|leaf| leaf.address.page_number(size)).collect(),
        }
    }

    pub(super) fn touch_all(&mut self, records: &[Record]) {
        for record in records {
            let last = record.address.wrapping_add(u64::from(record.size) - 1);
            let pages = record.address.page_number(self.size)..=last.page_number(self.size);
            self.numbers.extend(pages);
        }
    }

    /// The bytes of these pages and of the page tables that map them.
    pub(super) fn bytes(&self) -> ByteSize {
        let addresses = self
            .numbers
            .iter()
            .map(|number| VirtAddr::new(number << self.size.shift()));
        let tables_above = |level: Level| {
            let covered = addresses
                .clone()
                .map(|address| address.as_u64() >> level.shift());
            covered.collect::<HashSet<_>>().len() as u64
        };
        let pointing = Level::FOUR_LEVEL
            .into_iter()
            .filter(|level| level.shift() > self.size.shift());
        let tables = 1 + pointing.map(tables_above).sum::<u64>();
        let table_bytes = tables * PageSize::Size4KiB.bytes();
        ByteSize(self.numbers.len() as u64 * self.size.bytes() + table_bytes)
    }
}
