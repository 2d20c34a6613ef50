use units::{MemoryType, PageSize, PhysAddr};

use crate::{
    CpuFeatures, Cr0, Entry, Feature, Mtrrs, Pat, PatType, Registers, translation::TypeBits,
};

/// How the caches treat an access: what the range registers say of its physical address and
/// the page attribute table of its page (SDM vol. 3, 12.5.2.2 and table 12-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryTypes {
    pat: Pat,
    /// Index bits that an entry may use: without a PAT, PCD and PWT only.
    indices: usize,
    mtrrs: Mtrrs,
    caching: Caching,
    /// What [`MemoryTypes::of_structure`] says in most cases.
    usual: UsualPages,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caching {
    Enabled,
    /// CR0.CD = 1: everything is uncacheable (SDM vol. 3, table 12-5).
    Disabled,
}

/// Pages in a range of physical memory whose type is known beforehand, so that most walks need
/// not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UsualPages {
    start: u64,
    bytes: u64,
    memory_type: TypeBits,
}

impl UsualPages {
    /// No page at all.
    pub(crate) fn none() -> Self {
        Self {
            start: 0,
            bytes: 0,
            memory_type: MemoryType::Uncacheable.into(),
        }
    }

    /// The type of a page; None where it takes a closer look.
    #[inline]
    pub(crate) fn memory_type(&self, page: PhysAddr) -> Option<TypeBits> {
        let offset = page.as_u64().wrapping_sub(self.start);
        (offset < self.bytes).then_some(self.memory_type)
    }
}

impl MemoryTypes {
    pub(crate) fn new(registers: &Registers, features: CpuFeatures) -> Self {
        let has_pat = features.has(Feature::PAT);
        let mtrrs = if features.has(Feature::MTRR) {
            registers.mtrrs
        } else {
            Mtrrs::uniform(MemoryType::WriteBack)
        };
        let caching = if registers.cr0.contains(Cr0::CACHE_DISABLE) {
            Caching::Disabled
        } else {
            Caching::Enabled
        };
        let mut types = Self {
            pat: if has_pat { registers.pat } else { Pat::RESET },
            indices: if has_pat { 7 } else { 3 },
            mtrrs,
            caching,
            usual: UsualPages::none(),
        };
        types.usual = types.widest_range(features);
        types
    }

    /// The widest range of memory that has one type, as an entry sees it with none of PAT, PCD
    /// and PWT set.
    pub(crate) fn usual_pages(&self) -> UsualPages {
        self.usual
    }

    fn widest_range(&self, features: CpuFeatures) -> UsualPages {
        let range = self.mtrrs.widest_range(features);
        UsualPages {
            start: range.start,
            bytes: range.bytes,
            memory_type: self.combine(range.memory_type, 0).into(),
        }
    }

    /// The type of an access to an address through a page's entry with this PAT index.
    pub(crate) fn of_page(&self, at: PhysAddr, pat_index: usize) -> MemoryType {
        self.combine(self.mtrrs.type_of(at), pat_index)
    }

    /// Whether one type surely holds for all of a page.
    pub(crate) fn is_uniform(&self, page: PhysAddr, size: PageSize) -> bool {
        self.caching == Caching::Disabled || self.mtrrs.is_uniform(page, size.bytes())
    }

    /// The type of an access while paging is off: the range registers decide alone.
    pub(crate) fn of_physical(&self, at: PhysAddr) -> MemoryType {
        match self.caching {
            Caching::Disabled => MemoryType::Uncacheable,
            Caching::Enabled => self.mtrrs.type_of(at),
        }
    }

    /// The type of a read of a paging structure, decided by PCD and PWT of what points to it
    /// (SDM vol. 3, 4.9.2).
    #[inline]
    pub(crate) fn of_structure(&self, at: PhysAddr, pointer: Entry) -> MemoryType {
        let index = pat_index(pointer) & 3;
        match self.usual.memory_type(at) {
            Some(usual) if index == 0 => usual.into(),
            _ => self.of_page(at, index),
        }
    }

    fn combine(&self, mtrr: MemoryType, pat_index: usize) -> MemoryType {
        match self.caching {
            Caching::Disabled => MemoryType::Uncacheable,
            Caching::Enabled => effective(mtrr, self.pat.entry(pat_index & self.indices)),
        }
    }
}

/// 2·PCD + PWT, and 4·PAT for an entry that maps a 4-KiB page (SDM vol. 3, 4.9.2).
#[inline]
pub(crate) fn pat_index(entry: Entry) -> usize {
    let bits = entry.bits();
    usize::from((bits >> 3 & 0b11 | bits >> 5 & 0b100).to_le_bytes()[0])
}

/// The same for an entry that maps a larger page, whose PAT bit is bit 12.
#[inline]
pub(crate) fn large_pat_index(entry: Entry) -> usize {
    let bits = entry.bits();
    usize::from((bits >> 3 & 0b11 | bits >> 10 & 0b100).to_le_bytes()[0])
}

/// SDM vol. 3, table 12-7. It is a table: no order of the types gives the same.
#[expect(clippy::match_same_arms, reason = "row by row, as the manual has it")]
const fn effective(mtrr: MemoryType, pat: PatType) -> MemoryType {
    use MemoryType::{
        Uncacheable as Uc, WriteBack as Wb, WriteCombining as Wc, WriteProtected as Wp,
        WriteThrough as Wt,
    };
    use PatType::{Plain, UncacheableMinus};
    match (mtrr, pat) {
        (_, Plain(Uc)) => Uc,
        (_, Plain(Wc)) => Wc,
        (Uc, _) => Uc,
        (Wc | Wp, UncacheableMinus) => Wc,
        (Wt | Wb, UncacheableMinus) => Uc,
        (Wc, Plain(Wb)) => Wc,
        (Wc, Plain(Wt | Wp)) => Uc,
        (Wt, Plain(Wb | Wt)) => Wt,
        (Wt | Wb | Wp, Plain(Wp)) => Wp,
        (Wb | Wp, Plain(Wt)) => Wt,
        (Wb, Plain(Wb)) => Wb,
        (Wp, Plain(Wb)) => Wp,
    }
}
