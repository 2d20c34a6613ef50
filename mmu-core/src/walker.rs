use units::{AccessKind, Level, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{
    Cause, Entry, ErrorCode, Fault, Leaf, PageFault, PhysMem, Regime, Rights, TableEntry,
    Translation, entry_address,
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

/// What a walk does on its way besides reading entries.
pub(crate) trait WalkEvents {
    /// Whether accessed and dirty bits are set.
    const UPDATES: bool;

    /// An entry is read.
    fn read(&mut self, level: Level, at: PhysAddr);

    /// An accessed or dirty bit is set.
    fn update(&mut self, level: Level, at: PhysAddr, entry: Entry);

    /// An entry that points to a table was used.
    fn table(&mut self, level: Level, address: VirtAddr, entry: TableEntry);
}

/// A walk that leaves no trace.
pub(crate) struct Inspection;

impl WalkEvents for Inspection {
    const UPDATES: bool = false;

    #[inline]
    fn read(&mut self, _: Level, _: PhysAddr) {}

    #[inline]
    fn update(&mut self, _: Level, _: PhysAddr, _: Entry) {}

    #[inline]
    fn table(&mut self, _: Level, _: VirtAddr, _: TableEntry) {}
}

/// The format of a mode's entries: how wide they are and how memory is asked for them.
pub(crate) trait EntryFormat {
    /// Reads an entry.
    fn read<M: PhysMem + ?Sized>(memory: &M, at: PhysAddr) -> Result<Entry, crate::BusError>;

    /// Replaces an entry if it has not changed; the inner error says that it has.
    fn replace<M: PhysMem + ?Sized>(
        memory: &M,
        at: PhysAddr,
        current: Entry,
        new: Entry,
    ) -> Result<Result<(), u64>, crate::BusError>;

    /// Where the entry for the address lies in the table of a level.
    fn place(table: PhysAddr, level: Level, address: VirtAddr) -> PhysAddr;
}

/// The 64-bit entries of 4-level paging.
pub(crate) struct Ia32e;

impl EntryFormat for Ia32e {
    #[inline]
    fn read<M: PhysMem + ?Sized>(memory: &M, at: PhysAddr) -> Result<Entry, crate::BusError> {
        memory.read_u64(at).map(Entry::from_bits_retain)
    }

    #[inline]
    fn replace<M: PhysMem + ?Sized>(
        memory: &M,
        at: PhysAddr,
        current: Entry,
        new: Entry,
    ) -> Result<Result<(), u64>, crate::BusError> {
        memory.compare_exchange_u64(at, current.bits(), new.bits())
    }

    #[inline]
    fn place(table: PhysAddr, level: Level, address: VirtAddr) -> PhysAddr {
        entry_address(table, level, address)
    }
}

/// Walks the page tables for an address, from a table at a level on (SDM vol. 3, 4.5).
///
/// Top down, and the first bad entry ends it: not present before reserved bits, reserved bits
/// before rights, rights from the whole path. The accessed bit of an entry that points to a
/// table is set when the entry is used, that of the page's entry, with its dirty bit, once
/// the access is known to be permitted (4.8).
#[inline]
pub(crate) fn walk<M: PhysMem + ?Sized, E: WalkEvents>(
    regime: &Regime,
    memory: &M,
    start: (Level, TableEntry),
    address: VirtAddr,
    purpose: Purpose,
    events: &mut E,
) -> Result<Leaf, Fault> {
    if !regime.is_canonical(address) {
        return Err(Fault::NonCanonical(address));
    }
    walk_entries::<Ia32e, M, E>(regime, memory, start, address, purpose, events)
}

#[inline]
fn walk_entries<F: EntryFormat, M: PhysMem + ?Sized, E: WalkEvents>(
    regime: &Regime,
    memory: &M,
    (mut level, mut path): (Level, TableEntry),
    address: VirtAddr,
    purpose: Purpose,
    events: &mut E,
) -> Result<Leaf, Fault> {
    let mut retries = 0;
    loop {
        let at = F::place(path.table, level, address);
        let no_memory = |error| Fault::NoMemory {
            address,
            level,
            error,
        };
        events.read(level, at);
        let entry = F::read(memory, at).map_err(no_memory)?;
        let fault = |cause, code| {
            Err(Fault::Page(PageFault {
                address,
                error_code: regime.error_code(purpose) | code,
                cause,
                level,
                entry_address: at,
                entry,
            }))
        };
        if !entry.contains(Entry::PRESENT) {
            return fault(Cause::NotPresent, ErrorCode::empty());
        }
        let Ok(size) = regime.decode(level, entry) else {
            let code = ErrorCode::PRESENT | ErrorCode::RESERVED;
            return fault(Cause::ReservedBit, code);
        };
        let rights = path.rights.through(entry);
        let mut needed = Entry::ACCESSED;
        if size.is_some()
            && let Purpose::Access { kind, mode } = purpose
        {
            if !regime.rights.permits(rights | Rights::DIRTY, kind, mode) {
                return fault(Cause::Protection, ErrorCode::PRESENT);
            }
            needed.set(Entry::DIRTY, kind.writes());
        }
        let mut used = entry;
        if E::UPDATES && !entry.contains(needed) {
            used |= needed;
            events.update(level, at, used);
            if F::replace(memory, at, entry, used)
                .map_err(no_memory)?
                .is_err()
            {
                retries += 1;
                if retries > MAX_RETRIES {
                    return Err(Fault::Contended {
                        address,
                        level,
                        entry_address: at,
                    });
                }
                continue;
            }
        }
        match (size, level.below()) {
            (None, Some(below)) => {
                path = TableEntry {
                    table: entry.table_address(),
                    rights,
                };
                events.table(level, address, path);
                level = below;
            }
            (size, _) => {
                let size = size.unwrap_or_default();
                let mut rights = rights;
                rights.set(Rights::DIRTY, used.contains(Entry::DIRTY));
                let page = entry.page_address(size);
                return Ok(Leaf {
                    address: address.align_down(size),
                    level,
                    entry_address: at,
                    entry: used,
                    translation: Translation::new(page, size, rights, entry),
                });
            }
        }
    }
}
