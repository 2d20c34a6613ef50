//! What it means to other levels that one has lost an entry.

use units::{Pcid, VirtAddr};

use super::{Inclusion, Level, TlbHierarchy, routes::Page};
use crate::{
    Cacheable, Cr3Write, Scope,
    asked::Asked,
    unit::Novelty,
    victim::{Lost, Victim},
};

impl<P: Cacheable> TlbHierarchy<P> {
    /// An entry of a level had to make room.
    #[cold]
    pub(super) fn made_room(&mut self, level: usize, asked: Asked, victim: &Victim<P>) {
        if self.levels[level].inclusion == Inclusion::Inclusive {
            drop_above(&mut self.levels[..level], victim);
        }
        let below = level + 1;
        let is_exclusive = |level: &Level<P>| level.inclusion == Inclusion::Exclusive;
        if self.levels.get(below).is_some_and(is_exclusive) {
            for (address, payload) in victim.pages() {
                let asked = Asked {
                    address,
                    pcid: victim.pcid.unwrap_or(asked.pcid),
                    ..asked
                };
                self.put(below, asked, Page::new(payload), Novelty::Unknown);
            }
        }
    }

    /// An entry of the PCID is about to be put into a TLB that cannot keep those of all.
    #[inline(never)]
    pub(super) fn pcid_used(&mut self, level: usize, tlb: usize, pcid: Pcid) {
        let mut act = |level: &mut Level<P>, lost: Lost<'_, P>| level.pcid_used(tlb, pcid, lost);
        drop_from(&mut self.levels[..=level], &mut act);
    }

    /// CR3 was written, and the invalidation that goes with it is done: what the TLBs cannot
    /// keep of other PCIDs is dropped. Says how many entries.
    pub fn cr3_written(&mut self, pcid: Pcid, written: Cr3Write) -> usize {
        self.drop_from_each(|level, lost| level.cr3_written(pcid, written, lost))
    }

    /// Drops the entries that a look-up of the address could find, and says how many.
    pub fn forget(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        self.drop_from_each(|level, lost| level.forget(address, pcid, lost))
    }

    /// Drops the entries in the scope, and says how many.
    pub fn invalidate(&mut self, scope: Scope) -> usize {
        match scope {
            Scope::Page { .. } | Scope::PageOfPcid { .. } => {
                self.drop_from_each(|level, lost| level.invalidate(scope, lost))
            }
            // What overlaps with an entry in the scope is in it too.
            Scope::Pcid(_) | Scope::PcidAndGlobal(_) | Scope::NonGlobal | Scope::All => {
                let levels = self.levels.iter_mut();
                levels
                    .map(|level| level.invalidate(scope, &mut |_| {}))
                    .sum()
            }
        }
    }

    /// Has each level drop something.
    fn drop_from_each(
        &mut self,
        mut act: impl FnMut(&mut Level<P>, Lost<'_, P>) -> usize,
    ) -> usize {
        let count = self.levels.len();
        let levels = (1..=count).map(|to| drop_from(&mut self.levels[..to], &mut act));
        levels.sum()
    }
}

/// Has the last of these levels drop something, and with it, if it is inclusive, those above
/// it. Says how many entries that were.
fn drop_from<P: Cacheable>(
    levels: &mut [Level<P>],
    act: &mut dyn FnMut(&mut Level<P>, Lost<'_, P>) -> usize,
) -> usize {
    let Some((level, above)) = levels.split_last_mut() else {
        return 0;
    };
    let is_inclusive = level.inclusion == Inclusion::Inclusive;
    let mut dropped_above = 0;
    let mut lost = |victim: &Victim<P>| {
        if is_inclusive {
            dropped_above += drop_above(above, victim);
        }
    };
    let dropped = act(level, &mut lost);
    dropped + dropped_above
}

/// Drops what overlaps with what an inclusive level has lost from the levels above it, and says
/// how many entries that were.
#[cold]
fn drop_above<P: Cacheable>(above: &mut [Level<P>], victim: &Victim<P>) -> usize {
    let mut forget = |level: &mut Level<P>, lost: Lost<'_, P>| level.forget_victim(victim, lost);
    let levels = (1..=above.len()).map(|to| drop_from(&mut above[..to], &mut forget));
    levels.sum()
}
