use std::str::FromStr;

use super::constants;
use crate::byte_size::ByteSize;

/// Another value for a name that a script gives a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name.
    pub name: String,
    /// Its value.
    pub value: u64,
}

/// A setting is `NAME=VALUE`; the value is a number as scripts have them, or a constant.
impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let halves = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = halves.ok_or("expected NAME=VALUE")?;
        let number = constants::number(value).map_or_else(
            || match value.parse() {
                Ok(ByteSize(number)) => Ok(number),
                Err(_) => Err("expected a constant such as MEM_COMMIT, or a number such as 64KiB"),
            },
            Ok,
        );
        Ok(Self {
            name: name.into(),
            value: number?,
        })
    }
}
