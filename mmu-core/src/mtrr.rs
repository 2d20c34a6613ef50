use units::{MemoryType, PhysAddr};

use crate::{CpuFeatures, GeneralProtection, Msr};

/// How many variable ranges there are: what processors since Nehalem have (`IA32_MTRRCAP`).
pub(crate) const VARIABLE_RANGES: usize = 10;

/// The fixed ranges end here.
const FIXED_END: u64 = 1 << 20;

const FIXED_REGISTERS: usize = 11;

/// `IA32_MTRR_DEF_TYPE`: E, bit 11, turns all ranges on, FE, bit 10, the fixed ones.
const ENABLE: u64 = 1 << 11;
const FIXED_ENABLE: u64 = 1 << 10;

/// `IA32_MTRR_PHYSMASK`: V, bit 11.
const VALID: u64 = 1 << 11;

/// The memory-type range registers (SDM vol. 3, 12.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mtrrs {
    default_type: u64,
    fixed: [u64; FIXED_REGISTERS],
    base: [u64; VARIABLE_RANGES],
    mask: [u64; VARIABLE_RANGES],
}

/// Addresses that all have one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UniformRange {
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    pub(crate) memory_type: MemoryType,
}

impl Mtrrs {
    /// Enabled, with one type for all memory and no ranges.
    pub const fn uniform(memory_type: MemoryType) -> Self {
        Self {
            default_type: ENABLE | memory_type.bits() as u64,
            fixed: [0; FIXED_REGISTERS],
            base: [0; VARIABLE_RANGES],
            mask: [0; VARIABLE_RANGES],
        }
    }

    /// As after reset: turned off, so that all memory is uncacheable.
    pub const RESET: Self = Self {
        default_type: 0,
        ..Self::uniform(MemoryType::Uncacheable)
    };

    /// The value of one of the registers; None if it is not one of them.
    pub fn read(&self, register: Msr) -> Option<u64> {
        match register {
            Msr::MtrrDefType => Some(self.default_type),
            Msr::MtrrPhysBase(range) => self.base.get(usize::from(range)).copied(),
            Msr::MtrrPhysMask(range) => self.mask.get(usize::from(range)).copied(),
            register => self.fixed.get(fixed_place(register)?).copied(),
        }
    }

    /// Writes one of the registers.
    ///
    /// # Errors
    /// [`GeneralProtection`] if the value has a reserved bit set or names no type, or there
    /// is no such register.
    pub fn write(
        &mut self,
        register: Msr,
        value: u64,
        features: CpuFeatures,
    ) -> Result<(), GeneralProtection> {
        let slot = match register {
            Msr::MtrrDefType => Some(&mut self.default_type),
            Msr::MtrrPhysBase(range) => self.base.get_mut(usize::from(range)),
            Msr::MtrrPhysMask(range) => self.mask.get_mut(usize::from(range)),
            register => fixed_place(register).and_then(|place| self.fixed.get_mut(place)),
        };
        let slot = slot.ok_or(GeneralProtection::NoSuchMsr(register))?;
        let reserved = value & reserved_bits(register, features);
        if reserved != 0 {
            return Err(GeneralProtection::MsrReserved {
                register,
                value,
                reserved,
            });
        }
        let types = match register {
            Msr::MtrrDefType | Msr::MtrrPhysBase(_) => &value.to_le_bytes()[..1],
            Msr::MtrrPhysMask(_) => &[],
            _ => &value.to_le_bytes()[..],
        };
        if types
            .iter()
            .any(|&bits| MemoryType::from_bits(bits).is_none())
        {
            return Err(GeneralProtection::MtrrType { register, value });
        }
        *slot = value;
        Ok(())
    }

    /// The type of memory at an address (SDM vol. 3, 12.11.4.1).
    pub fn type_of(&self, at: PhysAddr) -> MemoryType {
        let at = at.as_u64();
        if self.default_type & ENABLE == 0 {
            return MemoryType::Uncacheable;
        }
        if self.default_type & FIXED_ENABLE != 0 && at < FIXED_END {
            let (register, byte) = fixed_range(at);
            return type_in(self.fixed[register].to_le_bytes()[byte]);
        }
        let ranges = self.base.iter().zip(&self.mask);
        let matching = ranges.filter(|&(&base, &mask)| {
            let mask_bits = mask & !0xfff;
            mask & VALID != 0 && at & mask_bits == base & mask_bits
        });
        let types = matching.map(|(base, _)| type_in(base.to_le_bytes()[0]));
        let overlapped = types.reduce(overlap);
        overlapped.unwrap_or_else(|| type_in(self.default_type.to_le_bytes()[0]))
    }

    /// Whether the naturally aligned block of a power of two of bytes surely has one type.
    pub(crate) fn is_uniform(&self, start: PhysAddr, bytes: u64) -> bool {
        if self.default_type & ENABLE == 0 {
            return true;
        }
        let start = start.as_u64();
        if self.default_type & FIXED_ENABLE != 0 && start < FIXED_END {
            return false;
        }
        let ranges = self.base.iter().zip(&self.mask);
        let mut valid = ranges.filter(|(_, mask)| *mask & VALID != 0);
        valid.all(|(&base, &mask)| {
            let (inside, above) = (bytes - 1, !(bytes - 1));
            let mask = mask & !0xfff;
            mask & inside == 0 || (start ^ base) & mask & above != 0
        })
    }

    /// The widest run of addresses of one type, as far as ranges of contiguous masks show it.
    pub(crate) fn widest_range(&self, features: CpuFeatures) -> UniformRange {
        const EDGES: usize = 2 * VARIABLE_RANGES + 3;
        let mut edges = [0; EDGES];
        let mut count = 2;
        if self.default_type & FIXED_ENABLE != 0 {
            edges[1] = FIXED_END;
        }
        for (&base, &mask) in self.base.iter().zip(&self.mask) {
            let mask_bits = mask & !0xfff;
            let low_bit = mask_bits & mask_bits.wrapping_neg();
            if mask & VALID == 0 || mask_bits == 0 {
                continue;
            }
            let start = base & mask_bits;
            edges[count] = start;
            edges[count + 1] = start.saturating_add(low_bit);
            count += 2;
            // A mask with a gap makes a range of many pieces.
            if mask_bits | features.beyond_width() != low_bit.wrapping_neg() {
                return self.only_the_first_page();
            }
        }
        edges[count] = 1 << features.physical_address_width();
        count += 1;
        let edges = &mut edges[..count];
        edges.sort_unstable();
        let pairs = edges.windows(2).map(|pair| (pair[0], pair[1]));
        let widest = pairs.filter(|(start, end)| start < end);
        let widest = widest.max_by_key(|(start, end)| end - start);
        match widest {
            Some((start, end)) => UniformRange {
                start,
                bytes: end - start,
                memory_type: self.type_of(PhysAddr::new(start)),
            },
            None => self.only_the_first_page(),
        }
    }

    fn only_the_first_page(&self) -> UniformRange {
        UniformRange {
            start: 0,
            bytes: 0x1000,
            memory_type: self.type_of(PhysAddr::new(0)),
        }
    }
}

impl Default for Mtrrs {
    /// What an operating system for this machine would have set: write-back everywhere.
    fn default() -> Self {
        Self::uniform(MemoryType::WriteBack)
    }
}

/// Two types for one address: UC wins, WT wins over WB; the manual leaves all others open
/// (SDM vol. 3, 12.11.4.1), and UC is the safe one.
fn overlap(one: MemoryType, other: MemoryType) -> MemoryType {
    use MemoryType::{Uncacheable, WriteBack, WriteThrough};
    match (one, other) {
        (one, other) if one == other => one,
        (WriteBack, WriteThrough) | (WriteThrough, WriteBack) => WriteThrough,
        _ => Uncacheable,
    }
}

fn type_in(bits: u8) -> MemoryType {
    MemoryType::from_bits(bits).unwrap_or(MemoryType::Uncacheable)
}

/// Which fixed register, and which byte of it, holds the type of an address below 1 MiB:
/// 64-KiB ranges up to 512 KiB, 16-KiB ranges up to 768 KiB, then 4-KiB ranges
/// (SDM vol. 3, table 12-9).
fn fixed_range(at: u64) -> (usize, usize) {
    let (register, byte) = match at {
        0..0x8_0000 => (0, at >> 16),
        0x8_0000..0xc_0000 => {
            let range = (at - 0x8_0000) >> 14;
            (1 + range / 8, range % 8)
        }
        _ => {
            let range = (at - 0xc_0000) >> 12;
            (3 + range / 8, range % 8)
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "both are small")]
    (register as usize, byte as usize)
}

/// The place of a fixed-range register.
fn fixed_place(register: Msr) -> Option<usize> {
    match register {
        Msr::MtrrFix64k => Some(0),
        Msr::MtrrFix16k(number @ 0..2) => Some(1 + usize::from(number)),
        Msr::MtrrFix4k(number @ 0..8) => Some(3 + usize::from(number)),
        _ => None,
    }
}

/// SDM vol. 3, 12.11.2.
fn reserved_bits(register: Msr, features: CpuFeatures) -> u64 {
    match register {
        Msr::MtrrDefType => !(ENABLE | FIXED_ENABLE | 0xff),
        Msr::MtrrPhysBase(_) => features.beyond_width() | 0xf00,
        Msr::MtrrPhysMask(_) => features.beyond_width() | 0x7ff,
        _ => 0,
    }
}
