use core::{fmt, ops::Sub};

use units::{AccessKind, Cycles, Level, MemoryType, PhysAddr};

/// What a cycle was spent on. Every cycle has exactly one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Owner {
    /// Look-ups in the first level of TLBs.
    L1Tlb,
    /// Look-ups in the TLBs below it.
    Stlb,
    /// Look-ups in the paging-structure caches.
    StructureCaches,
    /// Entries that a walk read from the first-level data cache.
    WalkL1d,
    /// Entries that a walk read from the second-level cache.
    WalkL2,
    /// Entries that a walk read from the last-level cache.
    WalkLlc,
    /// Entries that a walk read from memory.
    WalkMemory,
    /// Setting accessed and dirty bits.
    AccessedDirty,
    /// Page faults: entering the handler, its work, and coming back.
    Fault,
    /// Instruction bytes, once translated.
    Fetch,
    /// Data, once translated.
    Data,
}

impl Owner {
    /// How many owners there are.
    pub const COUNT: usize = 11;

    /// Every owner.
    pub const ALL: [Self; Self::COUNT] = [
        Self::L1Tlb,
        Self::Stlb,
        Self::StructureCaches,
        Self::WalkL1d,
        Self::WalkL2,
        Self::WalkLlc,
        Self::WalkMemory,
        Self::AccessedDirty,
        Self::Fault,
        Self::Fetch,
        Self::Data,
    ];

    /// Whether the cycle belongs to address translation: to anything but the bytes
    /// themselves and the operating system's service of faults.
    pub const fn is_translation(self) -> bool {
        !matches!(self, Self::Fault | Self::Fetch | Self::Data)
    }

    /// Whether the cycle belongs to a page walk, from the look-up in the paging-structure
    /// caches on.
    pub const fn is_walk(self) -> bool {
        matches!(
            self,
            Self::StructureCaches
                | Self::WalkL1d
                | Self::WalkL2
                | Self::WalkLlc
                | Self::WalkMemory
                | Self::AccessedDirty
        )
    }
}

/// Where cycles are written down as they are spent.
pub trait Ledger: Copy + Default + fmt::Debug {
    /// Writes down cycles of an owner.
    fn charge(&mut self, owner: Owner, cycles: Cycles);

    /// All cycles of page walks written down so far.
    fn walks(&self) -> Cycles;
}

/// No time passes.
impl Ledger for () {
    #[inline]
    fn charge(&mut self, _: Owner, _: Cycles) {}

    #[inline]
    fn walks(&self) -> Cycles {
        Cycles::ZERO
    }
}

/// Cycles by owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breakdown {
    cycles: [Cycles; Owner::COUNT],
}

impl Breakdown {
    /// The cycles of an owner.
    pub const fn of(&self, owner: Owner) -> Cycles {
        self.cycles[owner as usize]
    }

    /// All cycles.
    pub fn total(&self) -> Cycles {
        self.cycles.iter().copied().sum()
    }

    /// The cycles of address translation.
    pub fn translation(&self) -> Cycles {
        let owners = Owner::ALL.into_iter();
        owners
            .filter(|owner| owner.is_translation())
            .map(|owner| self.of(owner))
            .sum()
    }
}

impl Ledger for Breakdown {
    #[inline]
    fn charge(&mut self, owner: Owner, cycles: Cycles) {
        self.cycles[owner as usize] += cycles;
    }

    #[inline]
    fn walks(&self) -> Cycles {
        let owners = Owner::ALL.into_iter();
        owners
            .filter(|owner| owner.is_walk())
            .map(|owner| self.of(owner))
            .sum()
    }
}

/// What was spent between an earlier state of a breakdown and this one.
impl Sub for Breakdown {
    type Output = Self;

    fn sub(mut self, earlier: Self) -> Self {
        for (cycles, earlier) in self.cycles.iter_mut().zip(earlier.cycles) {
            *cycles = *cycles - earlier;
        }
        self
    }
}

/// A reference of a page walk to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRead {
    /// The level of the entry.
    pub level: Level,
    /// Where it lies.
    pub at: PhysAddr,
    /// How the caches treat the reference (SDM vol. 3, 4.9).
    pub memory_type: MemoryType,
}

/// What the memory references of a page walk cost.
pub trait WalkCost {
    /// Whether it matters how the caches treat a reference. If not, all are told as
    /// write-back.
    const ASKS_MEMORY_TYPE: bool;

    /// Whether references cost nothing and nobody counts them.
    const IS_FREE: bool;

    /// Where cycles are written down.
    type Ledger: Ledger;

    /// A walk for an access of this kind reads an entry.
    fn read_entry(&mut self, kind: AccessKind, read: EntryRead, ledger: &mut Self::Ledger);

    /// A walk sets an accessed or dirty bit, with a locked update of the entry.
    fn update_entry(&mut self, entry: EntryRead, ledger: &mut Self::Ledger);
}

/// Walks cost nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCost;

impl WalkCost for NoCost {
    const ASKS_MEMORY_TYPE: bool = false;
    const IS_FREE: bool = true;

    type Ledger = ();

    #[inline]
    fn read_entry(&mut self, _: AccessKind, _: EntryRead, (): &mut ()) {}

    #[inline]
    fn update_entry(&mut self, _: EntryRead, (): &mut ()) {}
}
