//! What a line may say, and what it takes to agree with one.

use std::io::Cursor;

use super::*;
use crate::{
    conform::Verdict,
    input::{Input, Source},
};

mod malformed;

const VECTORS: &str = "# golden MMU vectors v1 mode=64bit-4level\n";
const PAE: &str = "# golden MMU vectors v1 mode=pae32\n";
const LEGACY: &str = "# golden MMU vectors v1 mode=legacy32\n";
const SEQUENCES: &str = "# golden MMU TLB sequences v1 set=test\n";

fn check(parts: &[&str]) -> Result<Verdict<GoldenMismatch>, GoldenError> {
    let text = parts.concat();
    let input = Input::new(Source::Embedded("test"), Cursor::new(text)).unwrap();
    Ok(GoldenFile::new(input)?.check(|_| true)?.unwrap())
}

fn counts(parts: &[&str]) -> (u64, u64) {
    let verdict = check(parts).unwrap();
    (verdict.passed, verdict.failed)
}

fn malformed(parts: &[&str]) -> (u64, Malformed) {
    match check(parts) {
        Err(GoldenError::Line { line, reason, .. }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

/// A read that a table with a clear accessed bit is on the way of.
const READ: &str =
    "7 1 R 1 0 0 4e889f577070 102a67,103337,104c0f,4812c763 ok 0 - 4812c070 =,=,104c2f,= 0\n";
/// A write to a read-only page under CR0.WP.
const WRITE: &str = "8 1 W 1 0 0 4e889f577070 102a67,103337,104c0f,4812c761 \
                     pf 3 4e889f577070 - =,=,=,= 8\n";

#[test]
fn a_vector_agrees_in_every_part_or_fails() {
    assert_eq!(counts(&[VECTORS, READ, WRITE]), (2, 0));
    let wrong = [
        (READ, "4812c070 ", "4812c078 "),
        (READ, "104c2f", "="),
        (READ, "104c2f,=", "104c2f,4812c743"),
        (READ, "ok 0 - 4812c070", "gp 0 - -"),
        (WRITE, "pf 3", "pf 7"),
        (WRITE, "pf 3 4", "pf 3 5"),
        (WRITE, "= 8", "= 0"),
        (WRITE, "= 8", "= a"),
        (WRITE, "=,=,=,= 8", "=,=,104c2f,= 0"),
    ];
    for (line, right, wrong) in wrong {
        let wrong = line.replacen(right, wrong, 1);
        assert_ne!(wrong, line);
        let expected = if wrong.contains("= a") {
            (1, 0)
        } else {
            (0, 1)
        };
        assert_eq!(counts(&[VECTORS, &wrong]), expected, "{wrong}");
    }
}

#[test]
fn without_amask_everything_is_determined() {
    let [read, write] = [READ, WRITE].map(|line| format!("{}\n", &line[..line.len() - 3]));
    assert_eq!(counts(&[VECTORS, &read, &write]), (1, 1));
}

#[test]
fn a_mismatch_says_where_and_what() {
    let wrong = WRITE.replace("pf 3", "pf 1");
    let verdict = check(&[VECTORS, READ, &wrong]).unwrap();
    let [mismatch] = &*verdict.mismatches else {
        panic!("{verdict:?}");
    };
    assert_eq!(
        mismatch.to_string(),
        "line 3, id 8: W 0x4e889f577070 (probe): expected #PF(0x1) at 0x4e889f577070 and \
         102a67,103337,104c0f,4812c761, got #PF(0x3) at 0x4e889f577070 and \
         102a67,103337,104c0f,4812c761"
    );
}

/// SDM vol. 3, 4.4.1: reserved bits of PDPTEs are found when CR3 is loaded.
#[test]
fn pdptes_are_refused_by_mov_to_cr3() {
    let line = "1 5 R 291 0 0 75df9d70 2000000000103211,104c07,850060f gp3 0 - - =,=,= 0 \
                bochs pdpte-load\n";
    assert_eq!(counts(&[PAE, line]), (1, 0));
    let accessed = line.replace("gp3 0 - -", "pf 9 75df9d70 -");
    assert_eq!(counts(&[PAE, &accessed]), (0, 1));
    let present = line.replace("2000000000103211", "103211");
    assert_eq!(counts(&[PAE, &present]), (0, 1));
}

#[test]
fn cr4_pse_counts_in_32_bit_paging() {
    let small = "1 21 R 0 0 0 6f509528 104187,816be27 ok 0 - 816b528 1041a7,= 0\n";
    let large = "2 2 R 200 0 0 6f509528 80001a7 ok 0 - 8109528 = 0\n";
    assert_eq!(counts(&[LEGACY, small, large]), (2, 0));
    let small_with_pse = small.replace("R 0 0", "R 200 0");
    assert_eq!(counts(&[LEGACY, &small_with_pse]), (0, 1));
    // Where CR4.PSE is 0 the entry points to a table, of which nothing is known.
    let large_without = large.replace("R 200", "R 0");
    assert_eq!(counts(&[LEGACY, &large_without]), (0, 1));
}

/// A descriptor whose page the supervisor may read and, with CR0.WP = 1, not write.
fn descriptor(outcome: &str, fin: &str, category: &str) -> String {
    let entries = "102a67,103337,104c2f,4812c701";
    format!("1 11 J 1 0 0 4e889f577070 {entries} {outcome} - {fin} 0 {category}\n")
}

#[test]
fn cr2_of_a_descriptor_s_write_is_model_specific() {
    let fin = "=,=,=,4812c721";
    for byte in 0..8 {
        let line = descriptor(
            &format!("pf 3 4e889f57707{byte}"),
            fin,
            "qemu implicit-write-cr2",
        );
        assert_eq!(counts(&[VECTORS, &line]), (1, 0), "{line}");
    }
    let wrong = [
        ("pf 1 4e889f577074", fin),
        ("pf 23 4e889f577074", fin),
        ("pf 3 4e889f577074", "=,=,=,="),
        ("ok 0 -", fin),
    ];
    for (outcome, fin) in wrong {
        let line = descriptor(outcome, fin, "bochs implicit-write-cr2");
        let line = line.replace("ok 0 - -", "ok 0 - 4812c070");
        assert_eq!(counts(&[VECTORS, &line]), (0, 1), "{line}");
    }
    // In every other category the byte is the one that is written.
    let line = descriptor("pf 3 4e889f577074", fin, "qemu pk-bit");
    assert_eq!(counts(&[VECTORS, &line]), (0, 1));
}

#[test]
fn which_half_of_a_descriptor_s_access_faults_is_model_specific() {
    for outcome in ["pf 3 4e889f577074", "pf 1 4e889f577070"] {
        for fin in ["=,=,=,=", "=,=,=,4812c721"] {
            let line = descriptor(outcome, fin, "- implicit-w-bit");
            assert_eq!(counts(&[VECTORS, &line]), (1, 0), "{line}");
        }
    }
    let wrong = [
        ("pf 5 4e889f577074", "=,=,=,="),
        ("pf 3 4e889f577074", "=,=,=,4812c741"),
        ("gp 0 -", "=,=,=,="),
    ];
    for (outcome, fin) in wrong {
        let line = descriptor(outcome, fin, "- implicit-w-bit");
        assert_eq!(counts(&[VECTORS, &line]), (0, 1), "{line}");
    }
}

#[test]
fn the_header_says_what_the_file_is() {
    for header in [
        "# golden MMU vectors v2 mode=pae32\n",
        "# golden MMU vectors v1 mode=pae\n",
        "# golden MMU TLB sequences v10\n",
        "# golden MMU \n",
    ] {
        assert_eq!(malformed(&[header]), (1, Malformed::Header));
    }
    assert_eq!(counts(&[VECTORS, READ, VECTORS, READ]), (2, 0));
    assert_eq!(
        malformed(&[VECTORS, READ, PAE]),
        (3, Malformed::SecondHeader)
    );
}

#[test]
fn a_line_must_end_and_before_long() {
    let part = &READ[..READ.len() - 3];
    assert_eq!(malformed(&[VECTORS, part]), (2, Malformed::Unended));
    assert_eq!(malformed(&["# golden MMU "]), (1, Malformed::Unended));
    let long = "0".repeat(1 << 20);
    assert_eq!(malformed(&[VECTORS, &long]), (2, Malformed::Long));
    let comment = format!("#{long}\n");
    assert_eq!(malformed(&[VECTORS, &comment]), (2, Malformed::Long));
}

/// Two pages of one table, under two roots.
const TABLES: &str = "R 0 0\nS 101000 102007\nS 102000 103007\nS 103000 104007\n\
                      S 104000 8000007\nS 104008 8001007\n\
                      S 100000 112007\nS 112000 113007\nS 113000 114007\nS 114000 8200007\n";

#[test]
fn both_mmus_answer_for_every_access_and_load() {
    let lines = "A R 0 123 must ok 0 8000123\nL 104000 must 8000027\n";
    assert_eq!(counts(&[SEQUENCES, TABLES, lines]), (4, 0));
    for (right, wrong) in [
        ("ok 0 8000123", "ok 0 8000120"),
        ("ok 0 8000123", "pf 0 -"),
        ("8000027", "8000067"),
    ] {
        let wrong = lines.replace(right, wrong);
        assert_eq!(counts(&[SEQUENCES, TABLES, &wrong]), (2, 2));
    }
}

#[test]
fn a_stale_translation_is_accepted_where_it_may_be_and_nowhere_else() {
    let cached = "A R 0 123 must ok 0 8000123\nS 104000 8002007\n";
    let may = "A R 0 123 may fresh: ok 0 8002123\n";
    assert_eq!(counts(&[SEQUENCES, TABLES, cached, may]), (4, 0));
    let must = "A R 0 123 must ok 0 8002123\n";
    assert_eq!(counts(&[SEQUENCES, TABLES, cached, must]), (2, 2));
    let dropped = "I 0\n";
    assert_eq!(counts(&[SEQUENCES, TABLES, cached, dropped, must]), (4, 0));
    // The fresh walk is checked even where another end is possible.
    let wrong = "A R 0 123 may fresh: ok 0 8003123 q: ok 0 8000123 b: ok 0 8003123\n";
    assert_eq!(counts(&[SEQUENCES, TABLES, cached, wrong]), (2, 2));
}

#[test]
fn an_undetermined_load_may_have_accessed_and_dirty_bits_and_no_others() {
    let lines = "A W 0 123 must ok 0 8000123\nL 104000 may q: 8000007 b: 8000067\n";
    assert_eq!(counts(&[SEQUENCES, TABLES, lines]), (4, 0));
}

#[test]
fn what_a_processor_refuses_is_a_failure() {
    for line in [
        "P 4 0 0\n",
        "P 0 1000 0\n",
        "C 10000000000\n",
        "C 8000000000100000\n",
    ] {
        let verdict = check(&[SEQUENCES, TABLES, line]).unwrap();
        assert_eq!((verdict.passed, verdict.failed), (0, 2), "{line}");
        let text = verdict.mismatches[1].to_string();
        assert!(
            text.starts_with("line 12, sequence 0 (timed MMU): expected no fault"),
            "{text}"
        );
    }
}
