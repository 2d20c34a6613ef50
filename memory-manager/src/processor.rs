use std::sync::Arc;

use mmu_core::{
    AccessKind, Breakdown, CpuFeatures, Cr4, Feature, FunctionalMmu, GeneralProtection,
    Invalidation, Ledger, Owner, Pat, Pcid, PhysAddr, PrivilegeMode, Ram, Registers, SoftwareCosts,
    Span, VirtAddr,
};

use crate::shootdown::{Entered, Inbox, Presence};

/// WB, WC, UC-, UC, twice: what Windows sets the page attribute table to.
const PAT: u64 = 0x0007_0106_0007_0106;

/// Bit 63 of the operand of MOV to CR3: keep what is cached of the PCID.
const KEEP: u64 = 1 << 63;

/// INVPCID of one address, and of all of a PCID.
const ONE_ADDRESS: u64 = 0;
const ONE_PCID: u64 = 1;

/// An address space as the processors know it. Spaces that have no PCID of their own share
/// PCID 0, and nothing of them stays cached while another one runs.
#[derive(Clone, Debug)]
pub(crate) struct SpaceRoot {
    pub(crate) table: PhysAddr,
    pub(crate) presence: Arc<Presence>,
}

impl SpaceRoot {
    pub(crate) fn new(table: PhysAddr, pcid: Pcid) -> Self {
        let presence = Arc::new(Presence::new(pcid));
        Self { table, presence }
    }

    pub(crate) fn pcid(&self) -> Pcid {
        self.presence.pcid()
    }

    /// CR3 while the space runs.
    pub(crate) fn cr3(&self) -> u64 {
        self.table.as_u64() | self.pcid().as_u64()
    }

    /// How a processor that may run another space forgets an address of this one. To enter a
    /// space without a PCID of its own drops all of it.
    pub(crate) fn forgetting(&self, address: VirtAddr) -> Invalidation {
        if self.pcid() == Pcid::ZERO {
            return Invalidation::Invlpg(address);
        }
        let address = u128::from(address.as_u64()) << 64;
        Invalidation::Invpcid {
            operation: ONE_ADDRESS,
            descriptor: address | u128::from(self.pcid().as_u64()),
        }
    }

    /// How a processor forgets all of this space.
    pub(crate) fn leaving(&self) -> Option<Invalidation> {
        (self.pcid() != Pcid::ZERO).then(|| Invalidation::Invpcid {
            operation: ONE_PCID,
            descriptor: self.pcid().as_u64().into(),
        })
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.presence, &other.presence)
    }
}

/// A processor: its MMU, and the address space that it runs.
#[derive(Debug)]
pub(crate) struct Processor {
    mmu: FunctionalMmu,
    /// What CR3 says; none if that space is gone.
    current: Option<SpaceRoot>,
    costs: SoftwareCosts,
    pub(crate) spent: Breakdown,
}

impl Processor {
    pub(crate) fn new(
        features: CpuFeatures,
        costs: SoftwareCosts,
    ) -> Result<Self, GeneralProtection> {
        let mut registers = Registers::four_level(PhysAddr::new(0));
        let has = |feature| features.has(feature);
        registers.cr4.set(Cr4::PCID_ENABLE, has(Feature::PCID));
        registers.cr4.set(Cr4::SMEP, has(Feature::SMEP));
        registers.cr4.set(Cr4::SMAP, has(Feature::SMAP));
        registers.pat = Pat::from_bits(PAT)?;
        Ok(Self {
            mmu: FunctionalMmu::functional(features, registers)?,
            current: None,
            costs,
            spent: Breakdown::default(),
        })
    }

    /// The registers under which a space runs.
    pub(crate) fn registers(&self, space: &SpaceRoot) -> Registers {
        Registers {
            cr3: space.cr3(),
            ..*self.mmu.registers()
        }
    }

    #[inline]
    pub(crate) fn runs(&self, space: &SpaceRoot) -> bool {
        self.current.as_ref().is_some_and(|now| now.is(space))
    }

    /// Runs nothing of a space that is gone.
    pub(crate) fn abandon(&mut self, space: &SpaceRoot) {
        if self.runs(space) {
            self.current = None;
        }
    }

    /// Forgets what is cached for an address of a space, in every level.
    pub(crate) fn forget(
        &mut self,
        space: &SpaceRoot,
        address: VirtAddr,
    ) -> Result<(), GeneralProtection> {
        if self.runs(space) {
            self.invalidate(Invalidation::Invlpg(address))
        } else if space.pcid() == Pcid::ZERO {
            // To enter the space again drops all of it.
            Ok(())
        } else {
            self.invalidate(space.forgetting(address))
        }
    }

    pub(crate) fn invalidate(&mut self, stale: Invalidation) -> Result<(), GeneralProtection> {
        let cost = match stale {
            Invalidation::Invlpg(_) => self.costs.invlpg,
            _ => self.costs.invpcid,
        };
        self.spent.charge(Owner::Invalidation, cost);
        self.mmu.invalidate(stale).map(|_| ())
    }

    /// Goes on with another space.
    #[cold]
    pub(crate) fn switch(
        &mut self,
        ram: &Ram,
        inbox: &Inbox,
        space: &SpaceRoot,
    ) -> Result<(), GeneralProtection> {
        if let Some(old) = self.current.take() {
            old.presence.leave(inbox);
        }
        let (keep, cost) = match space.presence.enter(inbox) {
            Entered::Keeping => (KEEP, self.costs.write_cr3_keeping),
            Entered::Dropping => (0, self.costs.write_cr3),
        };
        self.spent.charge(Owner::WriteCr3, cost);
        let _ = self.mmu.write_cr3(ram, space.cr3() | keep)?;
        self.current = Some(space.clone());
        Ok(())
    }

    /// Translates an access of the space that runs.
    #[inline]
    pub(crate) fn translate(
        &mut self,
        ram: &Ram,
        address: VirtAddr,
        length: u32,
        (kind, mode): (AccessKind, PrivilegeMode),
    ) -> Result<Span, mmu_core::Fault> {
        self.mmu.translate_span(ram, address, length, kind, mode)
    }

    /// Its MMU as it would be if it ran a space now; none if it kept nothing of it.
    #[cfg(test)]
    pub(crate) fn entering(
        &self,
        ram: &Ram,
        inbox: &Inbox,
        space: &SpaceRoot,
    ) -> Option<FunctionalMmu> {
        let mut mmu = self.mmu.clone();
        // Nothing, unless it is idle.
        for stale in inbox.pending() {
            let _ = mmu.invalidate(stale).unwrap();
        }
        if !self.runs(space) {
            if !space.presence.is_held_by(inbox.processor()) {
                return None;
            }
            let _ = mmu.write_cr3(ram, space.cr3() | KEEP).unwrap();
        }
        Some(mmu)
    }
}
