use tlb::Scope;
use units::{AccessKind, Cycles, Level, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{
    AlignmentCheck, Cause, CpuFeatures, Cr4, Entry, Fault, Flushed, GeneralProtection,
    Invalidation, Leaf, Ledger, Observer, Owner, PhysMem, Regime, RegimeError, Registers,
    RightsTable, Span, TableEntry, Translated, TranslationCache, WalkCost, WalkEnd,
    regime::cr3_reserved,
    span::{MAX_LENGTH, second_page},
    walker::{Purpose, WalkEvents, walk},
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
    /// [`RegimeError`] if the registers choose a paging mode that is not there yet, or CR3
    /// has reserved bits set.
    pub fn new(
        features: CpuFeatures,
        registers: Registers,
        cache: T,
        cost: C,
        observer: O,
    ) -> Result<Self, RegimeError> {
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
            Some(found) if self.regime.rights.permits(found.rights(), kind, mode) => {
                Ok(Translated::new(address, found))
            }
            Some(_) => self.refused(memory, address, kind, mode),
            None => self.missed(memory, address, kind, mode),
        }
    }

    /// Translates an access of `length` bytes, at most 4096, on both of its pages if it
    /// crosses into another: all of it is checked before any of it may be done.
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
        let second = match second_page(address, length) {
            None => None,
            Some(_) if length > MAX_LENGTH => return Err(Fault::TooLong { address, length }),
            Some(second) if !self.regime.is_canonical(second) => {
                return Err(Fault::NonCanonical(second));
            }
            Some(second) => Some(second),
        };
        let first = self.translate(memory, address, kind, mode)?;
        let second = match second {
            None => None,
            Some(second) => Some(self.translate(memory, second, kind, mode)?),
        };
        Ok(Span { first, second })
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

    /// MOV to CR3: another address space (SDM vol. 3, 4.10.4.1). What is not global of the
    /// new PCID is dropped, unless CR4.PCIDE and bit 63 of the value say to keep it.
    ///
    /// # Errors
    /// [`GeneralProtection`] if a reserved bit is set; nothing has changed then.
    pub fn write_cr3(&mut self, value: u64) -> Result<Flushed, GeneralProtection> {
        const KEEP: u64 = 1 << 63;
        let pcids = self.registers.cr4.contains(Cr4::PCID_ENABLE);
        let allowed = if pcids { KEEP } else { 0 };
        let reserved = value & cr3_reserved(self.features) & !allowed;
        if reserved != 0 {
            return Err(GeneralProtection::Cr3Reserved { value, reserved });
        }
        self.registers.cr3 = value & !KEEP;
        if let Ok(regime) = Regime::new(&self.registers, self.features) {
            self.regime = regime;
        }
        if value & KEEP != 0 {
            return Ok(Flushed::default());
        }
        Ok(self.drop_scope(Scope::Pcid(self.regime.pcid)))
    }

    /// STAC, CLAC or POPF changed EFLAGS.AC.
    pub fn set_alignment_check(&mut self, alignment_check: AlignmentCheck) {
        self.registers.alignment_check = alignment_check;
        self.regime.rights = RightsTable::new(&self.registers);
    }

    /// Drops cached translations as an instruction asks.
    pub fn invalidate(&mut self, invalidation: Invalidation) -> Flushed {
        match invalidation {
            // SDM vol. 2, INVLPG: a non-canonical address makes it a no-op.
            Invalidation::Invlpg(address) if !self.regime.is_canonical(address) => {
                Flushed::default()
            }
            Invalidation::Invlpg(address) => self.drop_scope(Scope::Page {
                address,
                pcid: self.regime.pcid,
            }),
        }
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

    fn drop_scope(&mut self, scope: Scope) -> Flushed {
        let flushed = self.cache.invalidate(scope);
        self.observer.flushed(flushed);
        flushed
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
    ) -> Result<Translated, Fault> {
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
        if !self.regime.is_canonical(address) {
            return Err(Fault::NonCanonical(address));
        }
        let pcid = self.regime.pcid;
        let root = (Regime::TOP, self.regime.root);
        let start = match self.cache.deepest_table(address, pcid, &mut self.spent) {
            Some((level, entry)) => (level.below().unwrap_or(level), entry),
            None => root,
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
        let purpose = Purpose::Access { kind, mode };
        let mut walked = walk(&self.regime, memory, start, address, purpose, &mut events);
        if start != root && is_refusal(&walked) {
            walked = walk(&self.regime, memory, root, address, purpose, &mut events);
        }
        let references = events.references;
        let outcome = walked.map(|leaf| {
            if self.regime.global_pages {
                leaf.translation
            } else {
                leaf.translation.local()
            }
        });
        if let Ok(translation) = outcome {
            self.cache.fill(address, pcid, kind, translation);
        } else {
            self.cache.forget_translation(address, pcid);
            self.cache.forget_tables(address, pcid);
        }
        self.observer.walk_ended(&WalkEnd {
            address,
            kind,
            references,
            outcome,
        });
        outcome.map(|translation| Translated::new(address, translation))
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

impl<T: TranslationCache, C: WalkCost, O: Observer> WalkEvents for Events<'_, T, C, O> {
    const UPDATES: bool = true;

    #[inline]
    fn read(&mut self, level: Level, at: PhysAddr) {
        self.references += 1;
        self.cost.read_entry(self.kind, level, at, self.spent);
        self.observer.entry_read(level, at);
    }

    #[inline]
    fn update(&mut self, level: Level, at: PhysAddr, entry: Entry) {
        self.cost.update_entry(level, at, self.spent);
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
