use mmu_core::{
    BusError, CpuFeatures, Entry, GeneralProtection, PhysAddr, PhysMem, Ram, Registers,
};

use super::MemoryImage;

/// How the PDPTE registers were loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pdptes {
    /// As a processor does.
    AsTheyAre,
    /// Without bit 5, which is reserved in them, and was set.
    WithoutAccessed,
}

impl MemoryImage {
    /// Loads the PDPTE registers of PAE paging, which no image holds, from the table that CR3
    /// points to. QEMU's software MMU sets the accessed bit there as in every entry, though a
    /// processor would not let it in; that one is left out.
    ///
    /// # Errors
    /// [`GeneralProtection`] as [`Registers::load_pdptes`].
    pub fn load_pdptes(
        &self,
        registers: &mut Registers,
        features: CpuFeatures,
    ) -> Result<Pdptes, GeneralProtection> {
        match registers.load_pdptes(&self.ram, features) {
            Ok(()) => Ok(Pdptes::AsTheyAre),
            Err(GeneralProtection::PdpteReserved { reserved, .. })
                if reserved == Entry::ACCESSED.bits() =>
            {
                registers.load_pdptes(&WithoutAccessed(&self.ram), features)?;
                Ok(Pdptes::WithoutAccessed)
            }
            Err(error) => Err(error),
        }
    }
}

/// Entries without their accessed bits.
struct WithoutAccessed<'a>(&'a Ram);

impl PhysMem for WithoutAccessed<'_> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        Ok(self.0.read_u64(at)? & !Entry::ACCESSED.bits())
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        self.0.compare_exchange_u64(at, current, new)
    }
}
