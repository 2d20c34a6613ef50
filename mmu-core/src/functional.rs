use crate::{CpuFeatures, GeneralProtection, Mmu, NoCost, NoObserver, Registers, SoftTlb};

/// An MMU that is only right: a large software TLB, no notion of time, nobody watching.
pub type FunctionalMmu = Mmu<SoftTlb, NoCost, NoObserver>;

impl FunctionalMmu {
    /// A functional MMU with nothing cached yet.
    ///
    /// # Errors
    /// [`GeneralProtection`] as for [`Mmu::new`].
    pub fn functional(
        features: CpuFeatures,
        registers: Registers,
    ) -> Result<Self, GeneralProtection> {
        Self::new(features, registers, SoftTlb::new(), NoCost, NoObserver)
    }
}
