use bitflags::bitflags;
use units::PhysAddr;

bitflags! {
    /// What a processor's paging can do, by the names of CPUID.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Feature: u32 {
        /// 4-MiB pages in 32-bit paging (CPUID.01H:EDX.PSE).
        const PSE = 1 << 0;
        /// 4-MiB pages above 4 GiB (CPUID.01H:EDX.PSE-36).
        const PSE_36 = 1 << 1;
        /// Entries of 64 bits (CPUID.01H:EDX.PAE).
        const PAE = 1 << 2;
        /// Global pages (CPUID.01H:EDX.PGE).
        const PGE = 1 << 3;
        /// The page attribute table (CPUID.01H:EDX.PAT).
        const PAT = 1 << 4;
        /// Memory-type range registers (CPUID.01H:EDX.MTRR).
        const MTRR = 1 << 5;
        /// IA-32e mode, AMD's long mode (CPUID.80000001H:EDX.LM).
        const LONG_MODE = 1 << 6;
        /// XD (CPUID.80000001H:EDX.NX).
        const NO_EXECUTE = 1 << 7;
        /// 1-GiB pages (CPUID.80000001H:EDX.Page1GB).
        const PAGES_1_GIB = 1 << 8;
        /// Process-context identifiers (CPUID.01H:ECX.PCID).
        const PCID = 1 << 9;
        /// Supervisor-mode execution prevention (CPUID.07H.0:EBX.SMEP).
        const SMEP = 1 << 10;
        /// Supervisor-mode access prevention (CPUID.07H.0:EBX.SMAP).
        const SMAP = 1 << 11;
        /// Protection keys for user-mode pages (CPUID.07H.0:ECX.PKU).
        const PKU = 1 << 12;
        /// Protection keys for supervisor-mode pages (CPUID.07H.0:ECX.PKS).
        const PKS = 1 << 13;
        /// Shadow stacks (CPUID.07H.0:ECX.CET_SS).
        const CET = 1 << 14;
        /// 5-level paging (CPUID.07H.0:ECX.LA57).
        const LA57 = 1 << 15;
        /// Linear-address masking (CPUID.07H.1:EAX.LAM).
        const LAM = 1 << 16;
        /// Linear-address-space separation (CPUID.07H.1:EAX.LASS).
        const LASS = 1 << 17;
    }
}

/// Whose rules hold where the two manuals differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// The SDM's.
    Intel,
    /// The APM's: bit 8 of a PML4E or PML5E is reserved.
    Amd,
}

/// Which accessed bits a walk leaves behind that ends in a page fault. The manual allows
/// both (SDM vol. 3, 4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum AccessedOnFault {
    /// Those of the tables that it used, as processors are seen to do.
    #[default]
    TablesUsed,
    /// None: nothing is set before the access is known to be permitted.
    Never,
}

/// What is to be known of a processor's paging.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CpuFeatures {
    vendor: Vendor,
    physical_address_width: u32,
    features: Feature,
    accessed_on_fault: AccessedOnFault,
}

/// What each feature cannot be without.
const NEEDS: [(Feature, Feature); 13] = [
    (Feature::PSE_36, Feature::PSE),
    (Feature::NO_EXECUTE, Feature::PAE),
    (Feature::LONG_MODE, Feature::PAE),
    (Feature::LONG_MODE, Feature::PGE),
    (Feature::LONG_MODE, Feature::PAT),
    (Feature::LONG_MODE, Feature::MTRR),
    (Feature::PAGES_1_GIB, Feature::LONG_MODE),
    (Feature::PCID, Feature::LONG_MODE),
    (Feature::PKU, Feature::LONG_MODE),
    (Feature::PKS, Feature::LONG_MODE),
    (Feature::LA57, Feature::LONG_MODE),
    (Feature::LAM, Feature::LONG_MODE),
    (Feature::LASS, Feature::LONG_MODE),
];

/// The features that only processors with long mode have, and long mode itself.
#[cfg(test)]
pub(crate) const OF_LONG_MODE: Feature = Feature::LONG_MODE
    .union(Feature::PAGES_1_GIB)
    .union(Feature::PCID)
    .union(Feature::PKU)
    .union(Feature::PKS)
    .union(Feature::LA57)
    .union(Feature::LAM)
    .union(Feature::LASS);

/// What the APM does not have.
const INTEL_ONLY: [Feature; 3] = [Feature::PKS, Feature::LAM, Feature::LASS];

impl CpuFeatures {
    /// A processor with physical addresses of so many bits (MAXPHYADDR, CPUID.80000008H:EAX)
    /// and these features.
    ///
    /// # Errors
    /// [`FeaturesError`] if there can be no such processor.
    pub fn new(
        vendor: Vendor,
        physical_address_width: u32,
        features: Feature,
    ) -> Result<Self, FeaturesError> {
        let width = physical_address_width;
        if !(32..=52).contains(&width) {
            return Err(FeaturesError::Width(width));
        }
        let within_reach = match features {
            features if features.contains(Feature::PAE) => 52,
            features if features.contains(Feature::PSE_36) => 40,
            _ => 32,
        };
        if width > within_reach {
            return Err(FeaturesError::WidthOutOfReach(width));
        }
        for (feature, needed) in NEEDS {
            if features.contains(feature) && !features.contains(needed) {
                return Err(FeaturesError::Needs { feature, needed });
            }
        }
        let foreign = |feature: &Feature| vendor == Vendor::Amd && features.contains(*feature);
        if let Some(feature) = INTEL_ONLY.into_iter().find(foreign) {
            return Err(FeaturesError::IntelOnly(feature));
        }
        Ok(Self {
            vendor,
            physical_address_width,
            features,
            accessed_on_fault: AccessedOnFault::default(),
        })
    }

    /// The same processor with this choice of accessed bits.
    #[must_use]
    pub const fn with_accessed_on_fault(self, accessed_on_fault: AccessedOnFault) -> Self {
        Self {
            accessed_on_fault,
            ..self
        }
    }

    /// Whose rules hold.
    pub const fn vendor(self) -> Vendor {
        self.vendor
    }

    /// The number of bits in a physical address.
    pub const fn physical_address_width(self) -> u32 {
        self.physical_address_width
    }

    /// Whether the processor has all of these features.
    pub const fn has(self, features: Feature) -> bool {
        self.features.contains(features)
    }

    /// Which accessed bits a walk leaves behind that ends in a page fault.
    pub const fn accessed_on_fault(self) -> AccessedOnFault {
        self.accessed_on_fault
    }

    /// The bits of an address that the processor does not have.
    pub(crate) const fn beyond_width(self) -> u64 {
        u64::MAX << self.physical_address_width
    }

    /// Whether the address is one the processor can put on its bus.
    pub const fn reaches(self, address: PhysAddr) -> bool {
        address.as_u64() & self.beyond_width() == 0
    }
}

impl Default for CpuFeatures {
    /// The most that Intel allows: 52 address bits and every feature.
    fn default() -> Self {
        Self {
            vendor: Vendor::Intel,
            physical_address_width: 52,
            features: Feature::all(),
            accessed_on_fault: AccessedOnFault::default(),
        }
    }
}

/// There is no such processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeaturesError {
    /// No x86 processor has physical addresses of this width.
    #[error("physical addresses have 32 to 52 bits, not {0}")]
    Width(u32),
    /// No entry could hold such an address.
    #[error("physical addresses of {0} bits are out of reach without PAE, and from 41 with PSE-36")]
    WidthOutOfReach(u32),
    /// One feature is built on another.
    #[error("{feature:?} needs {needed:?}")]
    Needs {
        /// The one.
        feature: Feature,
        /// The other.
        needed: Feature,
    },
    /// AMD's architecture does not have it.
    #[error("no AMD processor has {0:?}")]
    IntelOnly(Feature),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_without_what_it_is_built_on_is_refused() {
        for (feature, needed) in NEEDS {
            let features = Feature::all() - needed;
            let refused = CpuFeatures::new(Vendor::Intel, 32, features);
            assert!(
                matches!(refused, Err(FeaturesError::Needs { .. })),
                "{feature:?} without {needed:?}: {refused:?}"
            );
        }
        assert!(CpuFeatures::new(Vendor::Intel, 32, Feature::empty()).is_ok());
    }

    #[test]
    fn only_widths_that_exist_and_can_be_reached_are_allowed() {
        let with = |width, features| CpuFeatures::new(Vendor::Intel, width, features);
        assert!(with(52, Feature::all()).is_ok());
        assert_eq!(with(53, Feature::all()), Err(FeaturesError::Width(53)));
        assert_eq!(with(31, Feature::all()), Err(FeaturesError::Width(31)));
        let no_reach = Err(FeaturesError::WidthOutOfReach(36));
        assert_eq!(with(36, Feature::PSE), no_reach);
        assert!(with(40, Feature::PSE | Feature::PSE_36).is_ok());
        assert!(with(41, Feature::PSE | Feature::PSE_36).is_err());
    }

    #[test]
    fn amd_has_nothing_that_only_intel_has() {
        for feature in INTEL_ONLY {
            let others = INTEL_ONLY.into_iter().filter(|other| *other != feature);
            let features = others.fold(Feature::all(), |all, other| all - other);
            assert_eq!(
                CpuFeatures::new(Vendor::Amd, 48, features),
                Err(FeaturesError::IntelOnly(feature))
            );
        }
    }
}
