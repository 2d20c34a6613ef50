mod registers;

use units::{AccessKind, Cycles, Level, MemoryType, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{
    AccessedOnFault, Cause, CpuFeatures, Entry, EntryRead, Fault, GeneralProtection, Leaf, Ledger,
    Observer, Owner, PhysMem, Regime, Registers, Span, TableEntry, Translated, TranslationCache,
    WalkCost, WalkEnd,
    span::{MAX_LENGTH, second_page},
    walker::{Inspection, Purpose, Start, WalkEvents, walk},
};

/// The memory-management unit of one processor.
///
/// `T` is what it remembers between walks, `C` what walks cost, `O` who watches; all three
/// are chosen when it is compiled, and none that does nothing costs anything.
#[derive(Clone, Debug)]
pub struct Mmu<T, C: WalkCost, O> {
    registers: Registers,
    features: CpuFeatures,
    regime: Regime,
    pub(crate) cache: T,
    pub(crate) cost: C,
    pub(crate) spent: C::Ledger,
    observer: O,
}

impl<T: TranslationCache, C: WalkCost, O: Observer> Mmu<T, C, O> {
    /// An MMU with nothing cached yet.
    ///
    /// # Errors
    /// [`GeneralProtection`] if a processor with these features lets no such registers in.
    pub fn new(
        features: CpuFeatures,
        registers: Registers,
        cache: T,
        cost: C,
        observer: O,
    ) -> Result<Self, GeneralProtection> {
        let registers = registers.with_lma();
        Ok(Self {
            registers,
            features,
            regime: Regime::new(&registers, features)?,
            cache,
            cost,
            spent: C::Ledger::default(),
            observer,
        })
    }

    /// Translates the address of an access that lies in one page, or the page of its first
    /// byte: sets accessed and dirty bits, and remembers what it found.
    ///
    /// # Errors
    /// [`Fault`] if the access is not possible. What was cached for the address is dropped
    /// then (SDM vol. 3, 4.10.4.1), so that the access can simply be tried again once the
    /// fault is serviced.
    #[inline]
    pub fn translate<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Translated, Fault> {
        let pcid = self.regime.pcid;
        let found = self.cache.lookup(address, pcid, kind, &mut self.spent);
        match found {
            Some(found)
                if self
                    .regime
                    .rights
                    .permits(found.translation.rights(), kind, mode) =>
            {
                Ok(found)
            }
            Some(found) => self.refused(memory, address, kind, mode, found),
            None => self.missed(memory, address, kind, mode),
        }
    }

    /// Translates an access of `length` bytes, at most 4096, on both of its pages if it
    /// crosses into another: all of it is checked before any of it may be done, and before
    /// any dirty bit is set.
    ///
    /// # Errors
    /// [`Fault`] as for [`Mmu::translate`], of the first page that has one; but an access any
    /// byte of which is not canonical is refused before either page is looked at.
    #[inline]
    pub fn translate_span<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        length: u32,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Span, Fault> {
        match second_page(address, length) {
            None => Ok(Span {
                first: self.translate(memory, address, kind, mode)?,
                second: None,
            }),
            Some(_) if length > MAX_LENGTH => Err(Fault::TooLong { address, length }),
            Some(second) => self.translate_both(memory, address, second, kind, mode),
        }
    }

    #[cold]
    #[inline(never)]
    fn translate_both<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        first: VirtAddr,
        second: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Span, Fault> {
        let first = self.regime.linear.check(first, kind, mode)?;
        let second = self.regime.linear.check(second, kind, mode)?;
        // A fault of the second page must not leave the first one dirty.
        if kind.writes()
            && self.probe(memory, second, kind, mode).is_err()
            && self.probe(memory, first, kind, mode).is_ok()
        {
            self.translate(memory, second, kind, mode)?;
        }
        Ok(Span {
            first: self.translate(memory, first, kind, mode)?,
            second: Some(self.translate(memory, second, kind, mode)?),
        })
    }

    /// What [`Mmu::translate`] would find in the page tables, without changing anything or
    /// asking what is cached.
    ///
    /// # Errors
    /// [`Fault`] as the access would get it.
    pub fn probe<M: PhysMem + ?Sized>(
        &self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Leaf, Fault> {
        self.regime.probe(memory, address, kind, mode)
    }

    /// The registers as they stand.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// What the registers decide.
    pub fn regime(&self) -> &Regime {
        &self.regime
    }

    /// What is cached.
    pub fn cache(&self) -> &T {
        &self.cache
    }

    /// What walks cost.
    pub fn cost(&self) -> &C {
        &self.cost
    }

    /// Who watches.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// Everything spent so far. What one access costs is the difference that it makes.
    pub fn spent(&self) -> &C::Ledger {
        &self.spent
    }

    /// Writes down cycles that were spent outside the MMU, such as those of a fault handler.
    pub fn charge(&mut self, owner: Owner, cycles: Cycles) {
        self.spent.charge(owner, cycles);
    }

    /// What is cached does not permit the access. The tables may by now: only they may say
    /// no (SDM vol. 3, 4.10.4.3), and a clean page's dirty bit is there to be set.
    #[cold]
    #[inline(never)]
    fn refused<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
        found: Translated,
    ) -> Result<Translated, Fault> {
        let (rights, key) = (found.translation.rights(), found.translation.key());
        if self.regime.permits(rights, key, kind, mode) {
            self.regime.linear.check(address, kind, mode)?;
            return Ok(found);
        }
        self.cache.forget_translation(address, self.regime.pcid);
        self.missed(memory, address, kind, mode)
    }

    #[cold]
    #[inline(never)]
    fn missed<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Translated, Fault> {
        let linear = self.regime.linear.check(address, kind, mode)?;
        if linear != address {
            return self.translate(memory, linear, kind, mode);
        }
        let walked = self.walked(memory, address, kind, mode);
        let outcome = walked.map(|leaf| leaf.translation);
        if outcome.is_err() {
            self.cache.forget_translation(address, self.regime.pcid);
            self.cache.forget_tables(address, self.regime.pcid);
        }
        let translation = outcome?;
        if self.regime.linear.is_the_same_for_data(address) {
            self.cache
                .fill(address, self.regime.pcid, kind, translation);
        }
        Ok(Translated::new(address, translation))
    }

    #[inline]
    fn walked<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Leaf, Fault> {
        let purpose = Purpose::Access { kind, mode };
        let pcid = self.regime.pcid;
        let cached = self.cache.deepest_table(address, pcid, &mut self.spent);
        let start = match cached.and_then(|(level, table)| Some((level.below()?, table))) {
            Some((level, table)) => Start { level, table },
            None => self.regime.start(address, purpose)?,
        };
        let mut events = Events {
            regime: &self.regime,
            cache: &mut self.cache,
            cost: &mut self.cost,
            spent: &mut self.spent,
            observer: &mut self.observer,
            kind,
            references: 0,
        };
        let mut walked = events.walk(memory, start, address, purpose);
        if cached.is_some() && is_refusal(&walked) {
            let root = self.regime.start(address, purpose)?;
            walked = events.walk(memory, root, address, purpose);
        }
        let end = WalkEnd {
            address,
            kind,
            references: events.references,
            outcome: walked.map(|leaf| leaf.translation),
        };
        self.observer.walk_ended(&end);
        walked
    }
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
    references: u32,
}

impl<T: TranslationCache, C: WalkCost, O: Observer> Events<'_, T, C, O> {
    #[inline]
    fn walk<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        start: Start,
        address: VirtAddr,
        purpose: Purpose,
    ) -> Result<Leaf, Fault> {
        let regime = self.regime;
        if regime.accessed_on_fault == AccessedOnFault::Never {
            walk(regime, memory, start, address, purpose, &mut Inspection)?;
        }
        walk(regime, memory, start, address, purpose, self)
    }

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

    #[inline]
    fn read(&mut self, level: Level, at: PhysAddr, pointer: TableEntry) {
        self.references += 1;
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

#[cfg(test)]
mod tests;
