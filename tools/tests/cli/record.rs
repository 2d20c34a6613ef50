//! Traces that are recorded, converted, saved while they are simulated, and made.

use std::{
    fs,
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Files, data, fails, lookaside, run, short_trace, stdout_of};

/// Whether programs can be recorded here. In CI they must.
fn has_valgrind() -> bool {
    let found = Command::new("valgrind").arg("--version").output().is_ok();
    assert!(
        found || std::env::var_os("CI").is_none(),
        "missing: valgrind"
    );
    if !found {
        eprintln!("skipped: valgrind is not installed");
    }
    found
}

/// The report on a trace, without the line that names it.
fn report(trace: &str) -> String {
    let report = stdout_of(lookaside(["sim", trace]));
    report.split_once('\n').unwrap().1.to_owned()
}

#[test]
fn a_converted_trace_gives_the_same_report_and_is_smaller() {
    let files = Files::new();
    for name in ["ls", "sqlite3"] {
        let from = data(&format!("lackey/{name}.lackey.zst"));
        let to = files.name("trace.lkt");
        assert_eq!(
            stdout_of(lookaside(["record", "-o", &to, "--from", &from])),
            ""
        );
        assert_eq!(report(&to), report(&from));
        let [small, large] = [&to, &from].map(|path| fs::metadata(path).unwrap().len());
        assert!(small < large, "{small} of {large}");
    }
    assert_eq!(files.names(), ["trace.lkt"]);
}

#[test]
fn standard_input_is_converted_to_standard_output() {
    let files = Files::new();
    let plain = files.write("plain", short_trace());
    let mut command = lookaside(["record", "--from", "-", "-o", "-"]);
    command.write_stdin(short_trace());
    let output = command.output().unwrap();
    assert!(output.status.success());
    let trace = files.write("trace.lkt", output.stdout);
    assert_eq!(report(&trace), report(&plain));
}

#[test]
fn a_trace_is_saved_while_it_is_simulated() {
    let files = Files::new();
    let plain = files.write("plain", short_trace());
    let saved = files.name("saved.lkt");
    let text = stdout_of(lookaside(["sim", &plain, "--save-trace", &saved]));
    assert_eq!(text.split_once('\n').unwrap().1, report(&saved));
    assert_eq!(files.names(), ["plain", "saved.lkt"]);
}

#[test]
fn a_bad_trace_leaves_no_file() {
    let files = Files::new();
    let bad = files.write("bad", short_trace() + "nonsense\n");
    let to = files.name("trace.lkt");
    let convert = ["record", "-o", &to, "--from", &bad];
    fails(lookaside(convert), 2, &["line 1203", "nonsense"]);
    let save = ["sim", &bad, "--save-trace", &to];
    fails(lookaside(save), 2, &["line 1203", "nonsense"]);
    assert_eq!(files.names(), ["bad"]);
}

#[test]
fn an_input_is_not_replaced() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let convert = ["record", "-o", &trace, "--from", &trace];
    fails(lookaside(convert), 2, &[&trace, "is an input"]);
    let save = ["sim", &trace, "--save-trace", &trace];
    fails(lookaside(save), 2, &[&trace, "is an input"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failed_run() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    for command in [
        ["record", "-o", "/dev/full", "--from", &trace],
        ["sim", &trace, "--save-trace", "/dev/full", "--pages=4k"],
    ] {
        fails(lookaside(command), 1, &["/dev/full", "no space left"]);
    }
}

#[test]
fn a_damaged_trace_is_told_with_the_record_and_the_byte() {
    let files = Files::new();
    let plain = files.write("plain", short_trace());
    let trace = files.name("trace.lkt");
    stdout_of(lookaside(["record", "-o", &trace, "--from", &plain]));
    let whole = fs::read(&trace).unwrap();
    let cut = files.write("cut.lkt", &whole[..whole.len() / 2]);
    fails(
        lookaside(["sim", &cut]),
        2,
        &[&cut, "record 1 (byte", "truncated"],
    );
    let mut later = whole;
    later[8] = 9;
    let later = files.write("later.lkt", later);
    fails(
        lookaside(["sim", &later]),
        2,
        &[&later, "byte 8", "version 9"],
    );
}

#[test]
fn bad_usage_of_record_exits_with_2() {
    let usages: [&[&str]; 5] = [
        &[],
        &["-o", "trace.lkt"],
        &["--from", "trace"],
        &["--from", "trace", "-o", "trace.lkt", "--", "ls"],
        &["-o", "-", "--", "ls"],
    ];
    for usage in usages {
        let mut command = lookaside(["record"]);
        command.args(usage);
        let ended = run(command);
        assert_eq!(ended.code, Some(2), "{usage:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty() && ended.stdout.is_empty());
    }
}

#[test]
fn missing_valgrind_is_told() {
    let files = Files::new();
    let mut command = lookaside(["record", "--", "/bin/true"]);
    command.env("PATH", files.path()).current_dir(files.path());
    fails(command, 2, &["cannot find valgrind", "install it"]);
    assert_eq!(files.names(), Vec::<String>::new());
}

#[test]
fn a_program_is_recorded_with_its_output_and_exit_status_its_own() {
    if !has_valgrind() {
        return;
    }
    let files = Files::new();
    let script = "read line; echo \"out $line\"; echo err >&2; exit 7";
    let mut command = lookaside(["record", "--", "/bin/sh", "-c", script]);
    command.current_dir(files.path()).write_stdin("in\n");
    let ended = run(command);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert_eq!((&*ended.stdout, &*ended.stderr), ("out in\n", "err\n"));
    assert_eq!(files.names(), ["sh.lkt"]);
    let text = stdout_of(lookaside(["sim", &files.name("sh.lkt")]));
    assert!(text.contains("Page walks"), "{text}");
}

#[test]
fn a_signal_that_ends_the_program_is_told_as_by_a_shell() {
    if !has_valgrind() {
        return;
    }
    let files = Files::new();
    let trace = files.name("trace.lkt");
    let script = "kill -TERM $$";
    let command = lookaside(["record", "-o", &trace, "--", "/bin/sh", "-c", script]);
    assert_eq!(run(command).code, Some(128 + 15));
    assert_eq!(files.names(), ["trace.lkt"]);
}

#[test]
fn a_program_that_is_not_there_leaves_no_file() {
    if !has_valgrind() {
        return;
    }
    let files = Files::new();
    let trace = files.name("trace.lkt");
    let command = lookaside(["record", "-o", &trace, "--", "/no/such/program"]);
    fails(command, 1, &["/no/such/program", "nothing was recorded"]);
    assert_eq!(files.names(), Vec::<String>::new());
}

/// Waits for the end of a child, and not for ever.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not end");
        thread::sleep(Duration::from_millis(5));
    }
    let mut message = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut message).unwrap();
    (child.wait().unwrap().code(), message)
}

#[cfg(target_os = "linux")]
fn interrupted_leaves_nothing(files: &Files, child: Child) {
    let start = Instant::now();
    while files.names().is_empty() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it does not begin"
        );
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(100));
    let kill = format!("kill -INT {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
    let (code, message) = ended(child);
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("interrupted"), "{message}");
    assert!(message.contains("nothing was written"), "{message}");
    assert_eq!(files.names(), Vec::<String>::new());
}

/// One program that waits and one that works.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_recording_leaves_no_file() {
    if !has_valgrind() {
        return;
    }
    for script in ["read line", "while :; do :; done"] {
        let files = Files::new();
        let trace = files.name("trace.lkt");
        let child = Command::new(env!("CARGO_BIN_EXE_lookaside"))
            .args(["record", "-o", &trace, "--", "/bin/sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        interrupted_leaves_nothing(&files, child);
    }
}

/// It waits for input when Ctrl-C comes, and cannot clean up by itself.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_run_leaves_no_saved_trace() {
    for subcommand in [["sim", "-", "--save-trace"], ["record", "--from=-", "-o"]] {
        let files = Files::new();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lookaside"))
            .args(subcommand)
            .arg(files.name("trace.lkt"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Kept open, and enough for the format to be seen.
        let mut input = child.stdin.take().unwrap();
        let text = short_trace().repeat(10);
        let feeder = thread::spawn(move || {
            use std::io::Write;
            let _ = input.write_all(text.as_bytes());
            input
        });
        interrupted_leaves_nothing(&files, child);
        drop(feeder.join().unwrap());
    }
}

#[test]
fn a_pattern_is_simulated_like_a_trace() {
    let pattern = ["sim", "--pattern", "chase:1MiB", "--accesses", "100000"];
    let text = stdout_of(lookaside(pattern));
    assert!(text.contains("chase:1MiB:64, "), "{text}");
    assert_eq!(text, stdout_of(lookaside(pattern)));
    let files = Files::new();
    let saved = files.name("saved.lkt");
    let mut command = lookaside(pattern);
    command.args(["--seed", "7", "--pages", "1g", "--save-trace", &saved]);
    let seventh = stdout_of(command);
    assert!(seventh.contains("seed 7"), "{seventh}");
    let back = stdout_of(lookaside(["sim", &saved, "--pages", "1g"]));
    let without_name = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(without_name(&seventh), without_name(&back));
}

#[test]
fn a_bad_pattern_is_refused_with_the_reason() {
    for (arguments, reason) in [
        (&["--pattern", "seq:0"][..], "less than the 8 bytes"),
        (&["--pattern", "seq:4KiB:0"], "stride of 0"),
        (&["--pattern", "walk:4KiB"], "known: chase:SIZE"),
        (&["--pattern", "seq:4KiB", "--accesses", "0"], "--accesses"),
        (&["--pattern", "seq:4KiB", "trace"], "cannot be used with"),
        (&["--accesses", "5"], "--pattern"),
        (&["--seed", "5"], "--pattern"),
    ] {
        let mut command = lookaside(["sim"]);
        command.args(arguments);
        fails(command, 2, &[reason]);
    }
}
