//! docs/windows.md and docs/physical-memory.md say which tests hold which rule, and
//! docs/windows-facts.md which ones show which fact; this keeps it true.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const DOCUMENTS: [&str; 2] = [
    include_str!("../../docs/windows.md"),
    include_str!("../../docs/physical-memory.md"),
];

const FACTS: &str = include_str!("../../docs/windows-facts.md");

/// What a test says of facts that neither Microsoft nor a test on Windows tells.
const WEAK_SOURCES: [&str; 3] = ["source only", "iterature only", "Derived"];

/// The cells of a table's row.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// The names in a cell: every other piece between backticks.
fn names_in(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The names in the last column of the tables of rules, in order.
fn named() -> Vec<String> {
    let blocks = DOCUMENTS.iter().flat_map(|document| document.split("\n\n"));
    let tables = blocks.filter(|block| block.contains("| Rule |"));
    let lines = tables
        .flat_map(str::lines)
        .filter(|line| line.starts_with("| "));
    let rows = lines.map(cells);
    rows.filter(|cells| cells[0] != "Rule")
        .flat_map(|cells| {
            let [_rule, _source, tests] = cells[..] else {
                panic!("a row has three cells: {cells:?}");
            };
            let names = names_in(tests);
            assert!(!names.is_empty(), "a row has a test: {cells:?}");
            names.into_iter().map(String::from).collect::<Vec<_>>()
        })
        .collect()
}

/// The tests in a folder's sources, each behind the path of its file, and what is said of it.
fn tests_in(folder: &Path, module: &str) -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let own = format!("{module}{stem}::");
        if path.is_dir() {
            tests.append(&mut tests_in(&path, &own));
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let mut before = "";
        for part in source.split("#[test]") {
            let function = part.split_once("fn ").filter(|_| !before.is_empty());
            if let Some(name) = function.and_then(|(_, rest)| rest.split('(').next()) {
                tests.insert(format!("{own}{name}"), comment_above(before));
            }
            before = part;
        }
    }
    tests
}

/// The comment that ends a text, in one line.
fn comment_above(text: &str) -> String {
    let lines = text.trim_end().lines().rev();
    let mut lines: Vec<_> = lines
        .map_while(|line| line.trim().strip_prefix("///"))
        .collect();
    lines.reverse();
    lines.concat().trim().to_owned()
}

fn tests() -> BTreeMap<String, String> {
    tests_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "")
}

#[test]
fn every_rule_of_windows_has_a_test_and_every_such_test_a_rule() {
    let tests = tests();
    let mut left: BTreeSet<_> = tests
        .keys()
        .filter(|name| name.starts_with("machine::"))
        .collect();
    for name in named() {
        assert!(tests.contains_key(&name), "there is no test {name}");
        let is_first = left.remove(&name) || !name.starts_with("machine::");
        assert!(is_first, "{name} is named twice");
    }
    assert!(left.is_empty(), "neither document names {left:?}");
}

/// The rows of a table in a piece of a document, but for its head.
fn rows_of<'a>(text: &'a str, first: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.map(cells).filter(move |cells| cells[0] != first)
}

#[test]
fn every_fact_of_windows_has_a_test_that_says_what_it_rests_on() {
    let tests = tests();
    let (head, _) = FACTS.split_once("\n## ").unwrap();
    let signs: BTreeSet<_> = rows_of(head, "Sign").map(|cells| cells[0]).collect();
    let mut facts = BTreeSet::new();
    for section in FACTS.split("\n## ").skip(1) {
        let mut last = 0;
        for row in rows_of(section, "Fact") {
            let [fact, known, source, confidence, shown] = row[..] else {
                panic!("a row has five cells: {row:?}");
            };
            let number: u32 = fact[1..].parse().unwrap();
            assert!(number > last, "{fact} comes after F{last}");
            last = number;
            assert!(facts.insert(number), "{fact} is told twice");
            assert!(!known.is_empty(), "{fact} says something");
            for source in source.split("; ") {
                let sign = source.split([' ', ',']).next().unwrap();
                assert!(signs.contains(sign), "{fact}: no source {sign}");
            }
            assert!(
                ["A", "B", "C", "A/B", "A/C"].contains(&confidence),
                "{fact} is known well or not: {confidence}"
            );
            if shown.starts_with("Not kept: ") {
                continue;
            }
            let names = names_in(shown);
            assert!(!names.is_empty(), "{fact} has a test");
            let comments = names.iter().map(|&name| match tests.get(name) {
                Some(comment) => comment.as_str(),
                None => panic!("{fact}: there is no test {name}"),
            });
            let says = comments.fold(false, |says, comment| {
                says | WEAK_SOURCES.iter().any(|weak| comment.contains(weak))
            });
            assert!(
                says || confidence == "A",
                "{fact}: a test says what it rests on"
            );
        }
    }
    assert_eq!(facts, (1..=171).collect());
}

/// The list of contents of a document names its sections, all of them and in order.
#[test]
fn the_contents_of_a_document_are_its_sections() {
    let document = DOCUMENTS[0];
    let sections = document.lines().filter_map(|line| line.strip_prefix("## "));
    let expected: Vec<_> = sections
        .map(|title| {
            let kept = |letter: &char| letter.is_alphanumeric() || " -".contains(*letter);
            let anchor: String = title.to_lowercase().chars().filter(kept).collect();
            format!("- [{title}](#{})", anchor.replace(' ', "-"))
        })
        .collect();
    let told = document
        .lines()
        .filter(|line| line.starts_with("- [") && line.contains("](#"));
    assert_eq!(told.collect::<Vec<_>>(), expected);
}
