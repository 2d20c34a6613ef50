//! Single accesses and sequences of them, put to the MMUs: each must end as two emulators and
//! the manual say.

use std::io::{Cursor, Read};

use lookaside::{
    conform::Verdict,
    golden::{GoldenFile, GoldenMismatch},
    input::{self, Input, Source},
};
use tests::data;

fn check(name: &str) -> Verdict<GoldenMismatch> {
    let source = Source::from(&*data::path(name));
    let file = GoldenFile::new(input::open(&source).unwrap()).unwrap();
    file.check(|_| true).unwrap().unwrap()
}

fn all_pass(name: &str, count: u64) {
    let verdict = check(name);
    let mismatches = verdict.mismatches.iter().map(ToString::to_string);
    let mismatches: Vec<_> = mismatches.collect();
    assert!(mismatches.is_empty(), "{mismatches:#?}");
    assert_eq!((verdict.passed, verdict.failed), (count, 0));
}

#[test]
fn four_level_vectors_pass() {
    all_pass("golden/64bit-4level.txt.xz", 31_894);
}

#[test]
fn five_level_vectors_pass() {
    all_pass("golden/64bit-5level.txt.xz", 11_893);
}

#[test]
fn pae_vectors_pass() {
    all_pass("golden/pae32.txt.xz", 7_105);
}

#[test]
fn legacy_32_bit_vectors_pass() {
    all_pass("golden/legacy32.txt.xz", 7_057);
}

/// Both MMUs are asked about each of 25,294 accesses and loads.
#[test]
fn sequences_without_pcids_pass() {
    all_pass("golden/tlbseq-64bit.txt.xz", 2 * 25_294);
}

/// Both MMUs are asked about each of 25,401 accesses and loads.
#[test]
fn sequences_with_pcids_pass() {
    all_pass("golden/tlbseq-pcid.txt.xz", 2 * 25_401);
}

/// The files are not passed because everything is: with one thing changed in every
/// seventeenth line, exactly those lines fail.
fn changed_lines_fail(name: &str, change: fn(&str, usize) -> Option<String>, answers: u64) {
    let source = Source::from(&*data::path(name));
    let mut text = String::new();
    let mut input = input::open(&source).unwrap();
    input.read_to_string(&mut text).unwrap();
    let (mut wrong, mut changed) = (String::new(), 0);
    for (number, line) in text.lines().enumerate() {
        let other = (number % 17 == 1).then(|| change(line, number)).flatten();
        changed += u64::from(other.is_some());
        wrong += other.as_deref().unwrap_or(line);
        wrong.push('\n');
    }
    assert!(changed > 100, "{changed}");
    let input = Input::new(source, Cursor::new(wrong)).unwrap();
    let verdict = GoldenFile::new(input).unwrap().check(|_| true);
    assert_eq!(verdict.unwrap().unwrap().failed, answers * changed);
}

/// Flips a bit of a hexadecimal number.
fn flipped(number: &str, bit: u64) -> String {
    format!("{:x}", u64::from_str_radix(number, 16).unwrap() ^ bit)
}

/// Changes another part of the outcome from line to line.
fn change_vector(line: &str, number: usize) -> Option<String> {
    const ACCESSED: u64 = 0x20;
    const DIRTY: u64 = 0x40;
    let mut fields: Vec<_> = line.split(' ').map(str::to_owned).collect();
    let (err, cr2, pa, fin, amask) = (9, 10, 11, 12, 13);
    let last_entry = |fields: &[String], bit| {
        let before = fields[7].rsplit(',').next().unwrap();
        let (others, after) = fields[fin].rsplit_once(',').unwrap_or(("", &fields[fin]));
        let after = if after == "=" { before } else { after };
        let comma = if others.is_empty() { "" } else { "," };
        format!("{others}{comma}{}", flipped(after, bit))
    };
    match (number / 17 % 4, &*fields[8]) {
        (0, "ok") => fields[pa] = flipped(&fields[pa], 0x1000),
        (0, "pf") => fields[err] = flipped(&fields[err], 0x20),
        (1, "pf") => fields[cr2] = flipped(&fields[cr2], 1 << 20),
        (1, "ok") => fields[pa] = flipped(&fields[pa], 8),
        (2, _) => fields[fin] = last_entry(&fields, ACCESSED),
        (3, "pf") if fields[amask] != "0" => "0".clone_into(&mut fields[amask]),
        (3, "gp" | "gp3") => {
            (fields[8], fields[pa]) = ("ok".into(), "8000000".into());
        }
        (3, _) => fields[fin] = last_entry(&fields, DIRTY),
        _ => return None,
    }
    Some(fields.join(" "))
}

#[test]
fn a_changed_vector_fails() {
    for mode in ["64bit-4level", "64bit-5level", "pae32", "legacy32"] {
        changed_lines_fail(&format!("golden/{mode}.txt.xz"), change_vector, 1);
    }
}

/// Changes what must be, or what the fresh walk finds.
fn change_step(line: &str, _: usize) -> Option<String> {
    let mut fields: Vec<_> = line.split(' ').map(str::to_owned).collect();
    let outcome = match (&*fields[0], &*fields.get(4).cloned().unwrap_or_default()) {
        ("A", "must") => 5,
        ("A", _) => 6,
        ("L", _) if fields[2] == "must" => {
            fields[3] = flipped(&fields[3], 0x20);
            return Some(fields.join(" "));
        }
        _ => return None,
    };
    let (changed, bit) = match &*fields[outcome] {
        "ok" => (outcome + 2, 0x1000),
        _ => (outcome + 1, 0x2),
    };
    fields[changed] = flipped(&fields[changed], bit);
    Some(fields.join(" "))
}

/// Both MMUs tell.
#[test]
fn a_changed_step_of_a_sequence_fails() {
    for set in ["tlbseq-64bit", "tlbseq-pcid"] {
        changed_lines_fail(&format!("golden/{set}.txt.xz"), change_step, 2);
    }
}
