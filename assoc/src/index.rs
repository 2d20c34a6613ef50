use crate::{Geometry, GeometryError};

/// How the number of a page or line chooses its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexFunction {
    /// The number modulo the number of sets.
    Linear,
    /// XOR-n, of 2^n sets: bits n-1:0 of the number XOR its bits 2n-1:n. Skylake's
    /// second-level TLB uses it with n = 7 (Tatar et al., "TLB;DR", USENIX Security 2022).
    Xor {
        /// n.
        bits: u32,
    },
}

/// An index function made ready for one number of sets.
#[derive(Clone, Copy, Debug)]
pub struct SetSelector {
    mask: u64,
    /// Unless the masked bits are the set.
    otherwise: Option<Otherwise>,
}

#[derive(Clone, Copy, Debug)]
enum Otherwise {
    /// The bits so much higher are folded into them.
    Folded(u32),
    Modulo(Modulo),
}

/// A number of sets that is no power of two.
#[derive(Clone, Copy, Debug)]
struct Modulo {
    sets: u64,
    /// floor(2^64 / sets), to find the remainder without a division.
    reciprocal: u64,
}

impl SetSelector {
    /// For the sets of an array.
    ///
    /// # Errors
    /// [`GeometryError::IndexBits`] if the function does not choose among so many.
    pub fn new(function: IndexFunction, geometry: Geometry) -> Result<Self, GeometryError> {
        let sets = geometry.sets();
        let mask = u64::from(sets) - 1;
        let otherwise = match function {
            IndexFunction::Linear if sets.is_power_of_two() => None,
            // As the sets are no power of two, 2^64 - 1 has the same quotient as 2^64.
            IndexFunction::Linear => Some(Otherwise::Modulo(Modulo {
                sets: u64::from(sets),
                reciprocal: u64::MAX / u64::from(sets),
            })),
            IndexFunction::Xor { bits } if 1_u32.checked_shl(bits) == Some(sets) => {
                Some(Otherwise::Folded(bits))
            }
            IndexFunction::Xor { bits } => return Err(GeometryError::IndexBits { bits, sets }),
        };
        Ok(Self { mask, otherwise })
    }

    /// The set that a number chooses.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it is one instruction")]
    #[expect(clippy::cast_possible_truncation, reason = "a set number has 32 bits")]
    pub fn set_of(self, number: u64) -> usize {
        (match self.otherwise {
            None => number & self.mask,
            Some(Otherwise::Folded(bits)) => (number ^ number >> bits) & self.mask,
            Some(Otherwise::Modulo(Modulo { sets, reciprocal })) => {
                remainder(number, sets, reciprocal)
            }
        }) as usize
    }
}

/// The quotient by the reciprocal is the true one or one less.
#[inline]
fn remainder(number: u64, divisor: u64, reciprocal: u64) -> u64 {
    let quotient = ((u128::from(number) * u128::from(reciprocal)) >> 64) as u64;
    let rest = number - quotient * divisor;
    if rest < divisor { rest } else { rest - divisor }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(function: IndexFunction, sets: u32) -> SetSelector {
        SetSelector::new(function, Geometry::new(sets, 1).unwrap()).unwrap()
    }

    #[test]
    fn a_linear_index_is_the_number_modulo_the_sets() {
        for sets in [1, 2, 3, 16, 20, 128, 1000, 40_960, (1 << 26) - 1] {
            let several = u64::MAX / u64::from(sets) * u64::from(sets);
            for number in [
                0,
                1,
                19,
                20,
                127,
                128,
                0xdead_beef,
                several - 1,
                several,
                u64::MAX,
            ] {
                assert_eq!(
                    selector(IndexFunction::Linear, sets).set_of(number) as u64,
                    number % u64::from(sets)
                );
            }
        }
    }

    #[test]
    fn an_xor_index_folds_the_next_bits_in() {
        let xor7 = selector(IndexFunction::Xor { bits: 7 }, 128);
        assert_eq!(xor7.set_of(0x55 << 7 | 0x01), 0x54);
        assert_eq!(xor7.set_of(0xffff), 0);
    }

    #[test]
    fn an_xor_index_is_as_wide_as_the_sets() {
        for (bits, sets) in [(3, 12), (7, 64), (6, 128), (32, 1), (u32::MAX, 128)] {
            let index = IndexFunction::Xor { bits };
            assert_eq!(
                SetSelector::new(index, Geometry::new(sets, 4).unwrap()).unwrap_err(),
                GeometryError::IndexBits { bits, sets }
            );
        }
    }
}
