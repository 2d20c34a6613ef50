use std::sync::atomic::{AtomicU64, Ordering};

use mmu_core::{AccessKind, PrivilegeMode, VirtAddr};

use super::{Contender, Tables, sum};

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;

/// The physical addresses of the processor have 46 bits.
const RESERVED: u64 = 0x000f_c000_0000_0000;
const ADDRESS: u64 = 0x0000_3fff_ffff_f000;

/// A walk as one writes it by hand: in one function, for 4-level paging with NX and CR0.WP
/// only, with every check that this takes, in memory that may end anywhere. It knows neither
/// SMEP nor SMAP nor protection keys nor memory types, and caches nothing.
pub(crate) struct Checked {
    tables: Tables,
}

impl Contender for Checked {
    fn new(tables: Tables) -> Self {
        Self { tables }
    }

    #[inline]
    fn round(&mut self, addresses: &[VirtAddr]) -> u64 {
        let memory = self.tables.memory().words();
        let root = self.tables.root().as_u64();
        let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
        sum(addresses, |address| {
            match walk(memory, root, address.as_u64(), kind, mode) {
                Ok(found) => found,
                Err(fault) => panic!("{fault:?}"),
            }
        })
    }
}

#[derive(Debug)]
#[expect(dead_code, reason = "what one needs to know of a fault")]
enum Fault {
    NonCanonical,
    NotPresent { at: u64 },
    Reserved { at: u64 },
    Protection { at: u64 },
    NoMemory { at: u64 },
}

#[inline(never)]
fn walk(
    memory: &[AtomicU64],
    root: u64,
    address: u64,
    kind: AccessKind,
    mode: PrivilegeMode,
) -> Result<u64, Fault> {
    if (address << 16).cast_signed() >> 16 != address.cast_signed() {
        return Err(Fault::NonCanonical);
    }
    let mut table = root;
    let mut granted = WRITABLE | USER;
    let mut no_execute = 0;
    for shift in [39, 30, 21, 12] {
        let at = table + (address >> shift & 0x1ff) * 8;
        let word = usize::try_from(at / 8)
            .ok()
            .and_then(|word| memory.get(word));
        let word = word.ok_or(Fault::NoMemory { at })?;
        let mut entry = word.load(Ordering::Acquire);
        loop {
            if entry & PRESENT == 0 {
                return Err(Fault::NotPresent { at });
            }
            let offset = (1 << shift) - 1;
            let is_page = shift == 12 || entry & LARGE != 0 && shift != 39;
            let reserved = match is_page {
                true if shift > 12 => RESERVED | offset & ADDRESS & !(1 << 12),
                false if shift == 39 => RESERVED | LARGE,
                _ => RESERVED,
            };
            if entry & reserved != 0 {
                return Err(Fault::Reserved { at });
            }
            let mut needed = ACCESSED;
            if is_page {
                if !permits(granted & entry, no_execute | entry & NO_EXECUTE, kind, mode) {
                    return Err(Fault::Protection { at });
                }
                if kind.writes() {
                    needed |= DIRTY;
                }
            }
            if entry & needed != needed {
                let used = entry | needed;
                let set = word.compare_exchange(entry, used, Ordering::AcqRel, Ordering::Acquire);
                if let Err(found) = set {
                    entry = found;
                    continue;
                }
            }
            if is_page {
                return Ok(entry & ADDRESS & !offset | address & offset);
            }
            granted &= entry;
            no_execute |= entry & NO_EXECUTE;
            table = entry & ADDRESS;
            break;
        }
    }
    unreachable!("the last level holds pages only")
}

#[inline]
fn permits(granted: u64, no_execute: u64, kind: AccessKind, mode: PrivilegeMode) -> bool {
    let user = mode == PrivilegeMode::User;
    if user && granted & USER == 0 {
        return false;
    }
    match kind {
        AccessKind::Fetch => no_execute == 0,
        kind if kind.writes() => granted & WRITABLE != 0,
        _ => true,
    }
}
