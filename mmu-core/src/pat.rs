use units::MemoryType;

use crate::GeneralProtection;

/// A memory type as the page attribute table names it (SDM vol. 3, table 12-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatType {
    /// UC-: uncacheable, but a WC range register makes it write-combining.
    UncacheableMinus,
    /// A type that means the same to the MTRRs.
    Plain(MemoryType),
}

impl PatType {
    const fn from_bits(bits: u8) -> Option<Self> {
        match (bits, MemoryType::from_bits(bits)) {
            (7, _) => Some(Self::UncacheableMinus),
            (_, Some(plain)) => Some(Self::Plain(plain)),
            (_, None) => None,
        }
    }
}

/// The page attribute table, `IA32_PAT` (SDM vol. 3, 12.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pat(u64);

impl Pat {
    /// What it holds after reset: WB, WT, UC-, UC, twice (SDM vol. 3, table 12-12).
    pub const RESET: Self = Self(0x0007_0406_0007_0406);

    /// The table with this value.
    ///
    /// # Errors
    /// [`GeneralProtection::PatType`] if one of the eight bytes names no type.
    pub const fn from_bits(bits: u64) -> Result<Self, GeneralProtection> {
        let mut index = 0;
        while index < 8 {
            if PatType::from_bits(bits.to_le_bytes()[index]).is_none() {
                return Err(GeneralProtection::PatType { value: bits, index });
            }
            index += 1;
        }
        Ok(Self(bits))
    }

    /// The value of the register.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// What an entry with this index, 4·PAT + 2·PCD + PWT, asks for (SDM vol. 3, 4.9.2).
    pub const fn entry(self, index: usize) -> PatType {
        match PatType::from_bits(self.0.to_le_bytes()[index & 7]) {
            Some(found) => found,
            // The constructor has seen to it.
            None => PatType::Plain(MemoryType::Uncacheable),
        }
    }
}

impl Default for Pat {
    fn default() -> Self {
        Self::RESET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SDM vol. 3, table 12-12.
    #[test]
    fn after_reset_pcd_and_pwt_mean_what_they_always_meant() {
        let types = [0, 1, 2, 3, 4, 5, 6, 7].map(|index| Pat::RESET.entry(index));
        let half = [
            PatType::Plain(MemoryType::WriteBack),
            PatType::Plain(MemoryType::WriteThrough),
            PatType::UncacheableMinus,
            PatType::Plain(MemoryType::Uncacheable),
        ];
        assert_eq!(types[..4], half);
        assert_eq!(types[4..], half);
    }

    /// SDM vol. 3, 12.12.2: the encodings 2, 3 and 8 to 255 are reserved: #GP(0).
    #[test]
    fn a_reserved_encoding_in_the_pat_is_a_general_protection_fault() {
        for index in 0..8 {
            for bits in 0..=255_u64 {
                let value = Pat::RESET.bits() & !(0xff << (8 * index)) | bits << (8 * index);
                let allowed = matches!(bits, 0 | 1 | 4..=7);
                assert_eq!(Pat::from_bits(value).is_ok(), allowed, "{value:#x}");
            }
        }
    }
}
