//! The numbers of a report by name: the dotted path of one in the report's JSON, or a short
//! name for those that are asked for most.
//!
//! `cycles.translation` and `events.dtlb_load_misses.walk_completed` are paths: keys may have
//! dots in them. An element of an array goes by its name, stream or level, as in
//! `tlbs.stlb.hits` and `walks.served.PTE.memory`, or by its place, the first being 0.

mod number;

use serde_json::Value;

pub use number::{Change, Number};

/// Short names, and the paths they stand for.
pub const ALIASES: [(&str, &str); 5] = [
    ("translation_cycles", "cycles.translation"),
    ("total_cycles", "cycles.total"),
    ("walks", "walks.total"),
    ("page_faults", "page_faults.demand_zero"),
    ("walk_references", "walks.references"),
];

/// A report has no such number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Nothing has this name.
    #[error("a report has no number \"{name}\"; {advice}")]
    Unknown {
        /// The name.
        name: String,
        /// What might have been meant.
        advice: String,
    },
    /// What has this name is no number.
    #[error("\"{name}\" is no number in a report; {advice}")]
    NoNumber {
        /// The name.
        name: String,
        /// Numbers that are part of it.
        advice: String,
    },
}

/// The number of this name in a report's JSON.
///
/// # Errors
/// [`MetricError`] if there is none, with names that are like it.
pub fn number(report: &Value, name: &str) -> Result<Number, MetricError> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let path = alias.map_or(name, |&(_, path)| path);
    let Some(value) = find(report, path) else {
        return Err(MetricError::Unknown {
            name: name.into(),
            advice: advice(report, name),
        });
    };
    Number::of(value).ok_or_else(|| MetricError::NoNumber {
        name: name.into(),
        advice: parts(value, name),
    })
}

/// What a path leads to. Where a key with a dot in it and two keys both fit, the longer key
/// goes first.
pub(super) fn find<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let child = |key: &str| match value {
        Value::Object(fields) => fields.get(key),
        Value::Array(elements) => elements
            .iter()
            .find(|element| name_of(element) == Some(key))
            .or_else(|| elements.get(key.parse::<usize>().ok()?)),
        _ => None,
    };
    if let Some(found) = child(path) {
        return Some(found);
    }
    let dots = path.rmatch_indices('.');
    let mut found = dots.filter_map(|(dot, _)| find(child(&path[..dot])?, &path[dot + 1..]));
    found.next()
}

/// What an element of an array calls itself.
fn name_of(element: &Value) -> Option<&str> {
    let names = ["name", "stream", "level"];
    names.iter().find_map(|name| element.get(name)?.as_str())
}

/// The paths of all numbers of a value, in the order of their keys.
fn paths(value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let mut add = |key: &str, child: &Value| match child {
        Value::Number(_) => all.push(key.to_owned()),
        _ => all.extend(paths(child).iter().map(|path| format!("{key}.{path}"))),
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, child)| add(key, child)),
        Value::Array(elements) => {
            for (place, child) in elements.iter().enumerate() {
                let place = place.to_string();
                add(name_of(child).unwrap_or(&place), child);
            }
        }
        _ => {}
    }
    all
}

/// How many names a message suggests at most.
const MOST_SUGGESTIONS: usize = 3;

fn advice(report: &Value, name: &str) -> String {
    let mut known: Vec<_> = ALIASES
        .iter()
        .map(|(alias, _)| (*alias).to_owned())
        .collect();
    known.extend(paths(report));
    let likeness = |known: &str| {
        let last = known.rsplit('.').next().unwrap_or(known);
        strsim::jaro_winkler(name, known).max(strsim::jaro_winkler(name, last) * 0.99)
    };
    let mut close: Vec<_> = known
        .into_iter()
        .map(|known| (likeness(&known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    close.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    close.truncate(MOST_SUGGESTIONS);
    if close.is_empty() {
        return "names are paths in the JSON, such as cycles.translation".into();
    }
    let names: Vec<_> = close.into_iter().map(|(_, name)| name).collect();
    format!("did you mean {}?", names.join(" or "))
}

fn parts(value: &Value, name: &str) -> String {
    let mut parts = paths(value);
    if parts.is_empty() {
        return "it is text".into();
    }
    parts.truncate(MOST_SUGGESTIONS);
    let names: Vec<_> = parts.iter().map(|part| format!("{name}.{part}")).collect();
    format!("did you mean {}?", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report() -> Value {
        json!({
            "cycles": { "total": 100, "translation": 7, "translation_share": 0.07 },
            "walks": {
                "total": 3,
                "references": 9,
                "served": [{ "level": "PML4E", "l1d": 1 }, { "level": "PTE", "l1d": 2 }],
            },
            "events": { "itlb_misses.stlb_hit": 5, "page-faults": 6 },
            "tlbs": [{ "name": "itlb.4k", "level": 1, "hits": 8 }],
            "lookups": [{ "stream": "load", "hits_by_level": [11, 12] }],
            "a": { "b": 1 },
            "a.b": 2,
            "text": "no number",
        })
    }

    #[test]
    fn every_number_of_a_report_has_a_name() {
        for (name, expected) in [
            ("cycles.total", 100),
            ("total_cycles", 100),
            ("translation_cycles", 7),
            ("walks", 3),
            ("walk_references", 9),
            ("walks.served.PTE.l1d", 2),
            ("walks.served.0.l1d", 1),
            ("events.itlb_misses.stlb_hit", 5),
            ("events.page-faults", 6),
            ("tlbs.itlb.4k.hits", 8),
            ("lookups.load.hits_by_level.1", 12),
            ("a.b", 2),
        ] {
            assert_eq!(
                number(&report(), name),
                Ok(Number::Whole(expected)),
                "{name}"
            );
        }
        let share = number(&report(), "cycles.translation_share");
        assert_eq!(share, Ok(Number::Fraction(0.07)));
        for path in paths(&report()) {
            assert!(number(&report(), &path).is_ok(), "{path}");
        }
    }

    #[test]
    fn what_is_no_number_gets_advice() {
        for (name, words) in [
            ("cycles.totl", "did you mean cycles.total"),
            ("translation_cycle", "did you mean translation_cycles"),
            ("translation", "cycles.translation"),
            ("stlb_hit", "events.itlb_misses.stlb_hit"),
            ("cycles", "did you mean cycles.total"),
            ("text", "it is text"),
            ("xyz", "names are paths"),
            ("", "names are paths"),
            (".", "names are paths"),
            ("cycles.", "did you mean"),
        ] {
            let message = number(&report(), name).unwrap_err().to_string();
            assert!(message.contains(words), "{name}: {message}");
        }
    }
}
