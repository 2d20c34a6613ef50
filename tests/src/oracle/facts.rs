use std::fmt;

use bitflags::bitflags;

bitflags! {
    /// What is so in a case: of the registers, the processor, the access, its address, and,
    /// once they are looked at, of the entries. Every rule speaks of these only.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Facts: u64 {
        /// CR0.WP.
        const WP = 1 << 0;
        /// CR4.PSE.
        const PSE = 1 << 1;
        /// CR4.PAE.
        const PAE = 1 << 2;
        /// CR4.PGE.
        const PGE = 1 << 3;
        /// CR4.SMEP.
        const SMEP = 1 << 4;
        /// CR4.SMAP.
        const SMAP = 1 << 5;
        /// CR4.PKE.
        const PKE = 1 << 6;
        /// CR4.CET.
        const CET = 1 << 7;
        /// CR4.PKS.
        const PKS = 1 << 8;
        /// CR4.LASS.
        const LASS = 1 << 9;
        /// IA32_EFER.LMA.
        const LMA = 1 << 10;
        /// IA32_EFER.NXE.
        const NXE = 1 << 11;
        /// EFLAGS.AC.
        const AC = 1 << 12;

        /// The processor is AMD's.
        const AMD = 1 << 16;
        /// The processor has 1-GByte pages.
        const HAS_1_GBYTE = 1 << 17;
        /// The processor has PSE-36.
        const HAS_PSE_36 = 1 << 18;
        /// The processor has the PAT.
        const HAS_PAT = 1 << 19;
        /// The processor sets accessed flags on the way to a fault.
        const EAGER = 1 << 20;

        /// The access reads or writes data; shadow stacks are data.
        const DATA = 1 << 24;
        /// The access writes, perhaps after it read.
        const WRITE = 1 << 25;
        /// The access fetches an instruction.
        const FETCH = 1 << 26;
        /// The access is one to a shadow stack.
        const SHADOW_STACK = 1 << 27;
        /// The access is made in user mode; without it, in supervisor mode.
        const USER_MODE = 1 << 28;
        /// The access is an implicit one, to a system structure.
        const IMPLICIT = 1 << 29;
        /// The address is not canonical.
        const NON_CANONICAL = 1 << 30;
        /// Bit 63 of the address is 1.
        const BIT_63 = 1 << 31;

        /// PS, bit 7, is 1 in the entry at hand.
        const PS = 1 << 36;
        /// An entry is not present.
        const NOT_PRESENT = 1 << 37;
        /// An entry that is present has a reserved bit set.
        const RESERVED = 1 << 38;
        /// The whole way to the page is there.
        const TRANSLATED = 1 << 39;
        /// U/S is 1 in every entry.
        const USER_ADDRESS = 1 << 40;
        /// R/W is 1 in every entry.
        const WRITABLE = 1 << 41;
        /// R/W is 1 in every entry but the one that maps the page.
        const WRITABLE_ABOVE = 1 << 42;
        /// R/W is 1 in the entry that maps the page.
        const WRITABLE_PAGE = 1 << 43;
        /// D is 1 in the entry that maps the page.
        const DIRTY_PAGE = 1 << 44;
        /// G is 1 in the entry that maps the page.
        const GLOBAL_PAGE = 1 << 45;
        /// XD is 1 in some entry.
        const XD = 1 << 46;
        /// PKRU.ADi, of the key i of the address.
        const PKRU_AD = 1 << 47;
        /// PKRU.WDi.
        const PKRU_WD = 1 << 48;
        /// IA32_PKRS.ADi.
        const PKRS_AD = 1 << 49;
        /// IA32_PKRS.WDi.
        const PKRS_WD = 1 << 50;
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bitflags::parser::to_writer(self, f)
    }
}

/// Facts that must hold and facts that must not.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// All of these hold.
    pub all: Facts,
    /// None of these does.
    pub none: Facts,
}

impl When {
    /// Always.
    pub const ALWAYS: Self = Self::all(Facts::empty());

    /// When all of these hold.
    pub const fn all(all: Facts) -> Self {
        Self {
            all,
            none: Facts::empty(),
        }
    }

    /// When, besides, none of these does.
    #[must_use]
    pub const fn but(self, none: Facts) -> Self {
        Self { none, ..self }
    }

    /// Whether it is so.
    pub const fn holds(self, facts: Facts) -> bool {
        facts.contains(self.all) && !facts.intersects(self.none)
    }
}
