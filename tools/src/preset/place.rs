//! What a place in a text is the value of.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The field at this place, as `caches.l1d.ways`: the innermost that covers it.
pub(super) fn field(text: &str, at: &Range<usize>) -> Option<String> {
    if at.is_empty() {
        return None;
    }
    let tree = DeTable::parse(text).ok()?.into_inner();
    let mut best: Option<(usize, String)> = None;
    let mut consider = |span: Range<usize>, path: &str| {
        let covers = span.start <= at.start && at.end <= span.end;
        if covers && best.as_ref().is_none_or(|(len, _)| span.len() <= *len) {
            best = Some((span.len(), path.to_string()));
        }
    };
    let mut left: Vec<(String, Spanned<DeValue<'_>>)> = Vec::new();
    push_table(&mut left, "", tree, &mut consider);
    while let Some((path, value)) = left.pop() {
        consider(value.span(), &path);
        match value.into_inner() {
            DeValue::Table(table) => push_table(&mut left, &path, table, &mut consider),
            DeValue::Array(array) => {
                let numbered = array.into_iter().enumerate();
                left.extend(numbered.map(|(index, value)| (format!("{path}[{index}]"), value)));
            }
            _ => {}
        }
    }
    best.map(|(_, path)| path)
}

fn push_table<'i>(
    left: &mut Vec<(String, Spanned<DeValue<'i>>)>,
    path: &str,
    table: DeTable<'i>,
    consider: &mut impl FnMut(Range<usize>, &str),
) {
    for (key, value) in table {
        let path = match (path, key.get_ref()) {
            ("", key) => key.to_string(),
            // A value and what is said about it are one field.
            (path, key) if ["value", "tag", "source"].contains(&key.as_ref()) => path.to_string(),
            (path, key) => format!("{path}.{key}"),
        };
        consider(key.span(), &path);
        left.push((path, value));
    }
}
