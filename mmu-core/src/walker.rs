use core::marker::PhantomData;

use units::{AccessKind, Level, PageSize, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{
    BusError, Cause, Entry, ErrorCode, Fault, Leaf, PageFault, PagingMode, PhysMem, Regime, Rights,
    TableEntry, Translation,
    format::{EntryFormat, Narrow, Wide},
    memory_type::{large_pat_index, pat_index},
    regime::SimpleRights,
};

/// How often a walk starts a step again because another processor changed the entry.
const MAX_RETRIES: u32 = 1 << 16;

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To see what maps the address.
    Inspect,
    /// To access it.
    Access {
        kind: AccessKind,
        mode: PrivilegeMode,
    },
}

/// The level of the first entry to read, and what points to its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) level: Level,
    pub(crate) table: TableEntry,
}

/// What a walk does on its way besides reading entries.
pub(crate) trait WalkEvents {
    /// Whether accessed and dirty bits are set.
    const UPDATES: bool;

    /// An entry is about to be read from the table of a pointer.
    fn read(&mut self, level: Level, at: PhysAddr, pointer: TableEntry);

    /// An entry was read.
    #[inline]
    fn entry(&mut self, _level: Level, _at: PhysAddr, _entry: Entry) {}

    /// An accessed or dirty bit is set.
    fn update(&mut self, level: Level, at: PhysAddr, entry: Entry, pointer: TableEntry);

    /// An entry that points to a table was used.
    fn table(&mut self, level: Level, address: VirtAddr, entry: TableEntry);
}

/// A walk that leaves no trace.
pub(crate) struct Inspection;

impl WalkEvents for Inspection {
    const UPDATES: bool = false;

    #[inline]
    fn read(&mut self, _: Level, _: PhysAddr, _: TableEntry) {}

    #[inline]
    fn update(&mut self, _: Level, _: PhysAddr, _: Entry, _: TableEntry) {}

    #[inline]
    fn table(&mut self, _: Level, _: VirtAddr, _: TableEntry) {}
}

/// Walks the page tables for an address, from a table at a level on (SDM vol. 3, 4.3 to 4.5).
///
/// Top down, and the first bad entry ends it: not present before reserved bits, reserved bits
/// before rights, rights from the whole path. The accessed bit of an entry that points to a
/// table is set when the entry is used, that of the page's entry, with its dirty bit, once
/// the access is known to be permitted (4.8).
#[inline]
pub(crate) fn walk<M: PhysMem + ?Sized, E: WalkEvents>(
    regime: &Regime,
    memory: &M,
    start: Start,
    address: VirtAddr,
    purpose: Purpose,
    events: &mut E,
) -> Result<Leaf, Fault> {
    match regime.mode() {
        PagingMode::FourLevel | PagingMode::FiveLevel | PagingMode::Pae => {
            Walk::<Wide, M, E>::new(regime, memory, address, purpose, events).from(start)
        }
        PagingMode::ThirtyTwoBit => {
            Walk::<Narrow, M, E>::new(regime, memory, address, purpose, events).from(start)
        }
        PagingMode::Off => Ok(untranslated(regime, address)),
    }
}

/// With CR0.PG = 0 every address is its own, and the range registers alone decide how it is
/// cached (SDM vol. 3, 4.1.1 and 12.5.2).
fn untranslated(regime: &Regime, address: VirtAddr) -> Leaf {
    let page = address.align_down(PageSize::Size4KiB);
    let at = PhysAddr::new(page.as_u64());
    let rights = Rights::all() - Rights::CHECKED;
    let memory_type = regime.types.of_physical(at);
    Leaf {
        address: page,
        level: Level::Pte,
        entry_address: PhysAddr::default(),
        entry: Entry::empty(),
        translation: Translation::new(at, PageSize::Size4KiB, rights, memory_type),
    }
}

struct Walk<'a, F, M: ?Sized, E> {
    regime: &'a Regime,
    memory: &'a M,
    address: VirtAddr,
    purpose: Purpose,
    events: &'a mut E,
    format: PhantomData<F>,
}

/// Where an entry leads.
enum Next {
    Table(TableEntry),
    Page(Leaf),
}

impl<'a, F: EntryFormat, M: PhysMem + ?Sized, E: WalkEvents> Walk<'a, F, M, E> {
    #[inline]
    fn new(
        regime: &'a Regime,
        memory: &'a M,
        address: VirtAddr,
        purpose: Purpose,
        events: &'a mut E,
    ) -> Self {
        Self {
            regime,
            memory,
            address,
            purpose,
            events,
            format: PhantomData,
        }
    }

    #[inline]
    fn from(mut self, start: Start) -> Result<Leaf, Fault> {
        let mut table = start.table;
        for level in [Level::Pml5e, Level::Pml4e, Level::Pdpte, Level::Pde] {
            if level <= start.level {
                match self.step(level, table)? {
                    Next::Table(below) => table = below,
                    Next::Page(leaf) => return Ok(leaf),
                }
            }
        }
        self.last_step(table)
    }

    /// Goes through one entry above the last level.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "each level is a copy with its own constants"
    )]
    fn step(&mut self, level: Level, pointer: TableEntry) -> Result<Next, Fault> {
        let (at, entry) = self.read(level, pointer)?;
        if self.regime.levels[level.index()].is_ordinary(entry) {
            let below = TableEntry::new(entry, pointer.path().through(entry));
            self.events.table(level, self.address, below);
            return Ok(Next::Table(below));
        }
        let (entry, size) = self.closer_look(level, at, entry, pointer)?;
        if let Some(size) = size {
            return Ok(Next::Page(self.leaf(level, at, entry, pointer, size)));
        }
        let below = TableEntry::new(entry, pointer.path().through(entry));
        self.events.table(level, self.address, below);
        Ok(Next::Table(below))
    }

    #[inline]
    fn last_step(&mut self, pointer: TableEntry) -> Result<Leaf, Fault> {
        let level = Level::Pte;
        let (at, entry) = self.read(level, pointer)?;
        let rights = pointer.path().through(entry).rights(entry);
        let page = entry.page_address(PageSize::Size4KiB);
        if self.regime.levels[level.index()].is_ordinary(entry)
            && self.regime.simple_rights == SimpleRights::Yes
            && self.purpose.is_met(self.regime, rights)
            && let Some(memory_type) = self.regime.types.usual(page)
        {
            let translation = Translation::new(page, PageSize::Size4KiB, rights, memory_type);
            return Ok(Leaf {
                address: self.address.align_down(PageSize::Size4KiB),
                level,
                entry_address: at,
                entry,
                translation: translation.with_global(self.regime.global(entry)),
            });
        }
        let (entry, size) = self.closer_look(level, at, entry, pointer)?;
        Ok(self.leaf(level, at, entry, pointer, size.unwrap_or_default()))
    }

    #[inline]
    fn read(&mut self, level: Level, pointer: TableEntry) -> Result<(PhysAddr, Entry), Fault> {
        let at = F::place(pointer.table(), level, self.address);
        self.events.read(level, at, pointer);
        match F::read(self.memory, at) {
            Ok(entry) => {
                self.events.entry(level, at, entry);
                Ok((at, entry))
            }
            Err(error) => Err(self.no_memory(level, error)),
        }
    }

    /// Every rule, one after the other: answers with the entry once its bits are set, and the
    /// size of the page if it maps one.
    #[cold]
    #[inline(never)]
    fn closer_look(
        &mut self,
        level: Level,
        at: PhysAddr,
        mut entry: Entry,
        pointer: TableEntry,
    ) -> Result<(Entry, Option<PageSize>), Fault> {
        for _ in 0..MAX_RETRIES {
            if !entry.contains(Entry::PRESENT) {
                return Err(self.fault(level, at, entry, Cause::NotPresent, ErrorCode::empty()));
            }
            let Ok(size) = self.regime.decode(level, entry) else {
                let code = ErrorCode::PRESENT | ErrorCode::RESERVED;
                return Err(self.fault(level, at, entry, Cause::ReservedBit, code));
            };
            let mut needed = Entry::ACCESSED;
            if size.is_some()
                && let Purpose::Access { kind, mode } = self.purpose
            {
                self.check_rights(level, at, entry, pointer, kind, mode)?;
                needed.set(Entry::DIRTY, kind.writes());
            }
            if E::UPDATES && !entry.contains(needed) {
                self.events.update(level, at, entry | needed, pointer);
                let replaced = F::replace(self.memory, at, entry, entry | needed);
                match replaced.map_err(|error| self.no_memory(level, error))? {
                    Ok(()) => entry |= needed,
                    Err(found) => {
                        entry = found;
                        continue;
                    }
                }
            }
            return Ok((entry, size));
        }
        Err(Fault::Contended {
            address: self.address,
            level,
            entry_address: at,
        })
    }

    fn check_rights(
        &self,
        level: Level,
        at: PhysAddr,
        entry: Entry,
        pointer: TableEntry,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<(), Fault> {
        let (rights, key) = self.regime.rights_of(pointer.path(), entry, self.address);
        if self.regime.permits(rights | Rights::DIRTY, key, kind, mode) {
            return Ok(());
        }
        let mut code = ErrorCode::PRESENT;
        let by_key = self.regime.key_denies(rights, key, kind, mode);
        code.set(ErrorCode::PROTECTION_KEY, by_key);
        Err(self.fault(level, at, entry, Cause::Protection, code))
    }

    #[cold]
    fn leaf(
        &self,
        level: Level,
        at: PhysAddr,
        entry: Entry,
        pointer: TableEntry,
        size: PageSize,
    ) -> Leaf {
        let (rights, key) = self.regime.rights_of(pointer.path(), entry, self.address);
        let page = F::page(entry, size);
        let pat_index = if level == Level::Pte {
            pat_index(entry)
        } else {
            large_pat_index(entry)
        };
        // Range registers may split a large page: what counts is the part that is used.
        let used = page.wrapping_add(self.address.offset_in(size));
        let memory_type = self.regime.types.of_page(used, pat_index);
        let translation = Translation::new(page, size, rights, memory_type).with_key(key);
        Leaf {
            address: self.address.align_down(size),
            level,
            entry_address: at,
            entry,
            translation: translation.with_global(self.regime.global(entry)),
        }
    }

    fn fault(
        &self,
        level: Level,
        entry_address: PhysAddr,
        entry: Entry,
        cause: Cause,
        code: ErrorCode,
    ) -> Fault {
        Fault::Page(PageFault {
            address: self.address,
            error_code: self.regime.error_code(self.purpose) | code,
            cause,
            level,
            entry_address,
            entry,
            extent: F::covers(level),
        })
    }

    #[cold]
    fn no_memory(&self, level: Level, error: BusError) -> Fault {
        Fault::NoMemory {
            address: self.address,
            level,
            error,
        }
    }
}

impl Purpose {
    /// Whether rights are met that need no closer look.
    #[inline]
    fn is_met(self, regime: &Regime, rights: Rights) -> bool {
        match self {
            Self::Inspect => true,
            Self::Access { kind, mode } => regime.rights.permits(rights, kind, mode),
        }
    }
}
