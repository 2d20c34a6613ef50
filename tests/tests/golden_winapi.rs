//! Calls to Windows' virtual-memory API, put to the NT memory manager: each must come to what
//! it comes to on Windows.

use std::io::{Cursor, Read};

use lookaside::{
    conform::Verdict,
    golden::{
        GoldenFile, GoldenMismatch,
        transcript::{Between, Line},
    },
    input::{self, Input, Source},
};
use tests::data;

/// Each file, how many of its results are compared, and how many are not determined.
const FILES: [(&str, u64, u64); 12] = [
    ("seed00-private", 597, 12),
    ("seed01-guard", 605, 2),
    ("seed02-writewatch", 619, 1),
    ("seed03-pagefile", 633, 0),
    ("seed04-file", 624, 0),
    ("seed05-mixed", 640, 0),
    ("seed24-private", 615, 2),
    ("seed25-guard", 641, 1),
    ("seed26-writewatch", 638, 0),
    ("seed27-pagefile", 654, 1),
    ("seed28-file", 642, 0),
    ("seed29-mixed", 631, 4),
];

fn text(name: &str) -> String {
    let path = data::path(&format!("winapi/{name}.gold.xz"));
    let mut text = String::new();
    let mut input = input::open(&Source::from(&*path)).unwrap();
    input.read_to_string(&mut text).unwrap();
    text
}

fn check(text: String) -> Verdict<GoldenMismatch> {
    check_with(text, Between::Nothing)
}

fn check_with(text: String, between: Between) -> Verdict<GoldenMismatch> {
    let input = Input::new(Source::Embedded("transcript"), Cursor::new(text)).unwrap();
    let file = GoldenFile::new(input).unwrap().between_calls(between);
    file.check(|_| true).unwrap().unwrap()
}

/// Results are compared as text: what is read of one must be written as it was.
#[test]
fn every_result_is_written_as_it_was_read() {
    let mut results = 0;
    for (name, ..) in FILES {
        for line in text(name).lines().skip(1) {
            let Line::Done(done) = Line::parse(line.as_bytes()).unwrap() else {
                continue;
            };
            let (_, rest) = line.split_once(" => ").unwrap();
            let (result, _) = rest.rsplit_once(" ;").unwrap();
            assert_eq!(done.reply.to_string(), result, "{name}: {line}");
            results += 1;
        }
    }
    assert_eq!(results, 7562);
}

fn all_agree(profile: &str) {
    let files = FILES.iter().filter(|(name, ..)| name.ends_with(profile));
    let mut count = 0;
    for &(name, passed, soft) in files {
        let verdict = check(text(name));
        let mismatches = verdict.mismatches.iter().map(ToString::to_string);
        let mismatches: Vec<_> = mismatches.collect();
        assert!(mismatches.is_empty(), "{name}: {mismatches:#?}");
        let counted = (verdict.passed, verdict.failed, verdict.soft);
        assert_eq!(counted, (passed, 0, soft), "{name}");
        count += 1;
    }
    assert_eq!(count, 2, "two seeds a profile");
}

#[test]
fn private_memory_is_as_on_windows() {
    all_agree("-private");
}

#[test]
fn guard_pages_are_as_on_windows() {
    all_agree("-guard");
}

#[test]
fn the_write_watch_is_as_on_windows() {
    all_agree("-writewatch");
}

#[test]
fn sections_of_the_page_file_are_as_on_windows() {
    all_agree("-pagefile");
}

#[test]
fn sections_of_files_are_as_on_windows() {
    all_agree("-file");
}

#[test]
fn all_of_it_together_is_as_on_windows() {
    all_agree("-mixed");
}

/// Wherever pages are: all of them leave memory before each call and access.
#[test]
fn results_are_the_same_where_pages_leave_memory_between_calls() {
    for (name, passed, soft) in FILES {
        let verdict = check_with(text(name), Between::PageOut);
        let mismatches = verdict.mismatches.iter().map(ToString::to_string);
        let mismatches: Vec<_> = mismatches.collect();
        assert!(mismatches.is_empty(), "{name}: {mismatches:#?}");
        assert_eq!((verdict.passed, verdict.soft), (passed, soft), "{name}");
    }
}

/// Another result that the same call could have.
fn changed(result: &str) -> String {
    // What is in memory then, or the first number that tells results apart.
    for (right, wrong) in [
        (" C ", " R "),
        (" R ", " C "),
        ("000 F", "001 F"),
        ("e=", "e=1"),
        ("k=", "k=1"),
        ("fsz=", "fsz=1"),
        ("h=0", "h=1"),
    ] {
        if result.contains(right) {
            return result.replacen(right, wrong, 1);
        }
    }
    match result {
        "v=0" => "v=1".into(),
        "ok" => "x=c0000005 k=0 a=0".into(),
        "r=1" => "r=0 e=5".into(),
        "r=0" => "r=ffffffff e=87".into(),
        _ if result.starts_with("v=") => "v=0".into(),
        _ if result.starts_with("r=0 g=") => "r=ffffffff e=87".into(),
        _ => {
            let (others, _) = result.split_once("h=").unwrap();
            format!("{others}h=0000000000000000")
        }
    }
}

/// The files do not pass because everything does: with another result in every eleventh line,
/// exactly those lines fail.
#[test]
fn a_changed_result_fails() {
    for (name, passed, soft) in FILES {
        let (mut wrong, mut changes) = (String::new(), 0);
        for (number, line) in text(name).lines().enumerate() {
            let parts = line.split_once(" => ").zip(line.rsplit_once(" ;"));
            let other = parts.and_then(|((call, _), (rest, tag))| {
                let result = rest.strip_prefix(call)?.strip_prefix(" => ")?;
                let is_changed = number % 11 == 1 && !tag.starts_with('S');
                is_changed.then(|| [call, " => ", &changed(result), " ;", tag].concat())
            });
            changes += u64::from(other.is_some());
            wrong += other.as_deref().unwrap_or(line);
            wrong.push('\n');
        }
        assert!(changes > 50, "{name}: {changes}");
        let verdict = check(wrong);
        let counted = (verdict.passed, verdict.failed, verdict.soft);
        assert_eq!(counted, (passed - changes, changes, soft), "{name}");
    }
}
