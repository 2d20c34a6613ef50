mod info_mem;
mod info_tlb;

use std::{
    cell::Cell,
    ffi::OsString,
    io::{self, Write},
};

use clap::{Args, ValueEnum};
use mmu_core::{Leaf, Mappings, PagingMode, Ram, Regime};
use serde::{
    Serialize, Serializer,
    ser::{Error, SerializeSeq},
};

use super::{
    CliError, Outcome, interrupt::Interrupt, message::tell, registers::RegisterOptions,
    results::Results, rights::rights_text, stoppable::Stoppable,
};
use crate::{
    image::MemoryImage,
    input::{self, Source},
};

/// List every page that an address space in a memory image maps
///
/// Images are ELF cores and kdumps, plain or flattened, as QEMU's dump-guest-memory writes
/// them, images of the Linux Memory Extractor, and raw files whose offset is the physical
/// address; they are told apart by content, and may be compressed. The paging mode is what
/// the registers say.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside maps guest.elf --format info-tlb
  lookaside maps memory.raw --cr3 0x5616000
  lookaside maps guest.kdump --format info-mem
  lookaside maps guest.elf --vcpu 1 --json maps.json")]
pub(super) struct Maps {
    /// A memory image; - is standard input
    image: OsString,
    /// How to print a page
    #[arg(long, value_enum, default_value_t = Format::List)]
    format: Format,
    #[command(flatten)]
    results: Results,
    #[command(flatten)]
    registers: RegisterOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Address, size, physical address, and the rights of the whole path
    List,
    /// As QEMU's `info tlb` prints it, with the flags of the page's own entry
    InfoTlb,
    /// As QEMU's `info mem` prints it: ranges with the same rights of the whole path. 5-level
    /// paging, which QEMU does not know there, in the same way
    InfoMem,
}

impl Maps {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let source = Source::from(self.image);
        self.results.check(std::slice::from_ref(&source))?;
        let image = MemoryImage::load(input::open(&source)?)?;
        let chosen = self.registers.choose(&source, &image)?;
        let regime = chosen.regime;
        if regime.mode() == PagingMode::Off {
            return Err(CliError::PagingOff {
                source_name: source,
                cr0: chosen.registers.cr0.bits(),
            });
        }
        let listing = Listing {
            source,
            regime,
            memory: Stoppable::new(&image.ram, interrupt),
            interrupt,
            notes_told: Cell::new(false),
        };
        self.results.write_json(&listing).map_err(|error| {
            if interrupt.is_raised() {
                return CliError::Interrupted;
            }
            error
        })?;
        if !self.results.has_json() {
            listing.is_over()?;
        }
        interrupt.files_are_written();
        self.results.print(|writer| match self.format {
            Format::List => listing.pages().try_for_each(|leaf| line(&leaf, writer)),
            Format::InfoTlb => {
                let mut pages = listing.pages();
                pages.try_for_each(|leaf| info_tlb::line(&regime, &leaf, writer))
            }
            Format::InfoMem => info_mem::print(&regime, listing.pages(), writer),
        })?;
        Ok(Outcome::Done)
    }
}

/// The pages of an address space, found anew each time they are asked for: there may be more
/// of them than would fit into memory.
struct Listing<'a> {
    source: Source,
    regime: Regime,
    memory: Stoppable<'a, Ram>,
    interrupt: &'a Interrupt,
    notes_told: Cell<bool>,
}

impl Listing<'_> {
    /// The pages; what cannot be walked is told the first time.
    fn pages(&self) -> impl Iterator<Item = Leaf> {
        let tells = !self.notes_told.replace(true);
        Mappings::new(&self.regime, &self.memory).filter_map(move |found| {
            let told = |fault| {
                if tells && !self.interrupt.is_raised() {
                    tell(format_args!("note: {}: {fault}", self.source));
                }
            };
            found.map_err(told).ok()
        })
    }

    fn is_over(&self) -> Result<(), CliError> {
        let over = self.interrupt.run_is_over();
        over.map_err(|_| CliError::Interrupted)
    }
}

/// Ends in an error on Ctrl-C; after the last page no Ctrl-C counts until all is written.
impl Serialize for Listing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        for leaf in self.pages() {
            sequence.serialize_element(&Page::from(&leaf))?;
        }
        self.is_over().map_err(S::Error::custom)?;
        sequence.end()
    }
}

fn line(leaf: &Leaf, writer: &mut dyn Write) -> io::Result<()> {
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
