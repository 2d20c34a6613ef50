use crate::{CpuFeatures, Mmu, NoCost, NoObserver, Registers, SoftTlb, UnsupportedMode};

/// An MMU that is only right: a large software TLB, no notion of time, nobody watching.
pub type FunctionalMmu = Mmu<SoftTlb, NoCost, NoObserver>;

impl FunctionalMmu {
    /// A functional MMU with nothing cached yet.
    ///
    /// # Errors
    /// [`UnsupportedMode`] as for [`Mmu::new`].
    pub fn functional(
        features: CpuFeatures,
        registers: Registers,
    ) -> Result<Self, UnsupportedMode> {
        Self::new(features, registers, SoftTlb::new(), NoCost, NoObserver)
    }
}
