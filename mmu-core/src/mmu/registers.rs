//! What is written to the registers and what that drops (SDM vol. 3, 4.10.4.1).

use tlb::{Cr3Write, Scope};

use super::{Mmu, State};
use crate::{
    AlignmentCheck, Cr0, Cr4, Efer, Feature, Flushed, GeneralProtection, Invalidation, KeyRights,
    Msr, Observer, PagingMode, Pat, PhysMem, Regime, Registers, TlbInstruction, TranslationCache,
    WalkCost,
};

/// Bit 63 of the operand of MOV to CR3: keep what is cached of the new PCID.
const KEEP: u64 = 1 << 63;

/// Bits of CR4 that cached translations have folded in. The manual lets a processor keep
/// what a change of most of them makes stale; to drop it is always allowed.
const FOLDED_IN: Cr4 = Cr4::PAGE_GLOBAL_ENABLE
    .union(Cr4::PHYSICAL_ADDRESS_EXTENSION)
    .union(Cr4::PAGE_SIZE_EXTENSIONS)
    .union(Cr4::LINEAR_ADDRESS_57)
    .union(Cr4::PROTECTION_KEYS)
    .union(Cr4::SUPERVISOR_PROTECTION_KEYS)
    .union(Cr4::CET)
    .union(Cr4::LASS);

impl<T: TranslationCache, C: WalkCost, O: Observer> Mmu<T, C, O> {
    /// MOV to CR0. To turn paging on or off, or caching, drops everything. PAE paging loads
    /// its PDPTE registers (SDM vol. 3, 4.4.1). The dirty bit of a write that CR0.WP = 0
    /// permits is set as any.
    ///
    /// # Errors
    /// [`GeneralProtection`] if the value is not allowed; nothing has changed then. What
    /// depends on the code segment is the caller's to check: paging cannot be turned off in
    /// 64-bit code.
    pub fn write_cr0<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        value: u64,
    ) -> Result<Flushed, GeneralProtection> {
        const LOADS_PDPTES: Cr0 = Cr0::CACHE_DISABLE
            .union(Cr0::NOT_WRITE_THROUGH)
            .union(Cr0::PAGING);
        const DROPS: Cr0 = Cr0::CACHE_DISABLE.union(Cr0::PAGING);
        let mut new = self.registers.with_cr0(value)?;
        let changed = new.cr0 ^ self.registers.cr0;
        if new.paging_mode() == PagingMode::Pae && changed.intersects(LOADS_PDPTES) {
            new.load_pdptes(memory, self.features)?;
        }
        let scope = changed.intersects(DROPS).then_some(Scope::All);
        Ok(self.adopt(&new, scope))
    }

    /// MOV to CR3: another address space. What is not global of the new PCID is dropped,
    /// unless CR4.PCIDE and bit 63 of the value say to keep it, and what the processor's TLBs
    /// cannot keep of other PCIDs. PAE paging loads its PDPTE registers. A task switch that
    /// changes CR3 does the same.
    ///
    /// # Errors
    /// [`GeneralProtection`] if the value, or a PDPTE, has a reserved bit set; nothing has
    /// changed then.
    pub fn write_cr3<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        value: u64,
    ) -> Result<Flushed, GeneralProtection> {
        let mut new = self.registers.with_cr3(value, self.features)?;
        if new.paging_mode() == PagingMode::Pae {
            new.load_pdptes(memory, self.features)?;
        }
        let keeps = value & KEEP != 0 && new.cr4.contains(Cr4::PCID_ENABLE);
        let State {
            regime,
            cache,
            cost,
        } = &mut *self.state;
        let before = regime.linear;
        self.registers = new;
        regime.set_root(&self.registers);
        let scope = if before.masks_otherwise(&regime.linear) {
            Some(Scope::All)
        } else {
            (!keeps).then_some(Scope::Pcid(regime.pcid))
        };
        let (instruction, written) = if keeps {
            (TlbInstruction::WriteCr3Keeping, Cr3Write::Keeping)
        } else {
            (TlbInstruction::WriteCr3, Cr3Write::Plain)
        };
        cost.execute(instruction, &mut self.spent);
        let mut flushed = scope.map_or_else(Flushed::default, |scope| cache.invalidate(scope));
        flushed.translations += cache.cr3_written(regime.pcid, written);
        if flushed != Flushed::default() {
            self.observer.flushed(flushed);
        }
        Ok(flushed)
    }

    /// MOV to CR4. A change of PGE, or of what else is folded into cached translations, and
    /// PCIDE going to 0 drop everything; SMEP going to 1 what is cached of the current PCID.
    /// PAE paging loads its PDPTE registers.
    ///
    /// # Errors
    /// [`GeneralProtection`] if the value is not allowed; nothing has changed then.
    pub fn write_cr4<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        value: u64,
    ) -> Result<Flushed, GeneralProtection> {
        const LOADS_PDPTES: Cr4 = Cr4::PHYSICAL_ADDRESS_EXTENSION
            .union(Cr4::PAGE_GLOBAL_ENABLE)
            .union(Cr4::PAGE_SIZE_EXTENSIONS)
            .union(Cr4::SMEP);
        let mut new = self.registers.with_cr4(value, self.features)?;
        let changed = new.cr4 ^ self.registers.cr4;
        if new.paging_mode() == PagingMode::Pae && changed.intersects(LOADS_PDPTES) {
            new.load_pdptes(memory, self.features)?;
        }
        let cleared = changed & self.registers.cr4;
        let set = changed & new.cr4;
        let scope = if changed.intersects(FOLDED_IN) || cleared.contains(Cr4::PCID_ENABLE) {
            Some(Scope::All)
        } else if set.contains(Cr4::SMEP) {
            Some(Scope::PcidAndGlobal(self.state.regime.pcid))
        } else {
            None
        };
        Ok(self.adopt(&new, scope))
    }

    /// WRMSR to one of the MMU's registers. A change of EFER.NXE, of the page attribute table
    /// or of a range register drops everything, since cached translations have them folded
    /// in.
    ///
    /// # Errors
    /// [`GeneralProtection`] if the value is not allowed; nothing has changed then.
    pub fn write_msr(&mut self, register: Msr, value: u64) -> Result<Flushed, GeneralProtection> {
        let needed = match register {
            Msr::Efer => Feature::empty(),
            Msr::Pat => Feature::PAT,
            Msr::Pkrs => Feature::PKS,
            _ => Feature::MTRR,
        };
        if !self.features.has(needed) {
            return Err(GeneralProtection::NoSuchMsr(register));
        }
        let mut new = self.registers;
        match register {
            Msr::Efer => {
                new = new.with_efer(value, self.features)?;
                let changed = new.efer ^ self.registers.efer;
                let drops = changed.contains(Efer::NO_EXECUTE_ENABLE);
                return Ok(self.adopt(&new, drops.then_some(Scope::All)));
            }
            Msr::Pkrs => {
                let keys = u32::try_from(value).map_err(|_| GeneralProtection::MsrReserved {
                    register,
                    value,
                    reserved: value & !u64::from(u32::MAX),
                })?;
                self.registers.pkrs = KeyRights::from_bits(keys);
                self.state.regime.set_rights(&self.registers);
                return Ok(Flushed::default());
            }
            Msr::Pat => new.pat = Pat::from_bits(value)?,
            _ => new.mtrrs.write(register, value, self.features)?,
        }
        let changes = new != self.registers;
        Ok(self.adopt(&new, changes.then_some(Scope::All)))
    }

    /// RDMSR of one of the MMU's registers; 0 for a range register that there is not.
    pub fn read_msr(&self, register: Msr) -> u64 {
        match register {
            Msr::Efer => self.registers.efer.bits(),
            Msr::Pat => self.registers.pat.bits(),
            Msr::Pkrs => self.registers.pkrs.bits().into(),
            _ => self.registers.mtrrs.read(register).unwrap_or(0),
        }
    }

    /// WRPKRU or XRSTOR changed PKRU. Nothing cached becomes stale.
    pub fn write_pkru(&mut self, pkru: KeyRights) {
        self.registers.pkru = pkru;
        self.state.regime.set_rights(&self.registers);
    }

    /// STAC, CLAC or POPF changed EFLAGS.AC. Nothing cached becomes stale.
    pub fn set_alignment_check(&mut self, alignment_check: AlignmentCheck) {
        self.registers.alignment_check = alignment_check;
        self.state.regime.set_rights(&self.registers);
    }

    /// Puts back registers that were kept, as when a machine is restored; everything cached
    /// is dropped.
    ///
    /// # Errors
    /// [`GeneralProtection`] as for [`Mmu::new`]; nothing has changed then.
    pub fn restore(&mut self, registers: Registers) -> Result<Flushed, GeneralProtection> {
        let registers = registers.with_lma();
        self.state.regime = Regime::new(&registers, self.features)?;
        self.registers = registers;
        Ok(self.drop_cached(Scope::All))
    }

    /// Drops cached translations as an instruction asks.
    ///
    /// # Errors
    /// [`GeneralProtection`] if the operands are not allowed.
    pub fn invalidate(&mut self, invalidation: Invalidation) -> Result<Flushed, GeneralProtection> {
        let regime = &self.state.regime;
        let scope = invalidation.scope(&self.registers, &regime.linear, regime.pcid)?;
        let instruction = match invalidation {
            Invalidation::Invlpg(_) => TlbInstruction::Invlpg,
            Invalidation::Invpcid { .. } => TlbInstruction::Invpcid,
        };
        self.state.cost.execute(instruction, &mut self.spent);
        Ok(self.drop_if_any(scope))
    }

    /// Drops cached translations that no instruction asked for, as a processor may at any
    /// time (SDM vol. 3, 4.10.2.3).
    pub fn drop_cached(&mut self, scope: Scope) -> Flushed {
        let flushed = self.state.cache.invalidate(scope);
        self.observer.flushed(flushed);
        flushed
    }

    fn drop_if_any(&mut self, scope: Option<Scope>) -> Flushed {
        scope.map_or_else(Flushed::default, |scope| self.drop_cached(scope))
    }

    fn adopt(&mut self, registers: &Registers, scope: Option<Scope>) -> Flushed {
        self.registers = *registers;
        self.state.regime = Regime::derive(registers, self.features);
        self.drop_if_any(scope)
    }
}
