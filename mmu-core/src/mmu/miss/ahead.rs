//! Walks for pages that nobody has asked for yet.

use units::{AccessKind, Level, PageSize, PhysAddr, PrivilegeMode, VirtAddr};

use super::{Mmu, State};
use crate::{
    Entry, EntryRead, Observer, PhysMem, Regime, TableEntry, TranslationCache, WalkCost,
    format::Wide,
    walker::{Purpose, Start, Walk, WalkEvents},
};

impl<T: TranslationCache, C: WalkCost, O: Observer> Mmu<T, C, O> {
    /// Walks for the page after the one that was just walked for. Only what is ordinary on the
    /// whole way becomes a translation: a processor may use page tables ahead of a program,
    /// but must not fault, and nothing is cached from an entry whose accessed bit is clear
    /// (SDM vol. 3, 4.10.2.3).
    #[cold]
    #[inline(never)]
    pub(super) fn walk_ahead<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
        size: PageSize,
    ) {
        let next = address.align_down(size).wrapping_add(size.bytes());
        let State {
            regime,
            cache,
            cost,
        } = &mut *self.state;
        let pcid = regime.pcid;
        if !regime.walks_at_once(next) || cache.holds(next, pcid, kind) {
            return;
        }
        let mut unwaited = C::Ledger::default();
        let cached = cache.deepest_table(next, pcid, &mut unwaited);
        let mut events = AheadOfUse {
            regime,
            cache,
            cost,
        };
        let purpose = Purpose::Access { kind, mode };
        let mut walk = Walk::<Wide, M, _>::new(regime, memory, next, purpose, &mut events);
        let walked = match cached {
            Some((Level::Pde, table)) => walk.ordinary_page(table),
            Some((level, table)) => walk.ordinary_from(Start::below(level, table)),
            None => walk.ordinary_from_root(),
        };
        if let Ok(leaf) = walked {
            cache.fill(next, pcid, kind, leaf.translation);
            cost.walked_ahead();
        }
    }
}

/// A walk that sets nothing and that nobody waits for.
struct AheadOfUse<'a, T, C> {
    regime: &'a Regime,
    cache: &'a mut T,
    cost: &'a mut C,
}

impl<T: TranslationCache, C: WalkCost> WalkEvents for AheadOfUse<'_, T, C> {
    const UPDATES: bool = false;

    fn read(&mut self, level: Level, at: PhysAddr, pointer: TableEntry) {
        self.cost.read_ahead(EntryRead {
            level,
            at,
            memory_type: self.regime.structure_type(at, pointer),
        });
    }

    fn update(&mut self, _: Level, _: PhysAddr, _: Entry, _: TableEntry) {}

    fn table(&mut self, level: Level, address: VirtAddr, entry: TableEntry) {
        self.cache
            .fill_table(level, address, self.regime.pcid, entry);
    }
}
