//! Values that are written as one word but are more than a choice.

use std::fmt;

use assoc::ParseReplacementError;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// How a page chooses its set.
#[derive(Clone, Copy, Debug)]
pub(in crate::preset) struct Index(pub(in crate::preset) assoc::IndexFunction);

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let function = match name.strip_prefix("xor-").map(str::parse) {
            Some(Ok(bits)) => assoc::IndexFunction::Xor { bits },
            None if name == "linear" => assoc::IndexFunction::Linear,
            _ => return Err(D::Error::unknown_variant(&name, &["linear", "xor-7"])),
        };
        Ok(Self(function))
    }
}

/// Which entry of a full set makes room.
#[derive(Clone, Copy, Debug)]
pub(in crate::preset) struct Replacement(pub(in crate::preset) assoc::Replacement);

/// What was meant is found among these; the digits of QLRU and the seed are free.
const POLICIES: [&str; 9] = [
    "true-lru",
    "tree-plru",
    "fifo",
    "random",
    "random:SEED",
    "mru3-plru4",
    "lru3-plru4",
    "qlru-h11-m1-r0-u0",
    "srrip-2",
];

impl<'de> Deserialize<'de> for Replacement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(Self).map_err(|error| match error {
            ParseReplacementError::Unknown { name } => D::Error::unknown_variant(&name, &POLICIES),
            ParseReplacementError::Invalid(error) => D::Error::custom(error),
        })
    }
}

/// A number of ways, or `"full"` for full associativity.
#[derive(Clone, Copy, Debug)]
pub(in crate::preset) enum Ways {
    Full,
    Of(u32),
}

impl<'de> Deserialize<'de> for Ways {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WaysVisitor)
    }
}

struct WaysVisitor;

impl Visitor<'_> for WaysVisitor {
    type Value = Ways;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of ways or \"full\"")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Ways, E> {
        let ways = u32::try_from(value);
        ways.map(Ways::Of)
            .map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Ways, E> {
        match value {
            "full" => Ok(Ways::Full),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}
