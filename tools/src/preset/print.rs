//! A preset's values as TOML again.

use std::fmt::Write;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The fields in the order in which they are printed; others come behind them.
const ORDER: [&str; 47] = [
    "name",
    "title",
    "vendor",
    "physical_address_bits",
    "pages_1g",
    "la57",
    "serves",
    "pages",
    "count",
    "next_page",
    "penalty",
    "fill_on_miss",
    "promote_on_hit",
    "inclusion",
    "size",
    "entries",
    "ways",
    "index",
    "replacement",
    "latency",
    "pcids",
    "pcids_keeping",
    "coalesce",
    "memory_latency",
    "peer_latency",
    "walks_enter",
    "llc_inclusion",
    "combining_buffers",
    "value",
    "tag",
    "source",
    "sources",
    "paging",
    "tlb_level",
    "tlb",
    "structure_caches",
    "pml5e",
    "pml4e",
    "pdpte",
    "pde",
    "walkers",
    "caches",
    "l1i",
    "l1d",
    "l2",
    "llc",
    "costs",
];

/// The document, of its sources only those that a value names.
pub(super) fn document(tree: &DeTable<'_>) -> String {
    let mut text = String::new();
    let named = sources_named(tree);
    table(&mut text, "", tree, &|path, key| {
        path != "sources" || named.contains(&key)
    });
    text
}

/// Which keys of the table at a path are printed.
type Chosen<'a> = dyn Fn(&str, &str) -> bool + 'a;

fn table(text: &mut String, path: &str, table: &DeTable<'_>, chosen: &Chosen<'_>) {
    let fields = ordered(table);
    let fields = || fields.iter().filter(|(key, _)| chosen(path, key));
    for (key, value) in fields().filter(|(_, value)| !is_section(value)) {
        _ = writeln!(text, "{} = {}", quoted_key(key), inline(value));
    }
    for (key, value) in fields().filter(|(_, value)| is_section(value)) {
        let path = match path {
            "" => (*key).to_string(),
            path => format!("{path}.{key}"),
        };
        match value {
            DeValue::Table(inner) => {
                _ = writeln!(text, "\n[{path}]");
                self::table(text, &path, inner, chosen);
            }
            DeValue::Array(array) => {
                for inner in array.iter().filter_map(|value| value.get_ref().as_table()) {
                    _ = writeln!(text, "\n[[{path}]]");
                    self::table(text, &path, inner, chosen);
                }
            }
            _ => {}
        }
    }
}

fn ordered<'a>(table: &'a DeTable<'_>) -> Vec<(&'a str, &'a DeValue<'a>)> {
    let fields = table.iter();
    let mut fields: Vec<_> = fields
        .map(|(key, value)| (key.get_ref().as_ref(), value.get_ref()))
        .collect();
    let rank = |key: &str| ORDER.iter().position(|known| *known == key);
    fields.sort_by_key(|(key, _)| rank(key).unwrap_or(ORDER.len()));
    fields
}

/// Whether it is a table or a list of tables with a heading of its own.
fn is_section(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Table(table) => !table.contains_key("value"),
        DeValue::Array(array) => array
            .first()
            .is_some_and(|first| first.get_ref().is_table()),
        _ => false,
    }
}

/// A value on one line.
pub(super) fn inline(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(array) => {
            let values: Vec<_> = array.iter().map(|value| inline(value.get_ref())).collect();
            format!("[{}]", values.join(", "))
        }
        DeValue::Table(table) => {
            let fields = ordered(table);
            let fields = fields.iter();
            let fields: Vec<_> = fields
                .map(|(key, value)| format!("{} = {}", quoted_key(key), inline(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}

fn quoted_key(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(plain) {
        return key.to_string();
    }
    quoted(key)
}

/// The sources that the values of a document name.
fn sources_named<'a>(tree: &'a DeTable<'_>) -> Vec<&'a str> {
    let mut named = Vec::new();
    let mut left: Vec<&Spanned<DeValue<'_>>> = tree.values().collect();
    while let Some(value) = left.pop() {
        match value.get_ref() {
            DeValue::Table(table) => {
                if table.contains_key("value") {
                    named.extend(
                        table
                            .get("source")
                            .and_then(|source| source.get_ref().as_str()),
                    );
                }
                left.extend(table.values());
            }
            DeValue::Array(array) => left.extend(array.iter()),
            _ => {}
        }
    }
    named
}
