//! What the manual says of an access, as tables of rules: nothing here shares a line, or the
//! way it is built, with `mmu-core`.
//!
//! A case is described by [`Facts`]. The formats of the entries are rows of [`FORMATS`]; what
//! refuses an access, and what the error code says of it, are rows of [`REFUSALS`], [`LASS`]
//! and [`ERROR_CODE`]. [`Case::predict`] only goes through the rows in order.

mod facts;
mod formats;
mod rules;
mod words;

pub use facts::{Facts, When};
pub use formats::{Bits, FORMATS, Field, Format, Kind, LeadsTo, Reserved};
pub use rules::{ERROR_CODE, GLOBAL, LASS, NON_CANONICAL, REFUSALS, Rule};

use formats::format_of;

/// How linear addresses become physical ones (4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// CR0.PG = 0.
    Off,
    /// 32-bit paging.
    ThirtyTwoBit,
    /// PAE paging.
    Pae,
    /// 4-level paging.
    FourLevel,
    /// 5-level paging.
    FiveLevel,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 5] = [
        Self::Off,
        Self::ThirtyTwoBit,
        Self::Pae,
        Self::FourLevel,
        Self::FiveLevel,
    ];

    /// The level of the first entry used.
    pub const fn top(self) -> usize {
        match self {
            Self::Off => 0,
            Self::ThirtyTwoBit => 2,
            Self::Pae => 3,
            Self::FourLevel => 4,
            Self::FiveLevel => 5,
        }
    }

    /// How many bits of an address are translated.
    pub const fn address_bits(self) -> u32 {
        match self {
            Self::Off | Self::ThirtyTwoBit | Self::Pae => 32,
            Self::FourLevel => 48,
            Self::FiveLevel => 57,
        }
    }
}

/// The entries on the way to a page, that of level 1 first; those of levels that the mode
/// does not have are 0.
pub type Path = [u64; 5];

/// An access, and everything that decides about it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The paging mode.
    pub mode: Mode,
    /// The registers, the processor and the access; predicting adds the rest.
    pub facts: Facts,
    /// MAXPHYADDR.
    pub width: u32,
    /// PKRU.
    pub pkru: u32,
    /// `IA32_PKRS`.
    pub pkrs: u32,
    /// The linear address.
    pub address: u64,
    /// The entries that translate it.
    pub path: Path,
    /// Where the table with the entry of each level lies; nowhere else is any memory.
    pub tables: Path,
}

/// What becomes of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It reaches memory.
    Reaches {
        /// The physical address.
        physical: u64,
        /// The size of the page, as a power of two.
        shift: u32,
        /// Whether the translation is global.
        global: bool,
    },
    /// #PF.
    PageFault {
        /// The error code.
        error_code: u32,
        /// The address in CR2.
        cr2: u64,
        /// The level of the entry that decided; that of the page, if its rights did.
        level: usize,
    },
    /// No memory answers where the entry of a level should be.
    NoMemory {
        /// The level.
        level: usize,
    },
    /// #GP(0) or #SS(0): the address is not canonical.
    NonCanonical,
    /// #GP(0) or #SS(0): linear-address space separation.
    AddressSpace,
}

/// Why it becomes that.
#[derive(Clone, Copy, Debug)]
pub enum Reason {
    /// Nothing refuses it.
    NothingRefuses,
    /// An entry is not present (4.7).
    NotPresent {
        /// Its level.
        level: usize,
    },
    /// A table is where there is no memory.
    NoTable,
    /// Reserved bits of an entry are set.
    Reserved {
        /// The format of the entry.
        format: &'static Format,
        /// The bits.
        bits: u64,
    },
    /// A rule refuses it.
    Rule(&'static Rule),
}

/// What the manual says.
#[derive(Clone, Copy, Debug)]
pub struct Prediction {
    /// What becomes of the access.
    pub outcome: Outcome,
    /// The entries afterwards.
    pub path: Path,
    /// Why.
    pub reason: Reason,
}

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const PAGE_SIZE: u64 = 1 << 7;
const GLOBAL_FLAG: u64 = 1 << 8;
const EXECUTE_DISABLE: u64 = 1 << 63;

impl Case {
    /// What the manual says of the case.
    pub fn predict(&self) -> Prediction {
        let mut facts = self.facts;
        facts.set(Facts::NON_CANONICAL, !self.is_canonical());
        facts.set(Facts::BIT_63, self.address >> 63 == 1);
        if self.mode == Mode::Off {
            return self.without_paging();
        }
        // If both refuse the address it is the same #GP, and only the name of it differs.
        if let Some(rule) = first(LASS, facts) {
            return self.unchanged(Outcome::AddressSpace, Reason::Rule(rule));
        }
        if NON_CANONICAL.when.holds(facts) {
            return self.unchanged(Outcome::NonCanonical, Reason::Rule(NON_CANONICAL));
        }
        self.walk(facts)
    }

    fn walk(&self, mut facts: Facts) -> Prediction {
        facts |= Facts::USER_ADDRESS | Facts::WRITABLE_ABOVE;
        let mut path = self.path;
        for level in (1..=self.mode.top()).rev() {
            let entry = self.path[level - 1];
            if entry & PRESENT == 0 {
                facts |= Facts::NOT_PRESENT;
                return self.fault(facts, level, path, Reason::NotPresent { level });
            }
            facts.set(Facts::PS, entry & PAGE_SIZE != 0);
            let format = format_of(self.mode, level, facts);
            let bits = self.reserved(format, facts, entry);
            if bits != 0 {
                facts |= Facts::RESERVED;
                return self.fault(facts, level, path, Reason::Reserved { format, bits });
            }
            if format.kind == Kind::Entry {
                facts.set(
                    Facts::USER_ADDRESS,
                    has(facts, Facts::USER_ADDRESS) && entry & USER != 0,
                );
                facts.set(
                    Facts::XD,
                    has(facts, Facts::XD) || entry & EXECUTE_DISABLE != 0,
                );
            }
            match format.leads_to {
                LeadsTo::Table => {
                    if format.kind == Kind::Entry {
                        let writable = has(facts, Facts::WRITABLE_ABOVE) && entry & WRITABLE != 0;
                        facts.set(Facts::WRITABLE_ABOVE, writable);
                        path[level - 1] |= ACCESSED;
                    }
                    if entry & self.table_address() != self.tables[level - 2] {
                        let outcome = Outcome::NoMemory { level: level - 1 };
                        return self.ends(facts, path, outcome, Reason::NoTable);
                    }
                }
                LeadsTo::Page { shift, address } => {
                    let page = address.iter().fold(0, |page, field| {
                        let bits = entry & Bits::Range(field.high, field.low).mask(0);
                        page | bits >> field.low << field.at
                    });
                    return self.at_page(facts, level, path, page, shift);
                }
            }
        }
        unreachable!("an entry of level 1 maps a page")
    }

    /// The whole way is known: the rights decide (4.6), then flags are set (4.8).
    fn at_page(
        &self,
        mut facts: Facts,
        level: usize,
        mut path: Path,
        page: u64,
        shift: u32,
    ) -> Prediction {
        let entry = &mut path[level - 1];
        facts |= Facts::TRANSLATED;
        facts.set(Facts::WRITABLE_PAGE, *entry & WRITABLE != 0);
        facts.set(Facts::DIRTY_PAGE, *entry & DIRTY != 0);
        facts.set(Facts::GLOBAL_PAGE, *entry & GLOBAL_FLAG != 0);
        let both = Facts::WRITABLE_ABOVE | Facts::WRITABLE_PAGE;
        facts.set(Facts::WRITABLE, facts.contains(both));
        // The protection key is bits 62:59 (4.6.2); each has two bits in its register.
        let at = (*entry >> 59 & 0xf) * 2;
        facts.set(Facts::PKRU_AD, self.pkru >> at & 1 != 0);
        facts.set(Facts::PKRU_WD, self.pkru >> at & 2 != 0);
        facts.set(Facts::PKRS_AD, self.pkrs >> at & 1 != 0);
        facts.set(Facts::PKRS_WD, self.pkrs >> at & 2 != 0);
        if let Some(rule) = first(REFUSALS, facts) {
            return self.fault(facts, level, path, Reason::Rule(rule));
        }
        *entry |= ACCESSED;
        if has(facts, Facts::WRITE) {
            *entry |= DIRTY;
        }
        Prediction {
            outcome: Outcome::Reaches {
                physical: page | self.translated() & ((1 << shift) - 1),
                shift,
                global: GLOBAL.when.holds(facts),
            },
            path,
            reason: Reason::NothingRefuses,
        }
    }

    fn fault(&self, facts: Facts, level: usize, walked: Path, reason: Reason) -> Prediction {
        let rows = ERROR_CODE.iter().filter(|(_, rule)| rule.when.holds(facts));
        let outcome = Outcome::PageFault {
            error_code: rows.fold(0, |code, (bit, _)| code | bit),
            cr2: self.translated(),
            level,
        };
        self.ends(facts, walked, outcome, reason)
    }

    /// The walk comes to no page.
    fn ends(&self, facts: Facts, walked: Path, outcome: Outcome, reason: Reason) -> Prediction {
        Prediction {
            outcome,
            // 4.8 leaves open whether a walk that fails sets accessed flags.
            path: if has(facts, Facts::EAGER) {
                walked
            } else {
                self.path
            },
            reason,
        }
    }

    fn without_paging(&self) -> Prediction {
        let outcome = Outcome::Reaches {
            physical: self.translated(),
            shift: 12,
            global: false,
        };
        self.unchanged(outcome, Reason::NothingRefuses)
    }

    fn unchanged(&self, outcome: Outcome, reason: Reason) -> Prediction {
        Prediction {
            outcome,
            path: self.path,
            reason,
        }
    }

    /// The reserved bits that are set in an entry of this format.
    fn reserved(&self, format: &Format, facts: Facts, entry: u64) -> u64 {
        let rows = format.reserved.iter().filter(|row| row.when.holds(facts));
        rows.fold(0, |set, row| set | entry & row.bits.mask(self.width))
    }

    /// Whether the registers would have been loaded with these four PDPTEs (4.4.1).
    pub fn would_load(&self, pdptes: [u64; 4]) -> bool {
        pdptes.iter().all(|&pdpte| {
            let format = format_of(Mode::Pae, 3, self.facts);
            pdpte & PRESENT == 0 || self.reserved(format, self.facts, pdpte) == 0
        })
    }

    /// The bits of an entry that are the address of a table; the reserved ones are 0.
    fn table_address(&self) -> u64 {
        match self.mode {
            Mode::Off | Mode::ThirtyTwoBit => Bits::Range(31, 12).mask(0),
            Mode::Pae | Mode::FourLevel | Mode::FiveLevel => Bits::Range(51, 12).mask(0),
        }
    }

    fn is_canonical(&self) -> bool {
        match self.mode {
            Mode::Off | Mode::ThirtyTwoBit | Mode::Pae => true,
            Mode::FourLevel | Mode::FiveLevel => {
                let upper = self.address >> (self.mode.address_bits() - 1);
                upper == 0 || upper == u64::MAX >> (self.mode.address_bits() - 1)
            }
        }
    }

    /// The address as it is used: outside 64-bit mode it has 32 bits.
    fn translated(&self) -> u64 {
        match self.mode {
            Mode::Off | Mode::ThirtyTwoBit | Mode::Pae => self.address & 0xffff_ffff,
            Mode::FourLevel | Mode::FiveLevel => self.address,
        }
    }
}

fn has(facts: Facts, fact: Facts) -> bool {
    facts.contains(fact)
}

fn first(rules: &'static [Rule], facts: Facts) -> Option<&'static Rule> {
    rules.iter().find(|rule| rule.when.holds(facts))
}
