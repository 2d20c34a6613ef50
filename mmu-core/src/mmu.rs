mod miss;
mod registers;
mod state;

use units::{AccessKind, Cycles, PrivilegeMode, VirtAddr};

use crate::{
    CpuFeatures, Fault, GeneralProtection, Leaf, Ledger, Observer, Owner, PhysMem, Regime,
    Registers, Span, Translated, TranslationCache, WalkCost,
    span::{MAX_LENGTH, second_page},
};

use state::Settled;
pub(crate) use state::State;

/// The memory-management unit of one processor.
///
/// `T` is what it remembers between walks, `C` what walks cost, `O` who watches; all three
/// are chosen when it is compiled, and none that does nothing costs anything.
#[derive(Clone, Debug)]
pub struct Mmu<T, C: WalkCost, O> {
    registers: Registers,
    features: CpuFeatures,
    pub(crate) state: Settled<T, C>,
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
            state: Settled::new(State {
                regime: Regime::new(&registers, features)?,
                cache,
                cost,
            }),
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
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is found need not go through memory"
    )]
    pub fn translate<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Translated, Fault> {
        let State { regime, cache, .. } = &mut *self.state;
        let found = cache.lookup(address, regime.pcid, kind, &mut self.spent);
        self.judge(memory, address, kind, mode, found)
    }

    /// As [`Mmu::translate`], with what the look-up has found.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for all of it")]
    pub(crate) fn judge<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
        found: Option<Translated>,
    ) -> Result<Translated, Fault> {
        let rights = &self.state.regime.rights;
        match found {
            Some(found) if rights.permits(found.translation.rights(), kind, mode) => Ok(found),
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
        let first = self.state.regime.linear.check(first, kind, mode)?;
        let second = self.state.regime.linear.check(second, kind, mode)?;
        // A fault of the second page must not leave the first one dirty, and comes only after
        // those of the first.
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
        self.state.regime.probe(memory, address, kind, mode)
    }

    /// The registers as they stand.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// What the registers decide.
    pub fn regime(&self) -> &Regime {
        &self.state.regime
    }

    /// What is cached.
    pub fn cache(&self) -> &T {
        &self.state.cache
    }

    /// What walks cost.
    pub fn cost(&self) -> &C {
        &self.state.cost
    }

    /// Who watches.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// Who watches, to be told something.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Everything spent so far. What one access costs is the difference that it makes.
    pub fn spent(&self) -> &C::Ledger {
        &self.spent
    }

    /// Writes down cycles that were spent outside the MMU, such as those of a fault handler.
    pub fn charge(&mut self, owner: Owner, cycles: Cycles) {
        self.spent.charge(owner, cycles);
    }
}

#[cfg(test)]
mod tests;
