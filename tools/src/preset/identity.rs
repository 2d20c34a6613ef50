use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::{
    build::{Located, not_toml},
    extend::Known,
    print::inline,
};

/// What tells a preset from others that have its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The file that it is in; none for a built-in one.
    pub file: Option<String>,
    /// The built-in preset that it extends.
    pub extends: Option<String>,
    /// Which of its values are not those of the preset that it extends, by their place.
    pub overrides: BTreeMap<String, String>,
    /// The CRC-32 of all its values: not of names, tags and sources.
    pub checksum: u32,
}

impl Identity {
    /// That of a text, and of all its values.
    pub(super) fn of(text: &str, tree: &DeTable<'_>, known: Known) -> Result<Self, Located> {
        let own = DeTable::parse(text).map_err(not_toml)?;
        let extends = own.get_ref().get("extends");
        let extends = extends.and_then(|name| name.get_ref().as_str().map(str::to_owned));
        let all = values(tree);
        let mut overrides = BTreeMap::new();
        if let Some(base) = extends.as_deref().and_then(|name| known.text_of(name)) {
            let base = values(known.resolve(base)?.get_ref());
            let is_other = |(place, value): &(&String, &String)| base.get(*place) != Some(value);
            let others = all.iter().filter(is_other);
            overrides.extend(others.map(|(place, value)| (place.clone(), value.clone())));
        }
        let mut hasher = crc32fast::Hasher::new();
        for (place, value) in &all {
            hasher.update(format!("{place} = {value}\n").as_bytes());
        }
        Ok(Self {
            file: None,
            extends,
            overrides,
            checksum: hasher.finalize(),
        })
    }
}

/// What is no value of the machine.
const NAMES: [&str; 3] = ["name", "title", "sources"];

/// Every value by its place, such as `caches.l1d.latency` and `tlb_level.1.tlb.0.entries`.
fn values(tree: &DeTable<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (key, value) in tree {
        let key = key.get_ref().as_ref();
        if !NAMES.contains(&key) {
            add(key.to_owned(), value.get_ref(), &mut all);
        }
    }
    all
}

fn add(place: String, value: &DeValue<'_>, all: &mut BTreeMap<String, String>) {
    match value {
        DeValue::Table(table) => {
            if let Some(cited) = table.get("value") {
                all.insert(place, inline(cited.get_ref()));
                return;
            }
            for (key, value) in table {
                add(format!("{place}.{}", key.get_ref()), value.get_ref(), all);
            }
        }
        DeValue::Array(array) if array.iter().any(|element| element.get_ref().is_table()) => {
            for (number, value) in array.iter().enumerate() {
                add(format!("{place}.{number}"), value.get_ref(), all);
            }
        }
        value => {
            all.insert(place, inline(value));
        }
    }
}
