mod answer;
mod flags;
mod json;
mod text;

use std::ffi::OsString;

use clap::{Args, ValueEnum};
use mmu_core::{AccessKind, PrivilegeMode, VirtAddr};

use super::{
    CliError, Outcome, interrupt::Interrupt, registers::RegisterOptions, results::Results,
};
use crate::{
    image::MemoryImage,
    input::{self, Source},
    number,
};
use answer::{Access, Answer};

/// Walk the page tables in a memory image for addresses, and show every step
///
/// Each entry on the way with its flags, then the page with the rights of the whole path and
/// the bits that choose its memory type, and the physical address; or the fault, and how large
/// the hole is. An address that is not mapped is an answer too: the exit status is 0.
///
/// With --access or --mode the access is checked against the rights as well. PKRU and PKRS
/// are in no image and taken to be 0, which permits everything.
///
/// Under page-table isolation a process has two tables: the note of a processor has the one in
/// use, which in user mode maps almost nothing of the kernel. The other one is beside it:
/// --cr3 with bit 12 the other way round.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside walk guest.elf ffffffff81000000 7ffe00001000
  lookaside walk guest.elf ffff888000000000 --cr3 0x5616000
  lookaside walk guest.kdump 401000 --access write --mode user --json walk.json")]
pub(super) struct Walk {
    /// A memory image (see `lookaside maps --help`); - is standard input
    image: OsString,
    /// Linear addresses, in hexadecimal
    #[arg(required = true, value_name = "ADDRESS", value_parser = number::parse_hexadecimal)]
    addresses: Vec<u64>,
    /// The access to check [default: read]
    #[arg(long, value_enum, value_name = "ACCESS")]
    access: Option<Kind>,
    /// Who makes it [default: as the processor was, else the supervisor]
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<Mode>,
    #[command(flatten)]
    results: Results,
    #[command(flatten)]
    registers: RegisterOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Read,
    Write,
    /// Reads and writes back, as one access
    Modify,
    Fetch,
    ShadowStackRead,
    ShadowStackWrite,
}

impl From<Kind> for AccessKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Read => Self::Read,
            Kind::Write => Self::Write,
            Kind::Modify => Self::ReadModifyWrite,
            Kind::Fetch => Self::Fetch,
            Kind::ShadowStackRead => Self::ShadowStackRead,
            Kind::ShadowStackWrite => Self::ShadowStackWrite,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    User,
    Supervisor,
    /// The processor itself, to a system structure
    Implicit,
}

impl From<Mode> for PrivilegeMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::User => Self::User,
            Mode::Supervisor => Self::Supervisor,
            Mode::Implicit => Self::SupervisorImplicit,
        }
    }
}

impl Walk {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let source = Source::from(self.image);
        self.results.check(std::slice::from_ref(&source))?;
        let image = MemoryImage::load(input::open(&source)?)?;
        let chosen = self.registers.choose(&source, &image)?;
        let access = (self.access.is_some() || self.mode.is_some()).then(|| Access {
            kind: self.access.map_or(AccessKind::Read, AccessKind::from),
            mode: self
                .mode
                .map(PrivilegeMode::from)
                .or(chosen.privilege)
                .unwrap_or(PrivilegeMode::Supervisor),
        });
        let addresses = self.addresses.iter();
        let answers: Vec<_> = addresses
            .map(|&address| Answer::new(&chosen, &image.ram, VirtAddr::new(address), access))
            .collect();
        interrupt.run_is_over().map_err(|_| CliError::Interrupted)?;
        self.results
            .write_json(&json::Document::new(&chosen.regime, &answers))?;
        interrupt.files_are_written();
        self.results
            .print(|writer| text::print(&chosen.regime, &answers, writer))?;
        Ok(Outcome::Done)
    }
}
