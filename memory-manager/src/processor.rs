use mmu_core::{
    AccessKind, CpuFeatures, Cr4, Feature, FunctionalMmu, GeneralProtection, Invalidation, Pat,
    Pcid, PhysAddr, PrivilegeMode, Ram, Registers, Span, VirtAddr,
};

/// WB, WC, UC-, UC, twice: what Windows sets the page attribute table to.
const PAT: u64 = 0x0007_0106_0007_0106;

/// Bit 63 of the operand of MOV to CR3: keep what is cached of the PCID.
const KEEP: u64 = 1 << 63;

/// INVPCID of one address, and of all of a PCID.
const ONE_ADDRESS: u64 = 0;
const ONE_PCID: u64 = 1;

/// An address space as the processor knows it. Spaces that have no PCID of their own share
/// PCID 0, and nothing of them stays cached while another one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpaceRoot {
    pub(crate) table: PhysAddr,
    pub(crate) pcid: Pcid,
}

impl SpaceRoot {
    /// How a processor that may run another space forgets an address of this one. To enter a
    /// space without a PCID of its own drops all of it.
    pub(crate) fn forgetting(self, address: VirtAddr) -> Invalidation {
        if self.pcid == Pcid::ZERO {
            return Invalidation::Invlpg(address);
        }
        let address = u128::from(address.as_u64()) << 64;
        Invalidation::Invpcid {
            operation: ONE_ADDRESS,
            descriptor: address | u128::from(self.pcid.as_u64()),
        }
    }

    /// How a processor forgets all of this space.
    pub(crate) fn leaving(self) -> Option<Invalidation> {
        (self.pcid != Pcid::ZERO).then(|| Invalidation::Invpcid {
            operation: ONE_PCID,
            descriptor: self.pcid.as_u64().into(),
        })
    }
}

/// The processor, its MMU, and the address space that it runs.
#[derive(Clone, Debug)]
pub(crate) struct Processor {
    mmu: FunctionalMmu,
    current: Option<SpaceRoot>,
    /// PCIDs that no space has, the next one last.
    free_pcids: Vec<Pcid>,
}

impl Processor {
    pub(crate) fn new(features: CpuFeatures) -> Result<Self, GeneralProtection> {
        let mut registers = Registers::four_level(PhysAddr::new(0));
        let has = |feature| features.has(feature);
        registers.cr4.set(Cr4::PCID_ENABLE, has(Feature::PCID));
        registers.cr4.set(Cr4::SMEP, has(Feature::SMEP));
        registers.cr4.set(Cr4::SMAP, has(Feature::SMAP));
        registers.pat = Pat::from_bits(PAT)?;
        let pcids = if has(Feature::PCID) { 1..4096 } else { 0..0 };
        Ok(Self {
            mmu: FunctionalMmu::functional(features, registers)?,
            current: None,
            free_pcids: pcids
                .rev()
                .filter_map(|pcid| Pcid::new(pcid).ok())
                .collect(),
        })
    }

    /// The registers under which a space runs.
    pub(crate) fn registers(&self, space: SpaceRoot) -> Registers {
        Registers {
            cr3: space.table.as_u64() | space.pcid.as_u64(),
            ..*self.mmu.registers()
        }
    }

    pub(crate) fn enter(&mut self, table: PhysAddr) -> SpaceRoot {
        SpaceRoot {
            table,
            pcid: self.free_pcids.pop().unwrap_or(Pcid::ZERO),
        }
    }

    /// Forgets a space that is gone, before its tables are used again.
    pub(crate) fn leave(&mut self, space: SpaceRoot) -> Result<(), GeneralProtection> {
        if self.current == Some(space) {
            self.current = None;
        }
        if let Some(leaving) = space.leaving() {
            let _ = self.mmu.invalidate(leaving)?;
            self.free_pcids.push(space.pcid);
        }
        Ok(())
    }

    /// Forgets what is cached for an address of a space, in every level.
    pub(crate) fn forget(
        &mut self,
        space: SpaceRoot,
        address: VirtAddr,
    ) -> Result<(), GeneralProtection> {
        let invalidation = if self.current == Some(space) {
            Invalidation::Invlpg(address)
        } else if space.pcid == Pcid::ZERO {
            // To enter the space again drops all of it.
            return Ok(());
        } else {
            space.forgetting(address)
        };
        let _ = self.mmu.invalidate(invalidation)?;
        Ok(())
    }

    pub(crate) fn run(&mut self, ram: &Ram, space: SpaceRoot) -> Result<(), GeneralProtection> {
        if self.current != Some(space) {
            let keep = if space.pcid == Pcid::ZERO { 0 } else { KEEP };
            let cr3 = space.table.as_u64() | space.pcid.as_u64() | keep;
            let _ = self.mmu.write_cr3(ram, cr3)?;
            self.current = Some(space);
        }
        Ok(())
    }

    /// Translates an access of the space that runs, made in user mode.
    #[inline]
    pub(crate) fn translate(
        &mut self,
        ram: &Ram,
        address: VirtAddr,
        length: u32,
        kind: AccessKind,
    ) -> Result<Span, mmu_core::Fault> {
        self.mmu
            .translate_span(ram, address, length, kind, PrivilegeMode::User)
    }
}
