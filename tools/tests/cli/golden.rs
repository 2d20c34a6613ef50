//! `conform` on MMU vectors and TLB sequences.

use crate::support::{Files, data, fails, lookaside, run, stdout_of, xz, zstd};

const HEADER: &str = "# golden MMU vectors v1 mode=64bit-4level\n";
const READ: &str =
    "7 1 R 1 0 0 4e889f577070 102a67,103337,104c0f,4812c763 ok 0 - 4812c070 =,=,104c2f,= 0\n";
const SEQUENCES: &str = "# golden MMU TLB sequences v1\nR 0 0\n";

#[test]
fn files_are_told_apart_by_what_they_say() {
    let vectors = data("golden/pae32.txt.xz");
    let sequences = data("golden/tlbseq-pcid.txt.xz");
    let printed = stdout_of(lookaside(["conform", &vectors, &sequences]));
    let expected = format!(
        "{vectors}: 7105 passed, 0 failed\n{sequences}: 50802 passed, 0 failed\n\
         57907 passed, 0 failed\n"
    );
    assert_eq!(printed, expected);
}

#[test]
fn a_file_may_be_compressed_or_standard_input() {
    let files = Files::new();
    let text = [HEADER, READ].concat();
    let plain = files.write("plain", &text);
    let zst = files.write("packed", zstd(text.as_bytes()));
    let mut command = lookaside(["conform", &plain, &zst, "-"]);
    command.write_stdin(xz(text.as_bytes()));
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().last(), Some("3 passed, 0 failed"));
    let stdin = "standard input: 1 passed, 0 failed";
    assert_eq!(ended.stdout.lines().nth(2), Some(stdin));
}

#[test]
fn a_line_that_fails_is_told_and_exits_with_1() {
    let files = Files::new();
    let wrong = READ.replace("7 1 R", "15 1 R").replace("070 =", "078 =");
    let vectors = files.write("vectors", [HEADER, READ, &wrong].concat());
    let access = "A R 0 1000 must ok 0 8000000\n";
    let sequences = files.write("sequences", [SEQUENCES, access].concat());
    let ended = run(lookaside(["conform", &vectors, &sequences]));
    assert_eq!(ended.code, Some(1));
    let lines: Vec<_> = ended.stdout.lines().collect();
    let [vectors_line, vector, sequences_line, functional, timed, sum] = *lines else {
        panic!("{lines:?}");
    };
    assert_eq!(vectors_line, format!("{vectors}: 1 passed, 1 failed"));
    let start = "  line 3, id 15: R 0x4e889f577070 (probe): expected 0x4812c078 and ";
    assert!(vector.starts_with(start), "{vector}");
    assert!(vector.contains(", got 0x4812c070 and "), "{vector}");
    assert_eq!(sequences_line, format!("{sequences}: 0 passed, 2 failed"));
    let start =
        "  line 3, sequence 0 (functional MMU): expected 0x8000000 of a probe, got #PF(0x0)";
    assert!(functional.starts_with(start), "{functional}");
    assert!(timed.contains("(timed MMU)"), "{timed}");
    assert_eq!(sum, "1 passed, 3 failed");
}

#[test]
fn the_json_tells_the_mismatches() {
    let files = Files::new();
    let wrong = READ.replace("ok 0 - 4812c070", "pf 0 4e889f577070 -");
    let vectors = files.write("vectors", [HEADER, READ, &wrong].concat());
    let ended = run(lookaside(["conform", &vectors, "--json", "-"]));
    assert_eq!(ended.code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &1.into()));
    let mismatch = json["files"][0]["mismatches"][0].as_str().unwrap();
    assert!(mismatch.starts_with("line 3, id 7: "), "{mismatch}");
}

#[test]
fn a_bad_line_is_an_error_with_its_number_and_what_was_expected() {
    let cases = [
        (
            READ.replace("R 1", "Z 1"),
            "the access: expected R, W, X, I or J",
        ),
        (
            READ.replace("= 0", "= 0 qemu spurious"),
            "category: expected one of the ten",
        ),
        (
            READ.replace("= 0", "= 0 qemu"),
            "15 fields where 13, 14 or 16 are expected",
        ),
        (
            READ.replace("4e88", "11111111111114e88"),
            "va: the number has more than 64 bits",
        ),
        (
            READ.replace("104c0f", "104C0F"),
            "ent: expected lower-case hexadecimal digits",
        ),
        (
            READ.replace('\n', ""),
            "truncated: the file ends within this line",
        ),
        ("\u{1b}[2J\n".into(), "1 fields where"),
    ];
    for (line, reason) in cases {
        let files = Files::new();
        let vectors = files.write("vectors", [HEADER, READ, &line].concat());
        let ended = fails(
            lookaside(["conform", &vectors]),
            2,
            &["vectors, line 3", reason],
        );
        assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    }
    let files = Files::new();
    let sequences = files.write("sequences", [SEQUENCES, "S 101000\n"].concat());
    let words = ["sequences, line 3", "2 fields where 3 are expected"];
    fails(lookaside(["conform", &sequences]), 2, &words);
}

#[test]
fn a_truncated_archive_is_an_error() {
    let files = Files::new();
    let mut bytes = std::fs::read(data("golden/pae32.txt.xz")).unwrap();
    bytes.truncate(bytes.len() / 2);
    let vectors = files.write("half.xz", bytes);
    let words = ["half.xz", "truncated xz file"];
    fails(lookaside(["conform", &vectors]), 2, &words);
}

#[test]
fn an_unknown_version_or_mode_is_an_error() {
    for (known, unknown) in [("v1", "v2"), ("64bit-4level", "64bit-6level")] {
        let files = Files::new();
        let vectors = files.write("vectors", HEADER.replace(known, unknown));
        let words = ["vectors, line 1", "legacy32", unknown];
        fails(lookaside(["conform", &vectors]), 2, &words);
    }
}
