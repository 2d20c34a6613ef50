use std::{fmt, str::FromStr};

use units::VirtAddr;

use super::PatternError;
use crate::{
    byte_size::ByteSize,
    number::{self, NumberError},
};

/// Where the memory of a pattern begins: 64 GiB, at which pages of every size begin.
pub const BASE: VirtAddr = VirtAddr::new(0x10_0000_0000);

/// The bytes that each load of a pattern reads.
pub(super) const LOAD_BYTES: u32 = 8;

/// The most memory that a pattern may have: [`BASE`] and 64 TiB are within the 2^47 bytes of
/// the lower half.
pub(super) const SIZE_MAX: u64 = 1 << 46;

/// The most places that are shuffled, in a table of 1 GiB.
pub(super) const SHUFFLED_MAX: u64 = 1 << 28;

/// The items of a zipf pattern are cache lines.
pub(super) const LINE_BYTES: u64 = 64;

/// The exponent of a zipf pattern for which none is given: that of YCSB, the benchmark of
/// key-value stores (Cooper et al., "Benchmarking cloud serving systems with YCSB", 2010).
const EXPONENT: f64 = 0.99;

const EXPONENT_MAX: f64 = 10.0;

/// In which order a pattern's loads go over its memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// From place to place in one random cycle, as through a linked list: every lap visits
    /// each place once.
    Chase {
        /// The bytes from one place to the next in memory.
        stride: u64,
    },
    /// Upwards, and from the end to the beginning.
    Sequential {
        /// The bytes from one load to the next.
        stride: u64,
    },
    /// Each load at any aligned place, all equally likely.
    Random,
    /// Each load at the start of any 64-byte line; the line of rank k is as likely as
    /// k^-exponent. The ranks are scattered over the memory.
    Zipf {
        /// How steep the distribution is; 0 is uniform.
        exponent: f64,
    },
}

/// An access pattern: loads of 8 bytes from a memory that begins at [`BASE`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pattern {
    size: u64,
    shape: Shape,
}

impl Pattern {
    /// A pattern over so many bytes of memory.
    ///
    /// # Errors
    /// [`PatternError`] if the size or the stride makes no sense.
    pub fn new(size: ByteSize, shape: Shape) -> Result<Self, PatternError> {
        if size.0 < LOAD_BYTES.into() {
            return Err(PatternError::TooSmall { size });
        }
        if size.0 > SIZE_MAX {
            return Err(PatternError::TooLarge { size });
        }
        match shape {
            Shape::Chase { stride: 0 } | Shape::Sequential { stride: 0 } => {
                return Err(PatternError::ZeroStride);
            }
            Shape::Chase { stride } | Shape::Sequential { stride } if stride > size.0 => {
                let stride = ByteSize(stride);
                return Err(PatternError::LongStride { stride, size });
            }
            Shape::Zipf { exponent } if !(0.0..=EXPONENT_MAX).contains(&exponent) => {
                return Err(PatternError::Exponent(exponent.to_string()));
            }
            _ => {}
        }
        let pattern = Self {
            size: size.0,
            shape,
        };
        let is_shuffled = matches!(shape, Shape::Chase { .. } | Shape::Zipf { .. });
        let places = pattern.places();
        if is_shuffled && places > SHUFFLED_MAX {
            return Err(PatternError::TooManyPlaces { places });
        }
        Ok(pattern)
    }

    /// The memory that it goes over.
    pub fn size(&self) -> ByteSize {
        ByteSize(self.size)
    }

    /// The order of its loads.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How many of its loads come before the cost of one is steady: two laps; of a pattern
    /// without laps so many that hardly a line is left out, or, of a large memory, that caches
    /// are full and every page is there.
    pub fn warm_up(&self) -> u64 {
        let lines = self.size.div_ceil(LINE_BYTES);
        let lapless = (16 * lines).min((2 * lines).max(16 << 20));
        self.lap().map_or(lapless, |lap| 2 * lap)
    }

    /// Whole laps of it, if it has any, that are at least so many loads.
    pub fn whole_laps(&self, at_least: u64) -> u64 {
        let lap = self.lap().unwrap_or(1);
        at_least.checked_next_multiple_of(lap).unwrap_or(u64::MAX)
    }

    /// How many loads visit every place once, if there is such a number.
    fn lap(&self) -> Option<u64> {
        match self.shape {
            Shape::Chase { .. } | Shape::Sequential { .. } => Some(self.places()),
            Shape::Random | Shape::Zipf { .. } => None,
        }
    }

    /// The bytes from one place to the next.
    pub(super) fn stride(&self) -> u64 {
        match self.shape {
            Shape::Chase { stride } | Shape::Sequential { stride } => stride,
            Shape::Random => LOAD_BYTES.into(),
            Shape::Zipf { .. } => LINE_BYTES,
        }
    }

    /// How many places there are to load from, such that no load leaves the memory.
    pub(super) fn places(&self) -> u64 {
        (self.size - u64::from(LOAD_BYTES)) / self.stride() + 1
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let known = ["chase", "seq", "random", "zipf"];
        let Some(shape) = known.into_iter().find(|known| *known == name) else {
            return Err(PatternError::Unknown(text.into()));
        };
        let size: ByteSize = match parts.next() {
            None | Some("") => return Err(PatternError::NoSize { shape }),
            Some(size) => size.parse()?,
        };
        let mut stride = |default: u64| match parts.next() {
            None => Ok(default),
            Some(stride) => stride.parse().map(|ByteSize(stride)| stride),
        };
        let shape = match shape {
            "chase" => Shape::Chase {
                stride: stride(LINE_BYTES)?,
            },
            "seq" => Shape::Sequential {
                stride: stride(LOAD_BYTES.into())?,
            },
            "random" => Shape::Random,
            _ => Shape::Zipf {
                exponent: match parts.next() {
                    None => EXPONENT,
                    Some(exponent) => exponent
                        .parse()
                        .map_err(|_| PatternError::Exponent(exponent.into()))?,
                },
            },
        };
        if parts.next().is_some() {
            return Err(PatternError::TooManyParts(text.into()));
        }
        Self::new(size, shape)
    }
}

/// As it is written on the command line.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = Short(self.size);
        match self.shape {
            Shape::Chase { stride } => write!(f, "chase:{size}:{}", Short(stride)),
            Shape::Sequential { stride } => write!(f, "seq:{size}:{}", Short(stride)),
            Shape::Random => write!(f, "random:{size}"),
            Shape::Zipf { exponent } => write!(f, "zipf:{size}:{exponent}"),
        }
    }
}

/// A number of bytes without a space.
struct Short(u64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = ByteSize(self.0).to_string();
        let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
        f.write_str(number)?;
        f.write_str(if unit == "bytes" { "" } else { unit })
    }
}

/// What the random numbers of a pattern begin with: the same seed makes the same trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

/// The seed if none is given.
impl Default for Seed {
    fn default() -> Self {
        Self(1)
    }
}

impl FromStr for Seed {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        number::parse(text).map(Self)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
