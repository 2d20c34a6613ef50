use std::{collections::HashSet, fmt};

use comfy_table::{CellAlignment, Table, presets};
use memory_manager::{ALLOCATION_GRANULARITY, Machine, MemoryKind, MemoryState, ProcessId, Status};
use mmu_core::VirtAddr;
use serde::Serialize;

use super::{
    script::Words,
    words::{in_words, state_name, type_name},
};
use crate::{byte_size::ByteSize, number::with_commas};

/// A process's memory, from one end to the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// The process.
    pub process: String,
    /// Its parts, by address.
    pub parts: Vec<Part>,
    /// How many bytes of page tables realise it: they are in no part.
    pub page_table_size: u64,
}

/// Pages in a row that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The first byte.
    pub base: u64,
    /// How many bytes there are.
    pub size: u64,
    /// What they are for.
    pub r#use: Use,
    /// Their state, in words.
    pub state: String,
    /// What may be done with them, in words; nothing is said of what is not committed.
    pub protection: Option<String>,
    /// What `VirtualQuery` says they are: Private, Mapped or Image; nothing of what is free.
    pub r#type: Option<String>,
    /// Where the region begins that they are of.
    pub allocation_base: Option<u64>,
}

/// What memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// A program's or a library's image.
    Image,
    /// A view of a file.
    MappedFile,
    /// A view of a section without a file.
    Shareable,
    /// A thread's stack.
    Stack,
    /// A process's own, for anything else.
    PrivateData,
    /// Nothing.
    Free,
    /// What is left of the last 64 KiB of a region, where no other can begin, and the last 64 KiB
    /// of all.
    Unusable,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Image => "Image",
            Self::MappedFile => "Mapped File",
            Self::Shareable => "Shareable",
            Self::Stack => "Stack",
            Self::PrivateData => "Private Data",
            Self::Free => "Free",
            Self::Unusable => "Unusable",
        })
    }
}

impl Picture {
    pub(super) fn of(machine: &Machine, name: &str, process: ProcessId) -> Result<Self, Status> {
        let threads = machine.threads(process)?;
        let stacks = threads.filter_map(|thread| machine.stack(thread).ok());
        let stacks: HashSet<VirtAddr> = stacks.map(|stack| stack.bottom).collect();
        let mut parts = Vec::new();
        let mut next = VirtAddr::new(0);
        while let Ok(found) = machine.virtual_query(process, next) {
            let (base, size) = (found.base.as_u64(), found.size);
            let committed = found.state == MemoryState::Commit;
            let protection = u64::from(found.protection.bits());
            let part = |base, size, r#use| Part {
                base,
                size,
                r#use,
                state: state_name(found.state),
                protection: committed.then(|| in_words(Words::Protection, protection)),
                r#type: found.kind.map(type_name),
                allocation_base: found.allocation_base.map(VirtAddr::as_u64),
            };
            match found.kind {
                None => {
                    let tail = (base.next_multiple_of(ALLOCATION_GRANULARITY) - base).min(size);
                    if tail > 0 {
                        parts.push(part(base, tail, Use::Unusable));
                    }
                    if tail < size {
                        parts.push(part(base + tail, size - tail, Use::Free));
                    }
                }
                // Nothing else is reserved so.
                Some(_) if !committed && !found.protection.is_empty() => {
                    parts.push(part(base, size, Use::Unusable));
                }
                Some(MemoryKind::Private)
                    if found.allocation_base.is_some_and(|at| stacks.contains(&at)) =>
                {
                    parts.push(part(base, size, Use::Stack));
                }
                Some(kind) => {
                    let is_of_file = machine.is_in_mapped_file(process, next) == Ok(true);
                    parts.push(part(base, size, use_of(kind, is_of_file)));
                }
            }
            match found.base.checked_add(size) {
                Some(end) if end > next => next = end,
                _ => break,
            }
        }
        Ok(Self {
            process: name.into(),
            parts,
            page_table_size: machine.page_table_size(process)?,
        })
    }
}

fn use_of(kind: MemoryKind, is_of_file: bool) -> Use {
    match kind {
        MemoryKind::Image => Use::Image,
        MemoryKind::Mapped if is_of_file => Use::MappedFile,
        MemoryKind::Mapped => Use::Shareable,
        MemoryKind::Private => Use::PrivateData,
    }
}

/// A size in the largest unit that leaves no remainder.
fn size_in_words(bytes: u64) -> String {
    let size = ByteSize(bytes).to_string();
    let parts = size.split_once(' ');
    let parts = parts.and_then(|(count, unit)| Some((count.parse().ok()?, unit)));
    match parts {
        Some((count, unit)) => format!("{} {unit}", with_commas(count)),
        None => size,
    }
}

/// A table of the parts.
impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["Address", "Size", "Use", "State", "Protection", "Type"]);
        for part in &self.parts {
            table.add_row([
                format!("{:#x}", part.base),
                size_in_words(part.size),
                part.r#use.to_string(),
                part.state.clone(),
                part.protection.clone().unwrap_or_default(),
                part.r#type.clone().unwrap_or_default(),
            ]);
        }
        let tables = size_in_words(self.page_table_size);
        table.add_row(["", &tables, "Page Table"]);
        for column in 0..2 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(f, "Process {}", self.process)?;
        for line in table.lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
