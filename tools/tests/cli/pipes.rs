//! Standard input and output as pipes.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use crate::support::{Files, data, fails, gzip, lookaside, short_trace, stdout_of, xz, zstd};

#[test]
fn standard_input_is_read_plain_and_compressed() {
    let files = Files::new();
    let plain = short_trace();
    let named = files.write("trace", &plain);
    // The reports differ in the trace's name alone.
    let without_name = |report: String| report.split_once('\n').unwrap().1.to_owned();
    let expected = without_name(stdout_of(lookaside(["sim", &named])));
    let inputs = [
        plain.clone().into_bytes(),
        zstd(plain.as_bytes()),
        xz(plain.as_bytes()),
        gzip(plain.as_bytes()),
    ];
    for input in inputs {
        let mut command = lookaside(["sim", "-"]);
        command.write_stdin(input);
        let report = stdout_of(command);
        assert!(report.contains("standard input"), "{report}");
        assert_eq!(without_name(report), expected);
    }
}

#[test]
fn bad_standard_input_is_named_so() {
    let mut command = lookaside(["sim", "-"]);
    command.write_stdin(short_trace() + "nonsense\n");
    fails(command, 2, &["standard input, line", "nonsense"]);
    let mut command = lookaside(["sim", "-"]);
    command.write_stdin("");
    fails(command, 2, &["standard input"]);
}

fn spawn(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a command whose output nobody reads any more: it ends by itself and in silence.
fn ends_quietly(mut child: Child) {
    let mut message = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut message)
        .unwrap();
    let code = child.wait().unwrap().code();
    assert!(!message.contains("panicked"), "{message}");
    assert!(!message.contains("error"), "{message}");
    assert!(matches!(code, Some(0 | 1)), "{code:?}");
}

/// More is printed than a pipe holds.
#[test]
fn a_reader_that_has_seen_enough_ends_the_command() {
    let image = data("page-tables/l4-nokaslr/pt-only.raw.zst");
    let cr3 = "0x5616000";
    let mut child = spawn(&["maps", &image, "--format", "info-tlb", "--cr3", cr3]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.contains(": "), "{line}");
    drop(output);
    ends_quietly(child);
}

/// Neither is JSON a message, nor a picture.
#[test]
fn nor_is_a_reader_of_other_results_told_anything() {
    let range = [
        "sim",
        "--pattern",
        "seq:4KiB..4KiB",
        "--accesses",
        "1",
        "--svg",
        "-",
    ];
    for arguments in [&["sim", "--json", "-"][..], &range] {
        let mut child = spawn(arguments);
        drop(child.stdout.take());
        ends_quietly(child);
    }
}

#[test]
fn standard_input_is_one_trace() {
    let mut command = lookaside(["sim", "-", "-"]);
    command.write_stdin(short_trace());
    fails(command, 2, &["standard input", "only once"]);
}

#[test]
fn a_reader_that_is_gone_before_the_report_is_no_panic() {
    for arguments in [
        &["sim"][..],
        &["sim", "--json", "-"],
        &["cpus"],
        &["cpus", "zen4"],
    ] {
        let mut child = spawn(arguments);
        drop(child.stdout.take());
        let mut message = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut message)
            .unwrap();
        assert!(!message.contains("panicked"), "{message}");
        let code = child.wait().unwrap().code();
        assert!(
            matches!(code, Some(0 | 1)),
            "{arguments:?}: {code:?}, {message}"
        );
    }
}
