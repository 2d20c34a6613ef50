//! Output files appear whole or not at all.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::{Ended, Files, fails, lookaside, run, short_trace};

/// Runs `sim` on a short trace with its JSON to this path.
fn sim_to(files: &Files, json: &str) -> Ended {
    let trace = files.write("trace", short_trace());
    run(lookaside(["sim", &trace, "--json", json]))
}

fn assert_failed(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    for word in words {
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failed_run() {
    let ended = sim_to(&Files::new(), "/dev/full");
    assert_failed(&ended, &["/dev/full", "no space left"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output_is_a_failed_run() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lookaside"));
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = command.args(["sim", &trace]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("standard output"), "{message}");
}

#[test]
fn a_missing_directory_is_named() {
    let files = Files::new();
    let json = files.name("missing/report.json");
    assert_failed(&sim_to(&files, &json), &[&json, "no such directory"]);
    assert_eq!(files.names(), ["trace"]);
}

#[test]
fn a_directory_is_not_a_place_for_json() {
    let files = Files::new();
    let directory = files.name("directory");
    fs::create_dir(&directory).unwrap();
    assert_failed(&sim_to(&files, &directory), &[&directory, "is a directory"]);
    assert_eq!(files.names(), ["directory", "trace"]);
}

/// In /sys nobody makes files, not even root; elsewhere only root could.
#[cfg(target_os = "linux")]
#[test]
fn a_place_that_may_not_be_written_is_named() {
    let json = "/sys/report.json";
    assert_failed(&sim_to(&Files::new(), json), &[json]);
    let files = Files::new();
    let closed = files.name("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let is_root = fs::write(files.name("closed/probe"), "").is_ok();
    if !is_root {
        let json = files.name("closed/report.json");
        assert_failed(&sim_to(&files, &json), &[&json, "permission"]);
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_failed_run_leaves_an_older_result_as_it_was() {
    let files = Files::new();
    let trace = files.write("bad", short_trace() + "nonsense\n");
    let json = files.write("report.json", "older");
    fails(
        lookaside(["sim", &trace, "--json", &json]),
        2,
        &["nonsense"],
    );
    assert_eq!(fs::read_to_string(&json).unwrap(), "older");
    assert_eq!(files.names(), ["bad", "report.json"]);
}

#[test]
fn a_new_result_replaces_an_older_one() {
    let files = Files::new();
    let json = files.write("report.json", "x".repeat(1 << 20));
    assert_eq!(sim_to(&files, &json).code, Some(0));
    let written = fs::read(&json).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
    assert_eq!(files.names(), ["report.json", "trace"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_message_that_nobody_can_read_is_no_panic() {
    let files = Files::new();
    let image = files.write("image.raw", vec![0; 4096]);
    let runs: [(&[&str], i32); 3] = [
        (&["sim", "--cpu", "itanium"], 2),
        (&["sim", "missing"], 2),
        (&["maps", &image, "--cr3", "0"], 0),
    ];
    for (arguments, code) in runs {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lookaside"));
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let status = command.args(arguments).stderr(full).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_place_is_judged_before_the_run() {
    let files = Files::new();
    let trace = files.write("bad", "nonsense\n");
    let json = files.name("missing/report.json");
    let ended = run(lookaside(["sim", &trace, "--json", &json]));
    assert_failed(&ended, &[&json, "no such directory"]);
}

#[test]
fn an_input_is_not_replaced_by_the_result() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    std::os::unix::fs::symlink(&trace, files.name("link")).unwrap();
    for json in ["trace", "link"] {
        let json = files.name(json);
        fails(lookaside(["sim", &trace, "--json", &json]), 2, &["input"]);
    }
    fails(lookaside(["maps", &trace, "--json", &trace]), 2, &["input"]);
    fails(
        lookaside(["conform", &trace, "--json", &trace]),
        2,
        &["input"],
    );
    assert_eq!(fs::read_to_string(&trace).unwrap(), short_trace());
}

/// Whatever the place is called.
#[test]
fn two_outputs_are_not_written_to_one_place() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let old = files.write("old", "older");
    std::os::unix::fs::symlink(&old, files.name("link")).unwrap();
    let new = files.name("new");
    let same_new = format!("{}/./new", files.path().display());
    for (json, saved) in [
        (&*new, &*new),
        (&new, &same_new),
        (&old, &files.name("link")),
        ("-", "/dev/stdout"),
        ("/dev/null", "/dev/null"),
    ] {
        let command = lookaside(["sim", &trace, "--json", json, "--save-trace", saved]);
        let words = [saved, "--json and --save-trace would both be written to it"];
        fails(command, 2, &words);
    }
    let range = [
        "sim",
        "--pattern",
        "seq:4KiB..4KiB",
        "--svg",
        &new,
        "--csv",
        &new,
    ];
    fails(lookaside(range), 2, &["--svg and --csv"]);
    assert_eq!(files.names(), ["link", "old", "trace"]);
    assert_eq!(fs::read_to_string(&old).unwrap(), "older");
}

#[test]
fn no_output_is_written_over_any_input() {
    let files = Files::new();
    let one = files.write("one", short_trace());
    let two = files.write("two", short_trace());
    fails(
        lookaside(["sim", &one, &two, "--json", &two]),
        2,
        &[&two, "--json would replace"],
    );
    let saved = lookaside(["sim", &one, "--save-trace", &one]);
    fails(saved, 2, &["--save-trace would replace"]);
    let preset = crate::support::stdout_of(lookaside(["cpus", "zen4"]));
    let cpu = files.write("mine.toml", preset);
    let range = [
        "sim",
        "--cpu",
        &cpu,
        "--pattern",
        "seq:4KiB..4KiB",
        "--svg",
        &cpu,
    ];
    fails(lookaside(range), 2, &["--svg would replace"]);
}

#[test]
fn a_trace_on_standard_output_is_all_that_is_there() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let saved = files.name("saved.lkt");
    crate::support::stdout_of(lookaside(["sim", &trace, "--save-trace", &saved]));
    let output = lookaside(["sim", &trace, "--save-trace", "-"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == fs::read(&saved).unwrap());
}

#[test]
fn several_traces_are_not_saved_as_one() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let saved = files.name("saved.lkt");
    let words = ["--save-trace writes one trace", "each of the 2 traces"];
    fails(
        lookaside(["sim", &trace, &trace, "--save-trace", &saved]),
        2,
        &words,
    );
    assert_eq!(files.names(), ["trace"]);
}
