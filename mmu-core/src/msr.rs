use crate::mtrr::VARIABLE_RANGES;

/// A model-specific register that decides on translation (SDM vol. 4, table 2-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Msr {
    /// `IA32_EFER`, C0000080H.
    Efer,
    /// `IA32_PAT`, 277H.
    Pat,
    /// `IA32_PKRS`, 6E1H.
    Pkrs,
    /// `IA32_MTRR_DEF_TYPE`, 2FFH.
    MtrrDefType,
    /// `IA32_MTRR_FIX64K_00000`, 250H.
    MtrrFix64k,
    /// `IA32_MTRR_FIX16K_80000` and `_A0000`, 258H and 259H, numbered from 0.
    MtrrFix16k(u8),
    /// `IA32_MTRR_FIX4K_C0000` to `_F8000`, 268H to 26FH, numbered from 0.
    MtrrFix4k(u8),
    /// `IA32_MTRR_PHYSBASE0` and on, 200H, 202H, and so on, numbered from 0.
    MtrrPhysBase(u8),
    /// `IA32_MTRR_PHYSMASK0` and on, 201H, 203H, and so on, numbered from 0.
    MtrrPhysMask(u8),
}

impl Msr {
    /// The register that RDMSR and WRMSR know by this index; None if the MMU has none such.
    pub fn from_index(index: u32) -> Option<Self> {
        let low = index.to_le_bytes()[0];
        Some(match index {
            0xc000_0080 => Self::Efer,
            0x277 => Self::Pat,
            0x6e1 => Self::Pkrs,
            0x2ff => Self::MtrrDefType,
            0x250 => Self::MtrrFix64k,
            0x258..=0x259 => Self::MtrrFix16k(low - 0x58),
            0x268..=0x26f => Self::MtrrFix4k(low - 0x68),
            0x200..0x300 if usize::from(low / 2) < VARIABLE_RANGES => {
                if low.is_multiple_of(2) {
                    Self::MtrrPhysBase(low / 2)
                } else {
                    Self::MtrrPhysMask(low / 2)
                }
            }
            _ => return None,
        })
    }
}
