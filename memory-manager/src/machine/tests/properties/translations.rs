//! What a processor whose TLB never evicts could have cached.

use std::collections::{BTreeMap, BTreeSet};

use mmu_core::{AccessKind, Entry, Invalidation, Level, PageSize, PhysAddr, PrivilegeMode, Ram};

use super::*;
use crate::self_map::{SELF_MAP, views};

const KINDS: [AccessKind; 3] = [AccessKind::Read, AccessKind::Write, AccessKind::Fetch];

/// Every translation that was ever there, by PCID, page and kind of access, but for those that
/// the machine said since are to be forgotten.
#[derive(Debug, Default)]
pub(super) struct Granted(BTreeMap<(u64, u64, usize), Cached>);

#[derive(Clone, Copy, Debug)]
struct Cached {
    at: PhysAddr,
    size: PageSize,
}

impl Granted {
    /// What is left of former translations is what the tables say now; these may let more.
    pub(super) fn check(&mut self, machine: &mut Machine, start: u64, end: u64) {
        for invalidation in machine.take_invalidations() {
            self.forget(invalidation);
        }
        let ram = machine.kernel.physical.ram();
        for space in machine.spaces.values() {
            let pcid = space.root.pcid().as_u64();
            for page in looked_at(start, end) {
                for (index, kind) in KINDS.into_iter().enumerate() {
                    let key = (pcid, page, index);
                    let now = granted(space, ram, VirtAddr::new(page), kind);
                    if let Some(cached) = self.0.get(&key) {
                        let now = now.map(|now| now.at);
                        assert_eq!(now, Some(cached.at), "{kind:?} of {page:#x}");
                    } else if let Some(now) = now {
                        self.0.insert(key, now);
                    }
                }
            }
        }
    }

    fn forget(&mut self, invalidation: Invalidation) {
        let Invalidation::Invpcid {
            operation,
            descriptor,
        } = invalidation
        else {
            panic!("every process has a PCID: {invalidation:?}");
        };
        let is_all = operation == 1;
        let [pcid, address] = [descriptor & 0xfff, descriptor >> 64];
        self.0.retain(|&(owner, page, _), cached| {
            let differs = u128::from(page) ^ address;
            let elsewhere = !is_all && differs & !u128::from(cached.size.offset_mask()) != 0;
            u128::from(owner) != pcid || elsewhere
        });
    }
}

/// The pages of a range, and where the system sees their tables.
fn looked_at(start: u64, end: u64) -> impl Iterator<Item = u64> {
    const TABLE: u64 = Level::Pde.covers();
    let tables = (start / TABLE..end.div_ceil(TABLE)).map(|table| table * TABLE);
    let seen = tables.flat_map(|address| views(address, Level::Pml4e));
    let seen: BTreeSet<_> = seen.map(|view| view.as_u64() & !0xfff).collect();
    (start..end).step_by(0x1000).chain(seen)
}

/// What a processor that may do this could have cached.
fn granted(space: &UserSpace, ram: &Ram, page: VirtAddr, kind: AccessKind) -> Option<Cached> {
    let mode = if page >= SELF_MAP {
        PrivilegeMode::Supervisor
    } else {
        PrivilegeMode::User
    };
    let leaf = space.regime.probe(ram, page, kind, mode);
    let leaf = leaf.ok()?;
    // Before it caches the right to write, it marks the page as written.
    let is_cached = !kind.writes() || leaf.entry.contains(Entry::DIRTY);
    is_cached.then_some(Cached {
        at: leaf.translation.physical(page),
        size: leaf.level.page_size()?,
    })
}
