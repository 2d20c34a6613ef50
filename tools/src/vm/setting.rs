use std::str::FromStr;

use super::constants;
use crate::number;

/// Another value for a name that a script gives a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name.
    pub name: String,
    /// Its value.
    pub value: u64,
}

/// A setting is `NAME=VALUE`; the value is a number or a constant.
impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        let number = constants::number(value).map_or_else(|| number::parse(value), Ok);
        Ok(Self {
            name: name.into(),
            value: number.map_err(|error| error.to_string())?,
        })
    }
}
