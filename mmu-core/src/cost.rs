use core::{
    fmt,
    ops::{Add, Sub},
};

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
    /// Entries that a walk read from another processor's caches.
    WalkPeer,
    /// Entries that a walk read from memory.
    WalkMemory,
    /// Waiting for a page walker, or for another access's walk to the same page.
    WalkQueue,
    /// Setting accessed and dirty bits.
    AccessedDirty,
    /// Page faults: entering the handler, its work, and coming back.
    Fault,
    /// MOV to CR3.
    WriteCr3,
    /// INVLPG and INVPCID.
    Invalidation,
    /// TLB shootdowns: sending interrupts, taking them, waiting for them. The invalidations
    /// that they are for are not in it.
    Shootdown,
    /// Switches between processes, but for MOV to CR3.
    ContextSwitch,
    /// Small pages made into large ones.
    Collapse,
    /// Waiting for disks, which pages are read from and written to.
    Disk,
    /// Instruction bytes, once translated.
    Fetch,
    /// Data, once translated.
    Data,
}

impl Owner {
    /// How many owners there are.
    pub const COUNT: usize = 19;

    /// Every owner.
    pub const ALL: [Self; Self::COUNT] = [
        Self::L1Tlb,
        Self::Stlb,
        Self::StructureCaches,
        Self::WalkL1d,
        Self::WalkL2,
        Self::WalkLlc,
        Self::WalkPeer,
        Self::WalkMemory,
        Self::WalkQueue,
        Self::AccessedDirty,
        Self::Fault,
        Self::WriteCr3,
        Self::Invalidation,
        Self::Shootdown,
        Self::ContextSwitch,
        Self::Collapse,
        Self::Disk,
        Self::Fetch,
        Self::Data,
    ];

    /// Whether the processor spends the cycle on address translation: not on the bytes
    /// themselves, and not on what the operating system does.
    pub const fn is_translation(self) -> bool {
        self.is_lookup() || self.is_walk()
    }

    /// Whether the operating system spends the cycle.
    pub const fn is_software(self) -> bool {
        matches!(
            self,
            Self::Fault
                | Self::WriteCr3
                | Self::Invalidation
                | Self::Shootdown
                | Self::ContextSwitch
                | Self::Collapse
                | Self::Disk
        )
    }

    /// Whether the cycle belongs to a look-up in a TLB.
    pub const fn is_lookup(self) -> bool {
        matches!(self, Self::L1Tlb | Self::Stlb)
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
                | Self::WalkPeer
                | Self::WalkMemory
                | Self::WalkQueue
                | Self::AccessedDirty
        )
    }
}

/// The owners of page walks stand side by side.
const FIRST_WALK: usize = Owner::StructureCaches as usize;
const LAST_WALK: usize = Owner::AccessedDirty as usize;

const _: () = {
    let mut place = 0;
    while place < Owner::COUNT {
        let between = FIRST_WALK <= place && place <= LAST_WALK;
        assert!(Owner::ALL[place].is_walk() == between);
        place += 1;
    }
};

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
        self.of_all(Owner::is_translation)
    }

    /// The cycles of page walks.
    #[inline]
    pub fn walks(&self) -> Cycles {
        self.cycles[FIRST_WALK..=LAST_WALK].iter().copied().sum()
    }

    /// The cycles of all owners that are such.
    pub fn of_all(&self, is_such: impl Fn(Owner) -> bool) -> Cycles {
        let owners = Owner::ALL.into_iter();
        let such = owners.filter(|&owner| is_such(owner));
        such.map(|owner| self.of(owner)).sum()
    }
}

impl Ledger for Breakdown {
    #[inline]
    fn charge(&mut self, owner: Owner, cycles: Cycles) {
        self.cycles[owner as usize] += cycles;
    }

    #[inline]
    fn walks(&self) -> Cycles {
        Self::walks(self)
    }
}

/// What two spent together.
impl Add for Breakdown {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (cycles, other) in self.cycles.iter_mut().zip(other.cycles) {
            *cycles += other;
        }
        self
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

/// An instruction that software keeps the TLBs in step with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlbInstruction {
    /// MOV to CR3 that drops what is cached of the new PCID.
    WriteCr3,
    /// MOV to CR3 that keeps it.
    WriteCr3Keeping,
    /// INVLPG.
    Invlpg,
    /// INVPCID.
    Invpcid,
}

/// What a walk does for the page after its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NextPage {
    /// Nothing.
    #[default]
    Leave,
    /// Walks for it too, off the critical path, if nothing on the way is out of the ordinary: a
    /// fault, or an accessed or dirty bit to be set, ends it.
    Prefetch,
}

/// What the memory references of a page walk cost, and instructions that drop translations.
pub trait WalkCost {
    /// Whether it matters how the caches treat a reference. If not, all are told as
    /// write-back.
    const ASKS_MEMORY_TYPE: bool;

    /// Whether references cost nothing and nobody counts them.
    const IS_FREE: bool;

    /// Where cycles are written down.
    type Ledger: Ledger;

    /// What accesses depend on may change: what is known of accesses that would go as others went
    /// before is not known any more.
    #[inline]
    fn may_change(&mut self) {}

    /// A walk for an access of this kind reads an entry.
    fn read_entry(&mut self, kind: AccessKind, read: EntryRead, ledger: &mut Self::Ledger);

    /// A walk sets an accessed or dirty bit, with a locked update of the entry.
    fn update_entry(&mut self, entry: EntryRead, ledger: &mut Self::Ledger);

    /// What a walk does for the next page.
    #[inline]
    fn next_page(&self) -> NextPage {
        NextPage::Leave
    }

    /// A walk for a page that nobody has asked for yet reads an entry: nobody waits for it.
    #[inline]
    fn read_ahead(&mut self, _read: EntryRead) {}

    /// Such a walk has found a translation.
    #[inline]
    fn walked_ahead(&mut self) {}

    /// Such an instruction was executed.
    #[inline]
    fn execute(&mut self, _instruction: TlbInstruction, _ledger: &mut Self::Ledger) {}
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
