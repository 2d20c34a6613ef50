//! What happens when no cached translation permits an access.

mod ahead;

use tlb::Scope;
use units::{AccessKind, Cycles, Level, MemoryType, PageSize, PhysAddr, PrivilegeMode, VirtAddr};

use super::{Mmu, State};
use crate::{
    AccessedOnFault, Cause, Entry, EntryRead, Fault, Flushed, Leaf, Ledger, NextPage, Observer,
    PhysMem, Regime, TableEntry, Translated, Translation, TranslationCache, WalkCost, WalkEnd,
    format::Wide,
    walker::{Halt, Inspection, Purpose, Start, Walk, WalkEvents, walk},
};

/// An access that is walked for.
#[derive(Clone, Copy)]
struct Access {
    address: VirtAddr,
    kind: AccessKind,
    mode: PrivilegeMode,
    /// What all walks before had cost.
    spent_before: Cycles,
}

impl Access {
    fn purpose(self) -> Purpose {
        Purpose::Access {
            kind: self.kind,
            mode: self.mode,
        }
    }
}

/// Where a walk begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    AtTheRoot,
    /// Below an entry of a paging-structure cache, which is of this level.
    Below(Level),
}

impl<T: TranslationCache, C: WalkCost, O: Observer> Mmu<T, C, O> {
    /// What is cached does not permit the access. The tables may by now: only they may say
    /// no (SDM vol. 3, 4.10.4.3), and a clean page's dirty bit is there to be set.
    #[cold]
    #[inline(never)]
    pub(super) fn refused<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
        found: Translated,
    ) -> Result<Translated, Fault> {
        let (rights, key) = (found.translation.rights(), found.translation.key());
        if self.state.regime.permits(rights, key, kind, mode) {
            self.state.regime.linear.check(address, kind, mode)?;
            return Ok(found);
        }
        let State { regime, cache, .. } = &mut *self.state;
        cache.forget_translation(address, regime.pcid);
        self.missed(memory, address, kind, mode)
    }

    /// Nothing cached translates the address. Most walks meet nothing but ordinary entries;
    /// one that does is all that is here.
    #[inline(never)]
    pub(super) fn missed<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Translated, Fault> {
        if !self.state.regime.walks_at_once(address) {
            return self.missed_otherwise(memory, address, kind, mode);
        }
        let pcid = self.state.regime.pcid;
        let spent_before = self.spent.walks();
        let cached = self
            .state
            .cache
            .deepest_table(address, pcid, &mut self.spent);
        let mut events = self.events(kind);
        let regime = events.regime;
        let purpose = Purpose::Access { kind, mode };
        let mut walk = Walk::<Wide, M, _>::new(regime, memory, address, purpose, &mut events);
        match ordinary(&mut walk, cached) {
            Ok(leaf) => {
                let translation = leaf.translation;
                self.state.cache.fill(address, pcid, kind, translation);
                self.observer.walk_ended(&WalkEnd {
                    address,
                    kind,
                    references: self.references(begins(cached), leaf.level),
                    cycles: self.spent.walks() - spent_before,
                    outcome: Ok(translation),
                });
                if self.state.cost.next_page() == NextPage::Prefetch {
                    self.walk_ahead(memory, address, kind, mode, translation.size());
                }
                Ok(Translated::new(address, translation))
            }
            // Nobody notices if it begins again, so that the others need not keep in mind where
            // they are.
            Err(_) if C::IS_FREE && !O::WATCHES => {
                self.missed_again(memory, address, kind, mode, begins(cached))
            }
            Err(halt) => {
                let access = Access {
                    address,
                    kind,
                    mode,
                    spent_before,
                };
                self.resume(memory, access, begins(cached), halt)
            }
        }
    }

    /// A walk that met an entry out of the ordinary begins again, and looks closely. Tables that
    /// it has cached itself are not stale.
    #[cold]
    #[inline(never)]
    fn missed_again<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
        begins: Begins,
    ) -> Result<Translated, Fault> {
        let access = Access {
            address,
            kind,
            mode,
            spent_before: self.spent.walks(),
        };
        let pcid = self.state.regime.pcid;
        let start = match self
            .state
            .cache
            .deepest_table(address, pcid, &mut self.spent)
        {
            Some((level, table)) => Start::below(level, table),
            None => self.state.regime.start(address, access.purpose())?,
        };
        self.resume(memory, access, begins, start.into())
    }

    /// Goes on with a walk that met an entry out of the ordinary.
    #[cold]
    fn resume<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        access: Access,
        begins: Begins,
        halt: Halt,
    ) -> Result<Translated, Fault> {
        let mut events = self.events(access.kind);
        let regime = events.regime;
        let (address, purpose) = (access.address, access.purpose());
        let mut walk = Walk::<Wide, M, _>::new(regime, memory, address, purpose, &mut events);
        let walked = walk.resume(halt);
        self.finish(memory, access, begins, walked)
    }

    /// The miss of an address, or in a mode, that takes more than a walk.
    #[cold]
    #[inline(never)]
    fn missed_otherwise<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Translated, Fault> {
        let linear = self.state.regime.linear.check(address, kind, mode)?;
        if linear != address {
            return self.translate(memory, linear, kind, mode);
        }
        let access = Access {
            address,
            kind,
            mode,
            spent_before: self.spent.walks(),
        };
        let pcid = self.state.regime.pcid;
        let cached = self
            .state
            .cache
            .deepest_table(address, pcid, &mut self.spent);
        let walked = match cached {
            Some((level, table)) => self.walk(memory, access, Start::below(level, table)),
            None => self.walk_from_root(memory, access),
        };
        self.finish(memory, access, begins(cached), walked)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for what it is for")]
    fn events(&mut self, kind: AccessKind) -> Events<'_, T, C, O> {
        let State {
            regime,
            cache,
            cost,
        } = &mut *self.state;
        Events {
            regime,
            cache,
            cost,
            spent: &mut self.spent,
            observer: &mut self.observer,
            kind,
        }
    }

    fn walk_from_root<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        access: Access,
    ) -> Result<Leaf, Fault> {
        let start = self.state.regime.start(access.address, access.purpose())?;
        self.walk(memory, access, start)
    }

    fn walk<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        access: Access,
        start: Start,
    ) -> Result<Leaf, Fault> {
        let (address, purpose) = (access.address, access.purpose());
        let regime = &self.state.regime;
        if regime.accessed_on_fault == AccessedOnFault::Never {
            walk(regime, memory, start, address, purpose, &mut Inspection)?;
        }
        let mut events = self.events(access.kind);
        let regime = events.regime;
        walk(regime, memory, start, address, purpose, &mut events)
    }

    /// Remembers what a walk found, or forgets what led to its fault, once the tables
    /// themselves have refused the access.
    fn finish<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        access: Access,
        begins: Begins,
        mut walked: Result<Leaf, Fault>,
    ) -> Result<Translated, Fault> {
        let Access { address, kind, .. } = access;
        let mut references = self.references_of(begins, &walked);
        if begins != Begins::AtTheRoot && is_refusal(&walked) {
            walked = self.walk_from_root(memory, access);
            references += self.references_of(Begins::AtTheRoot, &walked);
        }
        let outcome = walked.map(|leaf| leaf.translation);
        let pcid = self.state.regime.pcid;
        if let Ok(translation) = outcome {
            if self.may_be_cached(address, translation) {
                self.state.cache.fill(address, pcid, kind, translation);
            }
        } else {
            let flushed = Flushed {
                scope: Some(Scope::Page { address, pcid }),
                translations: self.state.cache.forget_translation(address, pcid),
                structures: self.state.cache.forget_tables(address, pcid),
            };
            self.observer.flushed(flushed);
        }
        self.observer.walk_ended(&WalkEnd {
            address,
            kind,
            references,
            cycles: self.spent.walks() - access.spent_before,
            outcome,
        });
        let translation = outcome?;
        if self.state.cost.next_page() == NextPage::Prefetch {
            self.walk_ahead(memory, address, kind, access.mode, translation.size());
        }
        Ok(Translated::new(address, translation))
    }

    /// Whether the translation holds for whatever a cache would answer with it: not where a
    /// fetch's is not a data access's, nor where range registers split a large page.
    fn may_be_cached(&self, address: VirtAddr, found: Translation) -> bool {
        let is_of_one_type = || {
            let size = found.size();
            size == PageSize::Size4KiB || self.state.regime.types.is_uniform(found.page(), size)
        };
        self.state.regime.linear.is_the_same_for_data(address)
            && (T::HOLDS_PIECES || is_of_one_type())
    }

    /// How many entries a walk read that ended like this.
    fn references_of(&self, begins: Begins, walked: &Result<Leaf, Fault>) -> u32 {
        match walked {
            Ok(leaf) => self.references(begins, leaf.level),
            Err(Fault::Page(fault)) => self.references(begins, fault.level),
            Err(Fault::NoMemory { level, .. } | Fault::Contended { level, .. }) => {
                self.references(begins, *level)
            }
            Err(Fault::NonCanonical(_) | Fault::AddressSpace(_) | Fault::TooLong { .. }) => 0,
        }
    }

    /// How many entries a walk read whose last one is of this level: one a level.
    #[inline]
    fn references(&self, begins: Begins, last: Level) -> u32 {
        let above = match begins {
            Begins::AtTheRoot => self.state.regime.mode().levels(),
            Begins::Below(level) => level as u32 - 1,
        };
        (above + 1).saturating_sub(last as u32)
    }
}

/// Goes through entries as long as they are ordinary, from the deepest table that is cached on.
#[inline(always)]
#[expect(clippy::inline_always, reason = "most walks do nothing else")]
fn ordinary<M: PhysMem + ?Sized, E: WalkEvents>(
    walk: &mut Walk<'_, Wide, M, E>,
    cached: Option<(Level, TableEntry)>,
) -> Result<Leaf, Halt> {
    match cached {
        Some((Level::Pde, table)) => walk.ordinary_page(table),
        Some((Level::Pdpte, table)) => walk.ordinary_directory(table),
        Some((level, table)) => walk.ordinary_from(Start::below(level, table)),
        None => walk.ordinary_from_root(),
    }
}

#[inline]
fn begins(cached: Option<(Level, TableEntry)>) -> Begins {
    cached.map_or(Begins::AtTheRoot, |(level, _)| Begins::Below(level))
}

/// Whether a walk ended because the rights of its path did not suffice. A paging-structure
/// cache may have had fewer rights than the tables by now grant.
fn is_refusal(walked: &Result<Leaf, Fault>) -> bool {
    matches!(walked, Err(Fault::Page(fault)) if fault.cause == Cause::Protection)
}

/// A walk on behalf of a processor.
struct Events<'a, T, C: WalkCost, O> {
    regime: &'a Regime,
    cache: &'a mut T,
    cost: &'a mut C,
    spent: &'a mut C::Ledger,
    observer: &'a mut O,
    kind: AccessKind,
}

impl<T, C: WalkCost, O> Events<'_, T, C, O> {
    #[inline]
    fn entry_read(&self, level: Level, at: PhysAddr, pointer: TableEntry) -> EntryRead {
        let memory_type = if C::ASKS_MEMORY_TYPE {
            self.regime.structure_type(at, pointer)
        } else {
            MemoryType::WriteBack
        };
        EntryRead {
            level,
            at,
            memory_type,
        }
    }
}

impl<T: TranslationCache, C: WalkCost, O: Observer> WalkEvents for Events<'_, T, C, O> {
    const UPDATES: bool = true;

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "level and kind are known in each place"
    )]
    fn read(&mut self, level: Level, at: PhysAddr, pointer: TableEntry) {
        let read = self.entry_read(level, at, pointer);
        self.cost.read_entry(self.kind, read, self.spent);
        self.observer.entry_read(level, at);
    }

    #[inline]
    fn update(&mut self, level: Level, at: PhysAddr, entry: Entry, pointer: TableEntry) {
        let read = self.entry_read(level, at, pointer);
        self.cost.update_entry(read, self.spent);
        self.observer.entry_updated(level, at, entry);
    }

    #[inline]
    fn table(&mut self, level: Level, address: VirtAddr, entry: TableEntry) {
        self.cache
            .fill_table(level, address, self.regime.pcid, entry);
    }
}
