//! How well the numbers of a file are known, by the citations in its text.

use std::collections::BTreeMap;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Assumptions, build::Located, error::Invalid};

/// Counts the values by their tags, wherever they stand, and checks that their sources are
/// among those of the file.
pub(super) fn count(
    document: &DeTable<'_>,
    sources: &BTreeMap<String, String>,
) -> Result<Assumptions, Located> {
    let mut found = Assumptions::default();
    let fields = document.iter();
    let fields = fields.filter(|(key, _)| key.get_ref() != "sources");
    let mut left: Vec<&Spanned<DeValue<'_>>> = fields.map(|(_, value)| value).collect();
    while let Some(value) = left.pop() {
        match value.get_ref() {
            DeValue::Table(table) => match citation(table) {
                Some((tag, source)) => {
                    count_one(&mut found, tag);
                    let name = source.get_ref().as_str().unwrap_or_default();
                    if !sources.contains_key(name) {
                        return Err((source.span(), Invalid::UnknownSource(name.to_string())));
                    }
                }
                None => left.extend(table.values()),
            },
            DeValue::Array(array) => left.extend(array.iter()),
            _ => {}
        }
    }
    Ok(found)
}

/// The tag of a value, and its source.
fn citation<'a, 'i>(table: &'a DeTable<'i>) -> Option<(&'a str, &'a Spanned<DeValue<'i>>)> {
    table.get("value")?;
    Some((table.get("tag")?.get_ref().as_str()?, table.get("source")?))
}

fn count_one(found: &mut Assumptions, tag: &str) {
    match tag {
        "measured" => found.measured += 1,
        "manual" => found.manual += 1,
        "assumed" => found.assumed += 1,
        _ => {}
    }
}
