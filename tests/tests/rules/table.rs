//! docs/rules.md says which tests hold which rule; this keeps it true.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const TABLE: &str = include_str!("../../../docs/rules.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A row of the table.
struct Row {
    number: String,
    tests: BTreeSet<String>,
    remark: String,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| line.starts_with("| "));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(str::trim));
    let rows = cells.map(Iterator::collect::<Vec<_>>);
    let rows = rows.filter(|cells| !["#", "---"].contains(&cells[0]));
    rows.map(|cells| {
        let [number, _rule, _section, tests, remark] = cells[..] else {
            panic!("a row has five cells: {cells:?}");
        };
        // Every other piece between backticks is a name.
        let names = tests.split('`').skip(1).step_by(2);
        Row {
            number: number.into(),
            tests: names.map(String::from).collect(),
            remark: remark.into(),
        }
    })
    .collect()
}

/// The tests in a folder's sources, each with the comment above it.
fn tests_in(folder: &Path) -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            tests.append(&mut tests_in(&path));
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let mut comment = String::new();
        let mut lines = source.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if let Some(text) = line.strip_prefix("/// ") {
                comment.push_str(text);
                comment.push(' ');
            } else if line == "#[test]" {
                let name = lines.next().and_then(|line| line.strip_prefix("fn "));
                let name = name.and_then(|line| line.split('(').next());
                tests.insert(name.unwrap().into(), std::mem::take(&mut comment));
            } else {
                comment.clear();
            }
        }
    }
    tests
}

/// The numbers that a comment begins with: "Rule 5." or "Rules 38 and 40.".
fn numbers(comment: &str) -> BTreeSet<String> {
    let head = comment.split('.').next().unwrap_or_default();
    let numbers = head.strip_prefix("Rule").unwrap_or_default();
    let words = numbers.split(|c: char| !c.is_ascii_digit());
    words
        .filter(|word| !word.is_empty())
        .map(String::from)
        .collect()
}

#[test]
fn every_rule_has_a_row_and_a_test_or_a_reason() {
    let rows = rows();
    let numbers = rows.iter().filter_map(|row| {
        let ends = row.number.split('-').map(str::parse::<u32>);
        let ends = ends.collect::<Result<Vec<_>, _>>().ok()?;
        Some(*ends.first()?..=*ends.last()?)
    });
    let found = numbers.flatten();
    assert!(found.eq(1..=100), "the numbers from 1 to 100, in order");
    for Row {
        number,
        tests,
        remark,
    } in rows
    {
        let is_out = remark.starts_with("Out of scope");
        assert_eq!(tests.is_empty(), is_out, "rule {number}");
    }
}

#[test]
fn every_test_of_the_table_exists_and_every_rule_test_is_in_the_table() {
    let here = tests_in(&root().join("tests/tests/rules"));
    let mut all = here.clone();
    all.append(&mut tests_in(&root().join("mmu-core/src")));
    all.append(&mut tests_in(&root().join("tests/tests")));
    let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows() {
        for test in row.tests {
            assert!(all.contains_key(&test), "there is no test {test}");
            let numbers = listed.entry(test).or_default();
            if row.number != "-" {
                numbers.insert(row.number.clone());
            }
        }
    }
    // Those of this file hold no rule, and have no section.
    for (test, comment) in here.iter().filter(|(_, text)| text.contains(". ")) {
        let listed = listed.get(test);
        assert_eq!(listed, Some(&numbers(comment)), "{test}");
    }
}

#[test]
fn unverified_rules_are_marked_in_both_places() {
    let here = tests_in(&root().join("tests/tests/rules"));
    for row in rows() {
        let comments = row.tests.iter().filter_map(|test| here.get(test));
        let in_tests = comments.into_iter().any(|text| text.contains("Unverified"));
        let in_table = row.remark.contains("nverified");
        assert_eq!(in_table, in_tests, "rule {}", row.number);
    }
}
