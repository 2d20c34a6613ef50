//! The page tables of a process as the system sees them in its upper half.

use mmu_core::{Entry, Level, PageSize, PhysAddr, VirtAddr};

/// Where the page tables are seen: PML4E 0x1ED, which leads to its own table (ReactOS's `PTE_BASE`
/// for x64, and Windows' until version 1607 of Windows 10).
pub(crate) const SELF_MAP: VirtAddr = VirtAddr::new(0xffff_f680_0000_0000);

/// The bits of an address that say which page entry it has, as an offset from there.
const OFFSET: u64 = 0x7f_ffff_fff8;

/// The entry of a top-level table that leads to that table. It is not for user mode.
pub(crate) fn entry_of_itself(table: PhysAddr) -> Entry {
    let flags =
        Entry::PRESENT | Entry::WRITABLE | Entry::ACCESSED | Entry::DIRTY | Entry::NO_EXECUTE;
    Entry::page(table, PageSize::Size4KiB, flags)
}

/// Where the system sees what an entry of this level leads to, on the way to an address: a table,
/// or a large page as if it were one.
pub(crate) fn views(address: u64, level: Level) -> impl Iterator<Item = VirtAddr> {
    let above = |&at: &u64| Some(SELF_MAP.as_u64() | at >> 9 & OFFSET);
    let views = std::iter::successors(Some(address), above).skip(1);
    views.take(level as usize - 1).map(VirtAddr::new)
}
