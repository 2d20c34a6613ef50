use units::{Level, PageSize};

use crate::{
    CpuFeatures, Cr4, Efer, Entry, Feature, PagingMode, Registers, Vendor, ordinary::OrdinaryEntry,
};

/// What an entry of one level may look like (SDM vol. 3, tables 4-4 to 4-6, 4-9 to 4-11 and
/// 4-14 to 4-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LevelRules {
    /// Reserved in an entry that points to a table.
    reserved_in_table: u64,
    /// The size of the pages that entries of this level may map, if they may.
    page: Option<PageSize>,
    /// Reserved in an entry that maps a page.
    reserved_in_page: u64,
    /// The bits to look at to know an ordinary entry: one that is used as nearly all are.
    telling: u64,
}

/// P and A, which an ordinary entry has.
const IN_USE: u64 = Entry::PRESENT.union(Entry::ACCESSED).bits();

/// PWT, PCD, and PAT in an entry of the last level.
const CACHED_HOW: u64 = Entry::WRITE_THROUGH
    .union(Entry::CACHE_DISABLE)
    .union(Entry::LARGE)
    .bits();

/// Bits 51:12.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Bits 62:52 of PAE paging's entries (SDM vol. 3, tables 4-9 to 4-11).
const PAE_UPPER: u64 = 0x7ff << 52;

impl LevelRules {
    /// The rules of every level, the one nearest the page first.
    pub(crate) fn of_all(registers: &Registers, features: CpuFeatures) -> [Self; Level::COUNT] {
        let mode = registers.paging_mode();
        Level::ALL.map(|level| match mode {
            PagingMode::Off | PagingMode::ThirtyTwoBit => narrow(level, registers, features),
            PagingMode::Pae => wide(level, PAE_UPPER, registers, features),
            PagingMode::FourLevel | PagingMode::FiveLevel => wide(level, 0, registers, features),
        })
    }

    fn new(level: Level, reserved_in_table: u64, page: Option<(PageSize, u64)>) -> Self {
        let reserved_in_page = page.map_or(0, |(_, reserved)| reserved);
        let telling = if level == Level::Pte {
            reserved_in_page | CACHED_HOW
        } else if page.is_some() {
            reserved_in_table | Entry::LARGE.bits()
        } else {
            reserved_in_table
        };
        Self {
            reserved_in_table,
            page: page.map(|(size, _)| size),
            reserved_in_page,
            telling: telling | IN_USE,
        }
    }

    /// Whether the entry is present and accessed, has no reserved bit set, points to a table,
    /// or, at the last level, maps a page of PAT entry 0. Not to be asked where XD is
    /// reserved.
    #[inline]
    pub(crate) const fn is_ordinary(&self, entry: OrdinaryEntry) -> bool {
        entry.bits() & self.telling == 0
    }

    /// The size of the page that a present entry maps; None if it points to a table.
    ///
    /// # Errors
    /// The reserved bits that are set.
    pub(crate) fn decode(&self, level: Level, entry: Entry) -> Result<Option<PageSize>, u64> {
        let maps = level == Level::Pte || entry.contains(Entry::LARGE);
        let (reserved, size) = match self.page {
            Some(size) if maps => (self.reserved_in_page, Some(size)),
            _ => (self.reserved_in_table, None),
        };
        match entry.bits() & reserved {
            0 => Ok(size),
            set => Err(set),
        }
    }
}

/// Entries of 64 bits.
fn wide(level: Level, upper: u64, registers: &Registers, features: CpuFeatures) -> LevelRules {
    let no_execute = if registers.efer.contains(Efer::NO_EXECUTE_ENABLE) {
        Entry::empty()
    } else {
        Entry::NO_EXECUTE
    };
    let common = ADDRESS & features.beyond_width() | upper | no_execute.bits();
    let page = level
        .page_size()
        .filter(|&size| size != PageSize::Size1GiB || features.has(Feature::PAGES_1_GIB));
    // PS is reserved where no page may be mapped, and on AMD, G near the root (APM vol. 2,
    // figures 5-18 and 5-19).
    let large = if page.is_some() {
        0
    } else {
        Entry::LARGE.bits()
    };
    let global = if features.vendor() == Vendor::Amd && level >= Level::Pml4e {
        Entry::GLOBAL.bits()
    } else {
        0
    };
    let pat = |size| match registers.paging_mode() {
        PagingMode::Pae => reserved_pat(size, features),
        _ => 0,
    };
    // Below a large page's size only PAT, bit 12, may be set.
    let page = page.map(|size| (size, common | size.offset_mask() & !0x1fff | pat(size)));
    LevelRules::new(level, common | large | global, page)
}

/// Entries of 32 bits: nothing is reserved in one that points to a table, and nothing at all
/// while CR4.PSE is 0 (SDM vol. 3, 4.3).
fn narrow(level: Level, registers: &Registers, features: CpuFeatures) -> LevelRules {
    let size = match level {
        Level::Pte => Some(PageSize::Size4KiB),
        Level::Pde => Some(PageSize::Size4MiB),
        _ => None,
    };
    let page = if registers.cr4.contains(Cr4::PAGE_SIZE_EXTENSIONS) {
        size.map(|size| (size, reserved_in_narrow_page(size, features)))
    } else {
        size.filter(|&size| size == PageSize::Size4KiB)
            .map(|size| (size, 0))
    };
    LevelRules::new(level, 0, page)
}

fn reserved_in_narrow_page(size: PageSize, features: CpuFeatures) -> u64 {
    let pat = reserved_pat(size, features);
    match size {
        PageSize::Size4MiB => pat | reserved_in_4_mib(features),
        _ => pat,
    }
}

/// The PAT bit of a page's entry, on a processor without the table (SDM vol. 3, 4.3 and
/// 4.4.2). 4-level paging does not come without it.
fn reserved_pat(size: PageSize, features: CpuFeatures) -> u64 {
    match size {
        _ if features.has(Feature::PAT) => 0,
        PageSize::Size4KiB => 1 << 7,
        PageSize::Size2MiB | PageSize::Size4MiB | PageSize::Size1GiB => 1 << 12,
    }
}

/// Bits 20:13 are address bits 39:32 as far as the processor has them; bit 21 is reserved
/// (SDM vol. 3, table 4-4).
fn reserved_in_4_mib(features: CpuFeatures) -> u64 {
    let upper_bits = if features.has(Feature::PSE_36) {
        features.physical_address_width().min(40) - 32
    } else {
        0
    };
    (1 << 22) - (1 << (13 + upper_bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cr0, features::OF_LONG_MODE};

    /// SDM vol. 3, table 4-4: with M address bits, bits (M-20):13 hold bits (M-1):32.
    #[test]
    fn a_4_mib_page_has_as_many_address_bits_as_the_processor() {
        let reserved = |width, features| {
            let features = CpuFeatures::new(Vendor::Intel, width, features).unwrap();
            reserved_in_4_mib(features)
        };
        assert_eq!(reserved(52, Feature::all()), 1 << 21);
        assert_eq!(reserved(40, Feature::all()), 1 << 21);
        assert_eq!(reserved(36, Feature::all()), 0b11111 << 17);
        assert_eq!(reserved(36, Feature::all() - Feature::PSE_36), 0x1ff << 13);
    }

    /// SDM vol. 3, 4.3 and 4.4.2: without a PAT its bit is reserved in what maps a page; in
    /// 32-bit paging nothing is while CR4.PSE is 0.
    #[test]
    fn the_pat_bit_is_reserved_on_a_processor_without_the_table() {
        let without = Feature::all() - Feature::PAT - OF_LONG_MODE;
        let without = CpuFeatures::new(Vendor::Intel, 36, without).unwrap();
        let reserved = |cr4| {
            let registers = Registers {
                cr0: Cr0::PROTECTION_ENABLE | Cr0::PAGING,
                cr4,
                ..Registers::default()
            };
            let [pte, pde, ..] = LevelRules::of_all(&registers, without);
            let small = pte.decode(Level::Pte, Entry::from_bits_retain(0x081));
            let large = pde.decode(Level::Pde, Entry::from_bits_retain(0x1081));
            (small.err(), large.err())
        };
        assert_eq!(reserved(Cr4::empty()), (None, None));
        let both = (Some(1 << 7), Some(1 << 12));
        assert_eq!(reserved(Cr4::PAGE_SIZE_EXTENSIONS), both);
        assert_eq!(reserved(Cr4::PHYSICAL_ADDRESS_EXTENSION), both);
    }
}
