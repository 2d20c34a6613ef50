//! The formats of the entries (SDM vol. 3, tables 4-4 to 4-20), a row for each.

use super::{Facts, Mode, When};

/// An entry's format.
#[derive(Debug)]
pub struct Format {
    /// What the manual calls it.
    pub name: &'static str,
    /// The manual's table.
    pub table: &'static str,
    /// In which modes.
    pub modes: &'static [Mode],
    /// At which level: 1 for the entries of page tables.
    pub level: usize,
    /// Which entries of the level have it.
    pub when: When,
    /// What it leads to.
    pub leads_to: LeadsTo,
    /// Whether it has R/W, U/S, XD and accessed flags.
    pub kind: Kind,
    /// The bits that must be 0.
    pub reserved: &'static [Reserved],
}

/// What an entry leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadsTo {
    /// A table.
    Table,
    /// A page of 2^shift bytes, whose address is made of these fields.
    Page {
        /// The size of the page.
        shift: u32,
        /// Its address.
        address: &'static [Field],
    },
}

/// Bits of an entry that are bits of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The highest bit in the entry.
    pub high: u32,
    /// The lowest.
    pub low: u32,
    /// Where the lowest stands in the address.
    pub at: u32,
}

/// Whether an entry takes part in rights and accessed flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has R/W, U/S, XD and an accessed flag.
    Entry,
    /// A PDPTE of PAE paging has none (4.4.1); it is in a register.
    Register,
}

/// Bits that must be 0.
#[derive(Debug)]
pub struct Reserved {
    /// Which.
    pub bits: Bits,
    /// When they must.
    pub when: When,
}

/// Bits of an entry, both ends included.
#[derive(Clone, Copy, Debug)]
pub enum Bits {
    /// From this bit down to this one.
    Range(u32, u32),
    /// From this bit down to bit MAXPHYADDR.
    FromWidth(u32),
    /// From bit 21 down to bit M-19, M being MAXPHYADDR but at most 40 (table 4-4).
    Pse36,
}

impl Bits {
    /// The mask, on a processor with this MAXPHYADDR.
    pub const fn mask(self, width: u32) -> u64 {
        let (high, low) = match self {
            Self::Range(high, low) => (high, low),
            Self::FromWidth(high) => (high, width),
            Self::Pse36 if width > 40 => (21, 21),
            Self::Pse36 => (21, width - 19),
        };
        if high < low {
            0
        } else {
            (u64::MAX >> (63 - high)) & (u64::MAX << low)
        }
    }
}

const fn reserved(bits: Bits) -> Reserved {
    Reserved {
        bits,
        when: When::ALWAYS,
    }
}

const fn reserved_when(bits: Bits, when: When) -> Reserved {
    Reserved { bits, when }
}

const IA32E: &[Mode] = &[Mode::FourLevel, Mode::FiveLevel];
const PAE: &[Mode] = &[Mode::Pae];
const LEGACY: &[Mode] = &[Mode::ThirtyTwoBit];

/// Bits 51:M are reserved (4.5.4).
const ADDRESS: Reserved = reserved(Bits::FromWidth(51));
/// XD is reserved if `IA32_EFER.NXE` = 0 (4.4.2, 4.5.4).
const XD: Reserved = reserved_when(Bits::Range(63, 63), When::ALWAYS.but(Facts::NXE));
/// Bits 62:M are reserved in PAE paging (4.4.2).
const PAE_ADDRESS: Reserved = reserved(Bits::FromWidth(62));
/// Bit 8 of what would be the highest entries must be zero on AMD's (APM vol. 2, 5.3.3).
const AMD_TOP: Reserved = reserved_when(Bits::Range(8, 8), When::all(Facts::AMD));
/// The PAT flag of a 4-KByte page and of a larger one, where there is no PAT.
const PAT_4_KBYTE: Reserved = reserved_when(Bits::Range(7, 7), When::ALWAYS.but(Facts::HAS_PAT));
/// In 32-bit paging nothing is reserved while CR4.PSE = 0 (4.3).
const PAT_32_BIT: Reserved =
    reserved_when(Bits::Range(7, 7), When::all(Facts::PSE).but(Facts::HAS_PAT));
const PAT_LARGE: Reserved = reserved_when(Bits::Range(12, 12), When::ALWAYS.but(Facts::HAS_PAT));

const fn page(shift: u32, address: &'static [Field]) -> LeadsTo {
    LeadsTo::Page { shift, address }
}

const fn field(high: u32, low: u32, at: u32) -> Field {
    Field { high, low, at }
}

const fn format(
    (name, table): (&'static str, &'static str),
    modes: &'static [Mode],
    level: usize,
    when: When,
    leads_to: LeadsTo,
    reserved: &'static [Reserved],
) -> Format {
    Format {
        name,
        table,
        modes,
        level,
        when,
        leads_to,
        kind: Kind::Entry,
        reserved,
    }
}

/// Every format. Of those of a mode and level the first whose condition holds is an entry's.
pub const FORMATS: &[Format] = &[
    // 32-bit paging.
    format(
        ("PDE that maps a 4-MByte page, PSE-36", "4-4"),
        LEGACY,
        2,
        When::all(Facts::PS.union(Facts::PSE).union(Facts::HAS_PSE_36)),
        page(22, &[field(31, 22, 22), field(20, 13, 32)]),
        &[reserved(Bits::Pse36), PAT_LARGE],
    ),
    format(
        ("PDE that maps a 4-MByte page", "4-4"),
        LEGACY,
        2,
        When::all(Facts::PS.union(Facts::PSE)),
        page(22, &[field(31, 22, 22)]),
        &[reserved(Bits::Range(21, 13)), PAT_LARGE],
    ),
    format(
        ("PDE that references a page table", "4-5"),
        LEGACY,
        2,
        When::ALWAYS,
        LeadsTo::Table,
        &[],
    ),
    format(
        ("PTE", "4-6"),
        LEGACY,
        1,
        When::ALWAYS,
        page(12, &[field(31, 12, 12)]),
        &[PAT_32_BIT],
    ),
    // PAE paging.
    Format {
        name: "PDPTE register",
        table: "4-8",
        modes: PAE,
        level: 3,
        when: When::ALWAYS,
        leads_to: LeadsTo::Table,
        kind: Kind::Register,
        reserved: &[
            reserved(Bits::FromWidth(63)),
            reserved(Bits::Range(8, 5)),
            reserved(Bits::Range(2, 1)),
        ],
    },
    format(
        ("PDE that maps a 2-MByte page", "4-9"),
        PAE,
        2,
        When::all(Facts::PS),
        page(21, &[field(51, 21, 21)]),
        &[PAE_ADDRESS, XD, reserved(Bits::Range(20, 13)), PAT_LARGE],
    ),
    format(
        ("PDE that references a page table", "4-10"),
        PAE,
        2,
        When::ALWAYS,
        LeadsTo::Table,
        &[PAE_ADDRESS, XD],
    ),
    format(
        ("PTE", "4-11"),
        PAE,
        1,
        When::ALWAYS,
        page(12, &[field(51, 12, 12)]),
        &[PAE_ADDRESS, XD, PAT_4_KBYTE],
    ),
    // 4-level and 5-level paging.
    format(
        ("PML5E", "4-14"),
        &[Mode::FiveLevel],
        5,
        When::ALWAYS,
        LeadsTo::Table,
        &[ADDRESS, XD, reserved(Bits::Range(7, 7)), AMD_TOP],
    ),
    format(
        ("PML4E", "4-15"),
        IA32E,
        4,
        When::ALWAYS,
        LeadsTo::Table,
        &[ADDRESS, XD, reserved(Bits::Range(7, 7)), AMD_TOP],
    ),
    format(
        ("PDPTE that maps a 1-GByte page", "4-16"),
        IA32E,
        3,
        When::all(Facts::PS.union(Facts::HAS_1_GBYTE)),
        page(30, &[field(51, 30, 30)]),
        &[ADDRESS, XD, reserved(Bits::Range(29, 13))],
    ),
    format(
        ("PDPTE that references a page directory", "4-17"),
        IA32E,
        3,
        When::ALWAYS,
        LeadsTo::Table,
        &[ADDRESS, XD, reserved(Bits::Range(7, 7))],
    ),
    format(
        ("PDE that maps a 2-MByte page", "4-18"),
        IA32E,
        2,
        When::all(Facts::PS),
        page(21, &[field(51, 21, 21)]),
        &[ADDRESS, XD, reserved(Bits::Range(20, 13))],
    ),
    format(
        ("PDE that references a page table", "4-19"),
        IA32E,
        2,
        When::ALWAYS,
        LeadsTo::Table,
        &[ADDRESS, XD],
    ),
    format(
        ("PTE", "4-20"),
        IA32E,
        1,
        When::ALWAYS,
        page(12, &[field(51, 12, 12)]),
        &[ADDRESS, XD],
    ),
];

/// The format of an entry of a level.
pub(super) fn format_of(mode: Mode, level: usize, facts: Facts) -> &'static Format {
    FORMATS
        .iter()
        .find(|format| {
            format.level == level && format.modes.contains(&mode) && format.when.holds(facts)
        })
        .unwrap_or_else(|| panic!("{mode:?} has no entries of level {level}"))
}
