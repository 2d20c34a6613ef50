//! `conform` on transcripts of Windows' virtual-memory API.

use crate::support::{Files, data, fails, lookaside, run, stdout_of, xz};

const HEADER: &str = "# vmgold 1 seed=0 profile=private arena=200000 files=F0:2a345,F1:40000\n";
const RESERVE: &str = "0 ALLOC a=A+1000 n=1000 t=2000 p=1 => r=A+0 | {A+0 2000 R 0 A+0 1 P} ;E\n";
const READ: &str = "1 READ a=A+0 w=4 => x=c0000005 k=0 a=A+0 ;E\n";
const SOFT: &str = "2 READ a=A+0 w=4 => v=? ;S W12\n";
const END: &str = "# end ops=4\n";

#[test]
fn a_transcript_is_told_by_what_it_says() {
    let sample = data("winapi/seed00-private.gold.xz");
    let files = Files::new();
    let short = files.write("short", [HEADER, RESERVE, READ, SOFT, END].concat());
    let printed = stdout_of(lookaside(["conform", &sample, &short]));
    let expected = format!(
        "{sample}: 597 passed, 0 failed, 12 soft\n{short}: 2 passed, 0 failed, 1 soft\n\
         599 passed, 0 failed, 13 soft\n"
    );
    assert_eq!(printed, expected);
}

/// The same lines pass where pages leave memory before each call.
#[test]
fn a_transcript_comes_to_the_same_where_pages_leave_memory() {
    let sample = data("winapi/seed05-mixed.gold.xz");
    let kept = stdout_of(lookaside(["conform", &sample]));
    let paged = stdout_of(lookaside(["conform", &sample, "--page-out"]));
    assert_eq!(paged, kept);
}

#[test]
fn standard_input_may_be_a_transcript() {
    let mut command = lookaside(["conform", "-"]);
    command.write_stdin(xz([HEADER, RESERVE, READ, END].concat().as_bytes()));
    let printed = stdout_of(command);
    let line = "standard input: 2 passed, 0 failed\n";
    assert!(printed.starts_with(line), "{printed}");
}

#[test]
fn a_line_that_disagrees_is_told_as_the_transcript_has_it() {
    let files = Files::new();
    let wrong = RESERVE.replace("r=A+0", "r=A+1000").replace("R 0", "R 4");
    let stray = "2 QUERY a=N3+0 => r=0 e=87 ;O W1 wine:e=5\n";
    let transcript = files.write("wrong", [HEADER, &wrong, READ, stray, END].concat());
    let ended = run(lookaside(["conform", &transcript, "--json", "-"]));
    assert_eq!(ended.code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &2.into()));
    assert_eq!(json["soft"], 0);
    let mismatches = [
        "line 2: 0 ALLOC a=A+1000 n=1000 t=2000 p=1 (E): \
         expected r=A+1000 | {A+0 2000 R 4 A+0 1 P}, got r=A+0 | {A+0 2000 R 0 A+0 1 P}",
        "line 4: 2 QUERY a=N3+0 (O W1 wine:e=5): \
         expected r=0 e=87, got nothing: N3 names no region",
    ];
    assert_eq!(
        json["files"][0]["mismatches"],
        serde_json::json!(mismatches)
    );
}

/// The message of a file with these lines.
fn refused(lines: &[&str], words: &[&str]) {
    let files = Files::new();
    let transcript = files.write("transcript", [&[HEADER], lines].concat().concat());
    let ended = fails(lookaside(["conform", &transcript]), 2, words);
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
}

#[test]
fn a_bad_line_is_an_error_with_line_and_column() {
    let cases = [
        (
            "0 ALLOC a=Q n=1 t=2000 p=1 => r=0 e=87 ;E\n",
            "transcript, line 3: column 11: expected an address",
        ),
        (
            "1 FROB a=A+0\n",
            "transcript, line 3: column 3: expected ALLOC, FREE,",
        ),
        (
            "2 CLOSE H0 => r=1\n",
            "transcript, line 3: column 18: expected ;",
        ),
        (
            "2 CLOSE H0 => r=1 ;\u{1b}[2J\n",
            "transcript, line 3: column 20: expected E, O, D or S",
        ),
        ("2 CLOSE H0", "truncated: the file ends within this line"),
        (
            RESERVE,
            "transcript, line 3: expected a number greater than",
        ),
        (HEADER, "transcript, line 3: a second header"),
    ];
    for (line, reason) in cases {
        refused(&[RESERVE, line], &[reason]);
    }
}

#[test]
fn a_transcript_without_its_end_is_an_error() {
    let words = "transcript, line 3: truncated: the file ends here, before `# end ops=COUNT`";
    refused(&[RESERVE, READ], &[words]);
    let words = "transcript, line 4: expected `# end` to count no fewer than there were";
    refused(&[RESERVE, READ, "# end ops=1\n"], &[words]);
    let words = "transcript, line 4: expected nothing after `# end`";
    refused(&[RESERVE, END, READ], &[words]);
}

#[test]
fn a_truncated_archive_is_an_error() {
    let files = Files::new();
    let mut bytes = std::fs::read(data("winapi/seed00-private.gold.xz")).unwrap();
    bytes.truncate(bytes.len() / 2);
    let transcript = files.write("half.xz", bytes);
    let words = ["half.xz", "truncated xz file"];
    fails(lookaside(["conform", &transcript]), 2, &words);
}

#[test]
fn an_unknown_version_is_an_error() {
    let files = Files::new();
    let transcript = files.write("transcript", HEADER.replace("vmgold 1", "vmgold 2"));
    let words = ["transcript, line 1", "`# vmgold 1 seed=...`", "vmgold 2"];
    fails(lookaside(["conform", &transcript]), 2, &words);
}
