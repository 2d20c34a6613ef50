//! What may be written to the control registers (SDM vol. 3, 2.5, 4.1.2, 4.4.1 and 4.10.1).
//!
//! A rule that depends on the code segment (clearing CR0.PG in 64-bit code, setting it from a
//! segment with L = 1) is left to who knows the segment.

use units::PhysAddr;

use crate::{
    CpuFeatures, Cr0, Cr4, Efer, Entry, Feature, GeneralProtection, Msr, PagingMode, PhysMem,
    Registers, Vendor,
};

/// CR3 bits 62 and 61: `LAM_U48` and `LAM_U57`.
pub(crate) const LAM_U48: u64 = 1 << 62;
pub(crate) const LAM_U57: u64 = 1 << 61;

/// PE to NE, WP, AM, NW, CD and PG. Writes to the other bits of the lower half are ignored
/// (SDM vol. 3, 2.5).
const CR0_DEFINED: u64 = 0x3f | 1 << 16 | 1 << 18 | 0b111 << 29;

/// Bits of CR4 that no processor has. Others that are no business of paging (VMXE, UINTR, FRED
/// and the like) are let in on every processor.
const CR4_UNDEFINED: u64 = 1 << 15 | 1 << 26 | 0b111 << 29 | u64::MAX << 33;

/// EFER bits that are something: SCE, LME, LMA and NXE; AMD's SVME to TCE.
const EFER_INTEL: u64 = 1 | 1 << 8 | 1 << 10 | 1 << 11;
const EFER_AMD: u64 = EFER_INTEL | 0b1111 << 12 | 0b1111 << 17;

/// Each bit of CR4 that the processor has only with a feature.
const CR4_FEATURES: [(Cr4, Feature); 12] = [
    (Cr4::PAGE_SIZE_EXTENSIONS, Feature::PSE),
    (Cr4::PHYSICAL_ADDRESS_EXTENSION, Feature::PAE),
    (Cr4::PAGE_GLOBAL_ENABLE, Feature::PGE),
    (Cr4::LINEAR_ADDRESS_57, Feature::LA57),
    (Cr4::PCID_ENABLE, Feature::PCID),
    (Cr4::SMEP, Feature::SMEP),
    (Cr4::SMAP, Feature::SMAP),
    (Cr4::PROTECTION_KEYS, Feature::PKU),
    (Cr4::CET, Feature::CET),
    (Cr4::SUPERVISOR_PROTECTION_KEYS, Feature::PKS),
    (Cr4::LASS, Feature::LASS),
    (Cr4::LAM_SUPERVISOR, Feature::LAM),
];

impl Registers {
    /// Loads the four PDPTE registers from the table that CR3 points to: all of them, or
    /// none (SDM vol. 3, 4.4.1).
    ///
    /// # Errors
    /// [`GeneralProtection`] if a present one has a reserved bit set, or no memory answers.
    pub fn load_pdptes<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        features: CpuFeatures,
    ) -> Result<(), GeneralProtection> {
        let mut loaded = [Entry::empty(); 4];
        let mut at = pae_root(self.cr3);
        for slot in &mut loaded {
            let entry = memory.read_u64(at);
            let entry = entry.map_err(GeneralProtection::PdpteUnreadable)?;
            *slot = Entry::from_bits_retain(entry);
            at = at.wrapping_add(8);
        }
        check_pdptes(&loaded, features)?;
        self.pdptes = loaded;
        Ok(())
    }

    /// Whether the processor would have let these values in, by any way.
    pub(crate) fn check(&self, features: CpuFeatures) -> Result<(), GeneralProtection> {
        check_cr0(self.cr0)?;
        check_cr4(self.cr4, features)?;
        check_efer(self.efer, features)?;
        if self.cr4.contains(Cr4::CET) && !self.cr0.contains(Cr0::WRITE_PROTECT) {
            return Err(GeneralProtection::CetWithoutWriteProtect);
        }
        let long_mode = self.efer.contains(Efer::LONG_MODE_ENABLE);
        let pae = self.cr4.contains(Cr4::PHYSICAL_ADDRESS_EXTENSION);
        if self.cr0.contains(Cr0::PAGING) && long_mode && !pae {
            return Err(GeneralProtection::LongModeWithoutPae);
        }
        if self.cr4.contains(Cr4::PCID_ENABLE) && !self.paging_mode().is_ia32e() {
            return Err(GeneralProtection::PcidsOutsideLongMode);
        }
        check_cr3(self.cr3, features, 0)?;
        if self.paging_mode() == PagingMode::Pae {
            check_pdptes(&self.pdptes, features)?;
        }
        Ok(())
    }

    /// The registers after MOV to CR0, but for the PDPTEs.
    pub(crate) fn with_cr0(mut self, value: u64) -> Result<Self, GeneralProtection> {
        check_cr0(Cr0::from_bits_retain(value))?;
        let new = Cr0::from_bits_retain(value & CR0_DEFINED);
        let starts_paging = new.contains(Cr0::PAGING) && !self.cr0.contains(Cr0::PAGING);
        let long_mode = self.efer.contains(Efer::LONG_MODE_ENABLE);
        let pae = self.cr4.contains(Cr4::PHYSICAL_ADDRESS_EXTENSION);
        if starts_paging && long_mode && !pae {
            return Err(GeneralProtection::LongModeWithoutPae);
        }
        if !new.contains(Cr0::PAGING) && self.cr4.contains(Cr4::PCID_ENABLE) {
            return Err(GeneralProtection::PagingOffWithPcids);
        }
        if !new.contains(Cr0::WRITE_PROTECT) && self.cr4.contains(Cr4::CET) {
            return Err(GeneralProtection::CetWithoutWriteProtect);
        }
        self.cr0 = new;
        Ok(self.with_lma())
    }

    /// The registers after MOV to CR4, but for the PDPTEs.
    pub(crate) fn with_cr4(
        mut self,
        value: u64,
        features: CpuFeatures,
    ) -> Result<Self, GeneralProtection> {
        let new = Cr4::from_bits_retain(value);
        check_cr4(new, features)?;
        let changed = new ^ self.cr4;
        if self.paging_mode().is_ia32e() {
            if !new.contains(Cr4::PHYSICAL_ADDRESS_EXTENSION) {
                return Err(GeneralProtection::PaeOffInLongMode);
            }
            if changed.contains(Cr4::LINEAR_ADDRESS_57) {
                return Err(GeneralProtection::La57InLongMode);
            }
        }
        if (new & changed).contains(Cr4::PCID_ENABLE) {
            if !self.paging_mode().is_ia32e() {
                return Err(GeneralProtection::PcidsOutsideLongMode);
            }
            if self.cr3 & 0xfff != 0 {
                return Err(GeneralProtection::PcidsWithCr3(self.cr3 & 0xfff));
            }
        }
        if new.contains(Cr4::CET) && !self.cr0.contains(Cr0::WRITE_PROTECT) {
            return Err(GeneralProtection::CetWithoutWriteProtect);
        }
        self.cr4 = new;
        Ok(self)
    }

    /// The registers after MOV to CR3, but for the PDPTEs. Bit 63 is not kept.
    pub(crate) fn with_cr3(
        mut self,
        value: u64,
        features: CpuFeatures,
    ) -> Result<Self, GeneralProtection> {
        let allowed = if self.cr4.contains(Cr4::PCID_ENABLE) {
            1 << 63
        } else {
            0
        };
        check_cr3(value, features, allowed)?;
        self.cr3 = value & !allowed;
        Ok(self)
    }

    /// The registers after WRMSR to `IA32_EFER`. LMA cannot be written.
    pub(crate) fn with_efer(
        mut self,
        value: u64,
        features: CpuFeatures,
    ) -> Result<Self, GeneralProtection> {
        let new = Efer::from_bits_retain(value);
        check_efer(new, features)?;
        let changed = new ^ self.efer;
        if changed.contains(Efer::LONG_MODE_ENABLE) && self.cr0.contains(Cr0::PAGING) {
            return Err(GeneralProtection::LongModeWhilePaging);
        }
        self.efer = new;
        Ok(self.with_lma())
    }

    /// LMA is LME while paging is on (SDM vol. 3, 4.1.2).
    #[must_use]
    pub(crate) fn with_lma(mut self) -> Self {
        let active = self.efer.contains(Efer::LONG_MODE_ENABLE) && self.cr0.contains(Cr0::PAGING);
        self.efer.set(Efer::LONG_MODE_ACTIVE, active);
        self
    }
}

/// Bits 31:5 (SDM vol. 3, table 4-7).
pub(crate) const fn pae_root(cr3: u64) -> PhysAddr {
    PhysAddr::new(cr3 & 0xffff_ffe0)
}

/// In a present PDPTE bits 2:1, 8:5 and 63:M are reserved, bit 63 even with EFER.NXE set
/// (SDM vol. 3, table 4-8).
fn check_pdptes(pdptes: &[Entry; 4], features: CpuFeatures) -> Result<(), GeneralProtection> {
    let reserved_bits = 0b11 << 1 | 0b1111 << 5 | features.beyond_width();
    for (index, entry) in pdptes.iter().enumerate() {
        let reserved = entry.bits() & reserved_bits;
        if entry.contains(Entry::PRESENT) && reserved != 0 {
            return Err(GeneralProtection::PdpteReserved {
                index,
                entry: entry.bits(),
                reserved,
            });
        }
    }
    Ok(())
}

fn check_cr0(value: Cr0) -> Result<(), GeneralProtection> {
    if value.bits() > u64::from(u32::MAX) {
        return Err(GeneralProtection::Cr0Reserved(value.bits()));
    }
    if value.contains(Cr0::PAGING) && !value.contains(Cr0::PROTECTION_ENABLE) {
        return Err(GeneralProtection::PagingWithoutProtection);
    }
    if value.contains(Cr0::NOT_WRITE_THROUGH) && !value.contains(Cr0::CACHE_DISABLE) {
        return Err(GeneralProtection::NotWriteThroughWithoutCacheDisable);
    }
    Ok(())
}

fn check_cr4(value: Cr4, features: CpuFeatures) -> Result<(), GeneralProtection> {
    let missing = CR4_FEATURES
        .into_iter()
        .filter(|(_, feature)| !features.has(*feature));
    let reserved = missing.fold(CR4_UNDEFINED, |bits, (bit, _)| bits | bit.bits());
    match value.bits() & reserved {
        0 => Ok(()),
        reserved => Err(GeneralProtection::Cr4Reserved {
            value: value.bits(),
            reserved,
        }),
    }
}

/// CR3 bits 63:M are reserved, but for those of LAM (SDM vol. 3, table 4-12).
fn check_cr3(value: u64, features: CpuFeatures, allowed: u64) -> Result<(), GeneralProtection> {
    let masking = if features.has(Feature::LAM) {
        LAM_U48 | LAM_U57
    } else {
        0
    };
    match value & features.beyond_width() & !masking & !allowed {
        0 => Ok(()),
        reserved => Err(GeneralProtection::Cr3Reserved { value, reserved }),
    }
}

fn check_efer(value: Efer, features: CpuFeatures) -> Result<(), GeneralProtection> {
    let mut defined = match features.vendor() {
        Vendor::Intel => EFER_INTEL,
        Vendor::Amd => EFER_AMD,
    };
    if !features.has(Feature::LONG_MODE) {
        defined &= !Efer::LONG_MODE_ENABLE.bits();
    }
    if !features.has(Feature::NO_EXECUTE) {
        defined &= !Efer::NO_EXECUTE_ENABLE.bits();
    }
    match value.bits() & !defined {
        0 => Ok(()),
        reserved => Err(GeneralProtection::MsrReserved {
            register: Msr::Efer,
            value: value.bits(),
            reserved,
        }),
    }
}
