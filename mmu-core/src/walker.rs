use core::marker::PhantomData;

use units::{AccessKind, Level, PageSize, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{
    BusError, Cause, Entry, ErrorCode, Fault, Leaf, PageFault, PagingMode, PhysMem, Regime, Rights,
    TableEntry, Translation,
    format::{EntryFormat, Narrow, Wide},
    memory_type::{large_pat_index, pat_index},
    ordinary::OrdinaryEntry,
    rights::Path,
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

impl Start {
    /// Below an entry of a level, which points to a table.
    #[inline]
    pub(crate) fn below(level: Level, table: TableEntry) -> Self {
        Self {
            level: level.below().unwrap_or(level),
            table,
        }
    }
}

/// What a walk does on its way besides reading entries.
pub(crate) trait WalkEvents {
    /// Whether accessed and dirty bits are set.
    const UPDATES: bool;

    /// An entry is read from the table of a pointer, or no memory answers.
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
        translation: Translation::new(at, PageSize::Size4KiB, rights, memory_type.into()),
    }
}

/// A walk on its way.
pub(crate) struct Walk<'a, F, M: ?Sized, E> {
    regime: &'a Regime,
    memory: &'a M,
    address: VirtAddr,
    purpose: Purpose,
    events: &'a mut E,
    format: PhantomData<F>,
}

/// Where an entry is not ordinary, or cannot be read: a walk halts there until it was looked at
/// more closely.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halt {
    level: Level,
    pointer: TableEntry,
}

impl From<Start> for Halt {
    #[inline]
    fn from(start: Start) -> Self {
        Self {
            level: start.level,
            pointer: start.table,
        }
    }
}

impl<'a, F: EntryFormat, M: PhysMem + ?Sized, E: WalkEvents> Walk<'a, F, M, E> {
    #[inline]
    pub(crate) fn new(
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

    fn from(mut self, start: Start) -> Result<Leaf, Fault> {
        match self.on_from(start) {
            Ok(leaf) => Ok(leaf),
            Err(halt) => self.resume(halt),
        }
    }

    /// Goes as far as entries are ordinary, if there are such.
    fn on_from(&mut self, start: Start) -> Result<Leaf, Halt> {
        if self.regime.has_ordinary_entries() {
            return self.ordinary_from(start);
        }
        self.read(start.level, start.table)
            .map_err(|_| Halt::from(start))?;
        Err(start.into())
    }

    /// Goes through entries as long as they are ordinary.
    #[inline(never)]
    pub(crate) fn ordinary_from(&mut self, start: Start) -> Result<Leaf, Halt> {
        let mut table = start.table;
        for level in [Level::Pml5e, Level::Pml4e, Level::Pdpte, Level::Pde] {
            if level <= start.level {
                table = self.ordinary_table(level, table)?;
            }
        }
        self.ordinary_page(table)
    }

    /// The same from the root of 4-level or 5-level paging.
    #[inline]
    pub(crate) fn ordinary_from_root(&mut self) -> Result<Leaf, Halt> {
        let mut table = TableEntry::new(self.regime.root_entry(), Path::START);
        if self.regime.mode() == PagingMode::FiveLevel {
            table = self.ordinary_table(Level::Pml5e, table)?;
        }
        for level in [Level::Pml4e, Level::Pdpte, Level::Pde] {
            table = self.ordinary_table(level, table)?;
        }
        self.ordinary_page(table)
    }

    /// The same from the table of page-directory entries on.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most walks do nothing else")]
    pub(crate) fn ordinary_directory(&mut self, pointer: TableEntry) -> Result<Leaf, Halt> {
        let table = self.ordinary_table(Level::Pde, pointer)?;
        self.ordinary_page(table)
    }

    /// Goes through an ordinary entry that points to a table.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "each level is a copy with its own constants"
    )]
    pub(crate) fn ordinary_table(
        &mut self,
        level: Level,
        pointer: TableEntry,
    ) -> Result<TableEntry, Halt> {
        let halt = Halt { level, pointer };
        let (_, entry) = self.read(level, pointer).map_err(|_| halt)?;
        let found = OrdinaryEntry::new(entry);
        if !self.regime.levels[level.index()].is_ordinary(found) {
            return Err(halt);
        }
        let below = TableEntry::new(entry, pointer.path().through_ordinary(found));
        self.events.table(level, self.address, below);
        Ok(below)
    }

    /// Goes through an ordinary entry of the last level.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the caller knows the size of the page then"
    )]
    pub(crate) fn ordinary_page(&mut self, pointer: TableEntry) -> Result<Leaf, Halt> {
        let level = Level::Pte;
        let halt = Halt { level, pointer };
        let (at, entry) = self.read(level, pointer).map_err(|_| halt)?;
        let found = OrdinaryEntry::new(entry);
        let rights = pointer.path().through_ordinary(found).rights(entry);
        let page = entry.page_address(PageSize::Size4KiB);
        if self.regime.levels[level.index()].is_ordinary(found)
            && self.purpose.is_met(self.regime, rights)
            && let Some(memory_type) = self.regime.usual_pages.memory_type(page)
        {
            let global = self.regime.global(entry);
            let translation = Translation::small(page, rights, memory_type, global);
            return Ok(Leaf {
                address: self.address.align_down(PageSize::Size4KiB),
                level,
                entry_address: at,
                entry,
                translation,
            });
        }
        Err(halt)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a part of the two above")]
    fn read(&mut self, level: Level, pointer: TableEntry) -> Result<(PhysAddr, Entry), BusError> {
        let at = F::place(pointer.table(), level, self.address);
        // The host fetches it meanwhile.
        let entry = F::read(self.memory, at);
        self.events.read(level, at, pointer);
        let entry = entry?;
        self.events.entry(level, at, entry);
        Ok((at, entry))
    }

    /// Looks closely at the entry where the walk halted, and goes on with those below it.
    #[cold]
    #[inline(never)]
    pub(crate) fn resume(&mut self, mut halt: Halt) -> Result<Leaf, Fault> {
        loop {
            let Halt { level, pointer } = halt;
            let at = F::place(pointer.table(), level, self.address);
            let entry = F::read(self.memory, at);
            let entry = entry.map_err(|error| self.no_memory(level, error))?;
            let (entry, size) = self.closer_look(level, at, entry, pointer)?;
            let (None, Some(_)) = (size, level.below()) else {
                return Ok(self.leaf(level, at, entry, pointer, size.unwrap_or_default()));
            };
            let below = TableEntry::new(entry, pointer.path().through(entry));
            self.events.table(level, self.address, below);
            match self.on_from(Start::below(level, below)) {
                Ok(leaf) => return Ok(leaf),
                Err(next) => halt = next,
            }
        }
    }

    /// Every rule, one after the other: answers with the entry once its bits are set, and the
    /// size of the page if it maps one.
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
        let translation = Translation::new(page, size, rights, memory_type.into()).with_key(key);
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
