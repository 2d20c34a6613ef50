use bitflags::bitflags;

bitflags! {
    /// What a processor's paging can do beyond the least.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Feature: u32 {
        /// 1-GiB pages (CPUID.80000001H:EDX.Page1GB).
        const PAGES_1_GIB = 1 << 0;
    }
}

/// What CPUID says of a processor's paging.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CpuFeatures {
    physical_address_width: u32,
    features: Feature,
}

impl CpuFeatures {
    /// A processor with physical addresses of so many bits (MAXPHYADDR, CPUID.80000008H:EAX)
    /// and these features.
    ///
    /// # Errors
    /// [`UnsupportedWidth`] if the width is not between 32 and 52.
    pub const fn new(
        physical_address_width: u32,
        features: Feature,
    ) -> Result<Self, UnsupportedWidth> {
        if physical_address_width < 32 || physical_address_width > 52 {
            return Err(UnsupportedWidth(physical_address_width));
        }
        Ok(Self {
            physical_address_width,
            features,
        })
    }

    /// The number of bits in a physical address.
    pub const fn physical_address_width(self) -> u32 {
        self.physical_address_width
    }

    /// Whether the processor has all of these features.
    pub const fn has(self, features: Feature) -> bool {
        self.features.contains(features)
    }
}

impl Default for CpuFeatures {
    /// The most that x86 allows: 52 address bits and every feature.
    fn default() -> Self {
        Self {
            physical_address_width: 52,
            features: Feature::all(),
        }
    }
}

/// No x86 processor has physical addresses of this width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("physical addresses have 32 to 52 bits, not {0}")]
pub struct UnsupportedWidth(pub u32);
