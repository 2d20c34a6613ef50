//! docs/windows.md and docs/physical-memory.md say which tests hold which rule; this keeps it
//! true.

use std::{collections::BTreeSet, fs, path::Path};

const DOCUMENTS: [&str; 2] = [
    include_str!("../../docs/windows.md"),
    include_str!("../../docs/physical-memory.md"),
];

/// The names in the last column of the tables of rules, in order.
fn named() -> Vec<String> {
    let blocks = DOCUMENTS.iter().flat_map(|document| document.split("\n\n"));
    let tables = blocks.filter(|block| block.contains("| Rule |"));
    let lines = tables
        .flat_map(str::lines)
        .filter(|line| line.starts_with("| "));
    let rows = lines.map(|line| line.trim_matches('|').split('|').map(str::trim));
    let rows = rows.map(Iterator::collect::<Vec<_>>);
    rows.filter(|cells| cells[0] != "Rule")
        .flat_map(|cells| {
            let [_rule, _source, tests] = cells[..] else {
                panic!("a row has three cells: {cells:?}");
            };
            // Every other piece between backticks is a name.
            let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty(), "a row has a test: {cells:?}");
            names.into_iter().map(String::from).collect::<Vec<_>>()
        })
        .collect()
}

/// The tests in a folder's sources, each behind the path of its file.
fn tests_in(folder: &Path, module: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let own = format!("{module}{stem}::");
        if path.is_dir() {
            tests.append(&mut tests_in(&path, &own));
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let after = source.split("#[test]").skip(1);
        let functions = after.filter_map(|rest| rest.split_once("fn "));
        let names = functions.filter_map(|(_, rest)| rest.split('(').next());
        tests.extend(names.map(|name| format!("{own}{name}")));
    }
    tests
}

#[test]
fn every_rule_of_windows_has_a_test_and_every_such_test_a_rule() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let tests = tests_in(&sources, "");
    let mut left: BTreeSet<_> = tests
        .iter()
        .filter(|name| name.starts_with("machine::"))
        .collect();
    for name in named() {
        assert!(tests.contains(&name), "there is no test {name}");
        let is_first = left.remove(&name) || !name.starts_with("machine::");
        assert!(is_first, "{name} is named twice");
    }
    assert!(left.is_empty(), "neither document names {left:?}");
}
