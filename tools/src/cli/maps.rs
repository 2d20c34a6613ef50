use std::{
    ffi::OsString,
    io::{self, Write},
};

use clap::{Args, ValueEnum};
use mmu_core::{Entry, Leaf, Mappings, Rights};
use serde::Serialize;

use super::{CliError, Outcome, registers::RegisterOptions, results::Results};
use crate::{
    image::MemoryImage,
    input::{self, Source},
};

/// List every page that an address space in a memory image maps
///
/// Images are ELF cores as QEMU's dump-guest-memory writes them, and raw files whose offset
/// is the physical address; they are told apart by content, and may be compressed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside maps guest.elf --format info-tlb
  lookaside maps memory.raw --cr3 0x5616000
  lookaside maps guest.elf --vcpu 1 --json maps.json")]
pub(super) struct Maps {
    /// A memory image; - is standard input
    image: OsString,
    /// How to print a page
    #[arg(long, value_enum, default_value_t = Format::List)]
    format: Format,
    #[command(flatten)]
    registers: RegisterOptions,
    #[command(flatten)]
    results: Results,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Address, size, physical address, and the rights of the whole path
    List,
    /// As QEMU's `info tlb` prints it, with the flags of the page's own entry
    InfoTlb,
}

impl Maps {
    pub(super) fn run(self) -> Result<Outcome, CliError> {
        let source = Source::from(self.image);
        let image = MemoryImage::load(input::open(&source)?)?;
        let regime = self.registers.regime(&source, &image)?;
        let mut pages = Vec::new();
        for found in Mappings::new(&regime, &image.ram) {
            match found {
                Ok(leaf) => pages.push(leaf),
                Err(fault) => eprintln!("note: {source}: {fault}"),
            }
        }
        let described: Vec<_> = pages.iter().map(Page::from).collect();
        self.results.write_json(&described)?;
        self.results.print(|writer| {
            pages.iter().try_for_each(|leaf| match self.format {
                Format::List => list_line(leaf, writer),
                Format::InfoTlb => info_tlb_line(leaf, writer),
            })
        })?;
        Ok(Outcome::Done)
    }
}

fn list_line(leaf: &Leaf, writer: &mut dyn Write) -> io::Result<()> {
    let translation = leaf.translation;
    writeln!(
        writer,
        "{:#018x}  {}  {:#014x}  {}",
        leaf.address,
        translation.size(),
        translation.page(),
        rights_text(translation.rights()),
    )
}

/// The rights as letters: user or supervisor, then read, write, execute.
fn rights_text(rights: Rights) -> String {
    let owner = if rights.contains(Rights::USER) {
        'u'
    } else {
        's'
    };
    let write = if rights.contains(Rights::WRITE) {
        'w'
    } else {
        '-'
    };
    let execute = if rights.contains(Rights::EXECUTE) {
        'x'
    } else {
        '-'
    };
    format!("{owner}r{write}{execute}")
}

/// `%016x: %016x XGPDACTUW`, a dash for a bit that is 0.
fn info_tlb_line(leaf: &Leaf, writer: &mut dyn Write) -> io::Result<()> {
    let is_large = leaf.translation.size() != mmu_core::PageSize::Size4KiB;
    let entry = leaf.entry;
    let flags = [
        ('X', entry.contains(Entry::NO_EXECUTE)),
        ('G', entry.contains(Entry::GLOBAL)),
        ('P', is_large),
        ('D', entry.contains(Entry::DIRTY)),
        ('A', entry.contains(Entry::ACCESSED)),
        ('C', entry.contains(Entry::CACHE_DISABLE)),
        ('T', entry.contains(Entry::WRITE_THROUGH)),
        ('U', entry.contains(Entry::USER)),
        ('W', entry.contains(Entry::WRITABLE)),
    ];
    let flags = flags.map(|(letter, set)| if set { letter } else { '-' });
    writeln!(
        writer,
        "{:016x}: {:016x} {}",
        leaf.address,
        leaf.translation.page(),
        String::from_iter(flags),
    )
}

#[derive(Serialize)]
struct Page {
    address: String,
    bytes: u64,
    physical: String,
    level: String,
    entry_address: String,
    entry: String,
    rights: String,
}

impl From<&Leaf> for Page {
    fn from(leaf: &Leaf) -> Self {
        Self {
            address: format!("{:#x}", leaf.address),
            bytes: leaf.translation.size().bytes(),
            physical: format!("{:#x}", leaf.translation.page()),
            level: leaf.level.to_string(),
            entry_address: format!("{:#x}", leaf.entry_address),
            entry: format!("{:#x}", leaf.entry.bits()),
            rights: rights_text(leaf.translation.rights()),
        }
    }
}
