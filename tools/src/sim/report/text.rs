//! The report for a terminal of 80 columns.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use mmu_core::Owner;

use super::{Report, latency, owners, paging::Paging, processors, ratio};
use crate::{byte_size::ByteSize, trace::Excerpt};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_trace(f)?;
        write!(f, "{}", self.machine)?;
        if self.trace.programs.len() > 1 {
            section(f, &self.trace_table())?;
        }
        section(f, &self.program())?;
        section(f, &self.cycle_table())?;
        for table in processors::tables(&self.processors) {
            section(f, &table)?;
        }
        for table in self.paging.iter().flat_map(Paging::tables) {
            section(f, &table)?;
        }
        section(f, &self.lookup_table())?;
        section(f, &self.tlb_table())?;
        section(f, &self.walk_table())?;
        section(f, &self.walk_reads_table())?;
        for table in latency::tables(&self.walks.latency) {
            section(f, &table)?;
        }
        for table in self.hot.tables() {
            section(f, &table)?;
        }
        section(f, &self.structure_table())?;
        section(f, &self.cache_table())?;
        section(f, &self.footprint_table())
    }
}

impl Report {
    /// Which trace it was.
    pub(in crate::sim) fn write_trace(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Trace      {}", excerpt(&self.trace.name, HEAD))
    }

    /// Where each trace ran.
    fn trace_table(&self) -> Table {
        let mut table = table(["Traces", "process", "processor", "accesses"]);
        let places = self.machine.places();
        for (trace, (process, processor)) in self.trace.programs.iter().zip(places) {
            table.add_row([
                indented(1, &trace.name),
                process.to_string(),
                processor.to_string(),
                grouped(trace.counts.records),
            ]);
        }
        table
    }

    fn program(&self) -> Table {
        let trace = &self.trace.all;
        let mut table = table(["Program", "accesses"]);
        for (name, count) in [
            ("instructions", trace.instructions),
            ("loads", trace.loads),
            ("stores", trace.stores),
            ("modifies", trace.modifies),
        ] {
            table.add_row([indented(1, name), grouped(count)]);
        }
        table
    }

    fn cycle_table(&self) -> Table {
        let cycles = &self.cycles;
        let mut table = table(["Cycles", "count", "share", "per instruction"]);
        let shown = Owner::ALL.map(|owner| (owner, cycles.by_owner.of(owner)));
        let shown = shown
            .into_iter()
            .filter(|&(owner, count)| count != 0 || owners::is_always_shown(owner));
        let (translation, others): (Vec<_>, Vec<_>) =
            shown.partition(|(owner, _)| owner.is_translation());
        let of = |depth| move |(owner, count)| (depth, owners::title(owner), count);
        let sums = [
            (1, "total", cycles.total),
            (1, "address translation", cycles.translation),
        ];
        let parts = translation.into_iter().map(of(2));
        let rows = sums
            .into_iter()
            .chain(parts)
            .chain(others.into_iter().map(of(1)));
        for (depth, name, count) in rows {
            table.add_row([
                indented(depth, name),
                grouped(count),
                percent(count, cycles.total),
                per_instruction(count, self.trace.all.instructions),
            ]);
        }
        table
    }

    fn lookup_table(&self) -> Table {
        let mut table = table(["TLB look-ups", "total", "L1 hits", "lower hits", "misses"]);
        for lookups in &self.lookups {
            let (first, lower) = lookups.hits_by_level.split_first().unwrap_or((&0, &[]));
            table.add_row([
                indented(1, lookups.stream),
                grouped(lookups.total),
                grouped(*first),
                grouped(lower.iter().sum()),
                grouped(lookups.missed),
            ]);
        }
        table
    }

    fn tlb_table(&self) -> Table {
        let mut table = table(["TLBs", "entries", "ways", "hits", "fills", "evictions"]);
        for tlb in &self.tlbs {
            table.add_row([
                indented(1, &tlb.name),
                tlb.entries.to_string(),
                tlb.ways.to_string(),
                grouped(tlb.hits),
                grouped(tlb.fills),
                grouped(tlb.evictions),
            ]);
        }
        table
    }

    fn walk_table(&self) -> Table {
        let walks = &self.walks;
        let mut table = table(["Page walks", "count"]);
        for (name, value) in [
            ("completed", grouped(walks.completed)),
            ("ended in a page fault", grouped(walks.faulted)),
            ("entries read", grouped(walks.references)),
            (
                "entries read per walk",
                format!("{:.3}", walks.references_per_walk),
            ),
            (
                "accessed or dirty bits set",
                grouped(walks.accessed_dirty_updates),
            ),
        ] {
            table.add_row([indented(1, name), value]);
        }
        for (name, count) in [
            ("found under way and waited for", walks.merged),
            ("ahead, for the next page", walks.ahead),
            ("entries read ahead", walks.ahead_references),
        ] {
            if count > 0 {
                table.add_row([indented(1, name), grouped(count)]);
            }
        }
        table
    }

    fn walk_reads_table(&self) -> Table {
        let mut table = table([
            "Entries read",
            "all",
            "a walk",
            "from L1D",
            "L2",
            "LLC",
            "memory",
        ]);
        for by in &self.walks.served {
            table.add_row([
                indented(1, &by.level),
                grouped(by.l1d + by.l2 + by.llc + by.memory),
                format!("{:.3}", by.per_walk),
                grouped(by.l1d),
                grouped(by.l2),
                grouped(by.llc),
                grouped(by.memory),
            ]);
        }
        table
    }

    fn structure_table(&self) -> Table {
        let header = [
            "Paging-structure caches",
            "entries",
            "ways",
            "hits",
            "of walks",
            "fills",
        ];
        let mut table = table(header);
        for cache in &self.structure_caches {
            table.add_row([
                indented(1, &cache.level),
                cache.entries.to_string(),
                cache.ways.to_string(),
                grouped(cache.hits),
                percent(cache.hits, cache.lookups),
                grouped(cache.fills),
            ]);
        }
        table
    }

    fn cache_table(&self) -> Table {
        let mut table = table(["Caches", "size", "ways", "hits", "misses", "write-backs"]);
        for cache in &self.caches {
            table.add_row([
                indented(1, &cache.name),
                ByteSize(cache.bytes).to_string(),
                cache.ways.to_string(),
                grouped(cache.hits),
                grouped(cache.misses),
                grouped(cache.write_backs),
            ]);
        }
        table
    }

    fn footprint_table(&self) -> Table {
        let footprint = &self.footprint;
        let mut table = table(["Footprint", "pages", "KiB"]);
        for (name, pages, size) in [
            ("4 KiB pages", footprint.pages_4k, 4),
            ("2 MiB pages", footprint.pages_2m, 2 << 10),
            ("1 GiB pages", footprint.pages_1g, 1 << 20),
            ("page tables", footprint.page_tables, 4),
        ] {
            table.add_row([indented(1, name), grouped(pages), grouped(pages * size)]);
        }
        let faults = grouped(self.page_faults.demand_zero);
        table.add_row([indented(1, "demand-zero faults"), faults]);
        for (name, count) in [
            ("made into 2 MiB pages", footprint.collapses),
            ("not made for lack of memory", footprint.failed_collapses),
        ] {
            if count > 0 {
                table.add_row([indented(1, name), grouped(count)]);
            }
        }
        table
    }
}

/// A trace need not have instructions.
fn per_instruction(count: u64, instructions: u64) -> String {
    if instructions == 0 {
        return "-".into();
    }
    format!("{:.3}", ratio(count, instructions))
}

pub(in crate::sim) fn section(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    writeln!(f)?;
    for line in table.lines() {
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

pub(in crate::sim) fn table(header: impl Into<comfy_table::Row>) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(header);
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if place > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// How many columns are left to a name behind its heading.
const HEAD: usize = 68;

/// How many columns a name in a first column may have.
const NAME: usize = 26;

pub(in crate::sim) fn excerpt(name: &str, columns: usize) -> Excerpt {
    Excerpt::of(name.as_bytes(), columns)
}

pub(in crate::sim) fn indented(depth: usize, name: &str) -> String {
    format!("{:indent$}{}", "", excerpt(name, NAME), indent = 2 * depth)
}

pub(in crate::sim) fn percent(part: u64, whole: u64) -> String {
    format!("{:.2}%", 100.0 * ratio(part, whole))
}

/// A number with commas between its thousands, in millions from a milliard on: JSON has it
/// exactly.
pub(in crate::sim) fn grouped(number: u64) -> String {
    const MILLION: u64 = 1_000_000;
    if number >= 1000 * MILLION {
        return format!("{} M", crate::number::with_commas(number / MILLION));
    }
    crate::number::with_commas(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (123_456, "123,456"),
            (999_999_999, "999,999,999"),
            (12_345_678_901, "12,345 M"),
            (u64::MAX, "18,446,744,073,709 M"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
