//! Numbers of bytes as people write them.

use std::{fmt, str::FromStr};

use serde::Deserialize;

use crate::number::{self, NumberError};

/// A number of bytes, as people write it: decimal or `0x` hexadecimal, with KiB, MiB, GiB or
/// TiB behind it if they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];

/// The text is not a number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    /// It is not a number with or without a unit.
    #[error("\"{0}\" is not a size: expected a number, perhaps with KiB, MiB, GiB or TiB")]
    Malformed(String),
    /// It is 2^64 or more.
    #[error("\"{0}\" is larger than any memory")]
    TooLarge(String),
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let (digits, shift) = UNITS
            .iter()
            .find_map(|&(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
            .unwrap_or((text, 0));
        let number = number::parse(digits.trim_end()).map_err(|error| match error {
            NumberError::Malformed | NumberError::NotHexadecimal => {
                ByteSizeError::Malformed(text.into())
            }
            NumberError::TooLarge => ByteSizeError::TooLarge(text.into()),
        })?;
        let bytes = number.checked_mul(1 << shift);
        bytes
            .map(Self)
            .ok_or_else(|| ByteSizeError::TooLarge(text.into()))
    }
}

/// In the largest unit that leaves no remainder.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |&(_, shift): &(_, u32)| self.0 != 0 && self.0.trailing_zeros() >= shift;
        match UNITS.into_iter().find(|unit| whole(unit)) {
            Some((unit, shift)) => write!(f, "{} {unit}", self.0 >> shift),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("0x1000", 4096),
            ("4KiB", 4096),
            ("4 KiB", 4096),
            ("0x10MiB", 16 << 20),
            ("16GiB", 16 << 30),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "", "KiB", "-1", "+1", "4KB", "1.5GiB", "0x", "4k", "0xGiB", "４",
        ] {
            assert_eq!(
                text.parse::<ByteSize>(),
                Err(ByteSizeError::Malformed(text.into()))
            );
        }
        for text in ["18446744073709551616", "0x10000000000000000", "16777216TiB"] {
            assert_eq!(
                text.parse::<ByteSize>(),
                Err(ByteSizeError::TooLarge(text.into()))
            );
        }
    }

    #[test]
    fn sizes_are_written_in_the_largest_whole_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (100, "100 bytes"),
            (1 << 30, "1 GiB"),
            ((1 << 30) + 4096, "1048580 KiB"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
    }
}
