use std::str::FromStr;

/// Reads a whole number that is not 0.
pub(super) fn from_one<T: FromStr>(text: &str) -> Result<T, &'static str> {
    let read = text.parse();
    read.map_err(|_| "expected a whole number from 1 on")
}
