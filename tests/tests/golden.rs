//! Single accesses and sequences of them, put to the MMUs: each must end as two emulators and
//! the manual say.

use lookaside::{
    conform::Verdict,
    golden::{GoldenFile, GoldenMismatch},
    input::{self, Source},
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
