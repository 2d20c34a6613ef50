//! `sim --baseline --fail-if`: a run against an earlier one.

use serde_json::{Value, json};

use crate::support::{Files, fails, lookaside, run, short_trace, stdout_of};

/// A short trace and the report of it.
fn recorded(files: &Files) -> (String, String) {
    let trace = files.write("trace", short_trace());
    let old = files.name("old.json");
    stdout_of(lookaside(["sim", &trace, "--json", &old]));
    (trace, old)
}

/// Changes a report that was written before.
fn change(path: &str, change: impl FnOnce(&mut Value)) {
    let mut report: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut report);
    std::fs::write(path, report.to_string()).unwrap();
}

#[test]
fn a_run_that_changed_nothing_passes() {
    let files = Files::new();
    let (trace, old) = recorded(&files);
    let command = lookaside([
        "sim",
        &trace,
        "--baseline",
        &old,
        "--fail-if",
        "translation_cycles > +0%",
        "--fail-if",
        "cycles.total < -0",
        "--fail-if",
        "events.dtlb_load_misses.walk_completed > +0",
        "--fail-if",
        "walks.served.PTE.memory >= 1000000",
    ]);
    let ended = run(command);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let verdict = ended.stdout.split_once("Fail if").unwrap().1;
    assert_eq!(verdict.matches(" ok\n").count(), 4, "{verdict}");
    for line in ended.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn every_violated_rule_is_told() {
    let files = Files::new();
    let (trace, old) = recorded(&files);
    change(&old, |report| {
        report["cycles"]["total"] = json!(1000);
        report["walks"]["references"] = json!(0);
    });
    let command = lookaside([
        "sim",
        &trace,
        "--baseline",
        &old,
        "--fail-if",
        "total_cycles > +1%",
        "--fail-if",
        "page_faults > 6",
        "--fail-if",
        "walk_references > +1%",
        "--fail-if",
        "page_faults >= 6",
        "--json",
        "-",
    ]);
    let ended = run(command);
    assert_eq!(ended.code, Some(1));
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let told: Vec<_> = ended.stderr.lines().collect();
    let [total, references, faults] = told[..] else {
        panic!("{told:?}")
    };
    let cycles = report["cycles"]["total"].as_u64().unwrap();
    let start = format!(
        "error: failed: total_cycles > +1%: was 1000, is {cycles}, +{}",
        cycles - 1000
    );
    assert!(total.starts_with(&start), "{total}");
    assert!(
        references.contains("was 0") && references.contains("(from 0)"),
        "{references}"
    );
    assert_eq!(
        faults,
        "error: failed: page_faults >= 6: was 6, is 6, +0 (same)"
    );
}

#[test]
fn a_baseline_of_another_run_is_refused_with_what_differs() {
    let files = Files::new();
    let (trace, old) = recorded(&files);
    let rule = "walks > +1%";
    let judged = |arguments: &[&str]| {
        let mut command = lookaside(["sim", &trace, "--baseline", &old, "--fail-if", rule]);
        command.args(arguments);
        command
    };
    let cpu = "machine.cpu is \"golden-cove\" there, \"zen4\" here";
    fails(judged(&["--cpu", "zen4"]), 2, &[&old, cpu]);
    let pages = "machine.pages is \"4k\" there, \"2m\" here";
    fails(judged(&["--pages", "2m"]), 2, &[pages]);
    fails(
        judged(&["--ram", "1GiB"]),
        2,
        &["machine.ram_bytes is 17179869184 there, 1073741824 here"],
    );
    let both = judged(&["--ram", "1GiB", "--cpu", "zen4"]);
    fails(both, 2, &["machine.cpu", "machine.ram_bytes"]);
    change(&old, |report| report["trace"]["records"] = json!(7));
    fails(judged(&[]), 2, &["trace.records is 7 there, 1200 here"]);
    change(&old, |report| report["lookaside"] = json!("0.0.1"));
    fails(judged(&[]), 2, &["lookaside is \"0.0.1\" there"]);
}

/// Whatever changes a number changes what it is compared with.
#[test]
fn a_baseline_of_any_other_setting_is_refused() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let old = files.name("old.json");
    let traces = ["sim", &trace, &trace];
    let mut first = lookaside(traces);
    stdout_of({
        first.args(["--json", &old]);
        first
    });
    for (options, difference) in [
        (
            &["--processors", "2"][..],
            "machine.processors is 1 there, 2 here",
        ),
        (
            &["--processors", "2"],
            "machine.programs.1.processor is 0 there, 1 here",
        ),
        (
            &["--threads"],
            "machine.programs.1.process is 1 there, 0 here",
        ),
        (
            &["--quantum", "7"],
            "machine.quantum is 3000000 there, 7 here",
        ),
        (
            &["--pcids", "on"],
            "machine.pcids is \"off\" there, \"on\" here",
        ),
        (&["--window", "2"], "machine.window is 1 there, 2 here"),
        (&[&trace], "machine.programs.2 is missing there"),
    ] {
        let mut judged = lookaside(traces);
        let judge = ["--baseline", &old, "--fail-if", "walks > +1%"];
        judged.args(options).args(judge);
        fails(judged, 2, &["a report of another run", difference]);
    }
}

#[test]
fn a_baseline_of_another_pattern_is_refused() {
    let files = Files::new();
    let old = files.name("old.json");
    let made = [
        "sim",
        "--pattern",
        "chase:64KiB",
        "--accesses",
        "100",
        "--json",
        &old,
    ];
    stdout_of(lookaside(made));
    for (pattern, accesses, seed, difference) in [
        (
            "chase:64KiB:128",
            "100",
            "1",
            "text is \"chase:64KiB:64\" there",
        ),
        ("chase:64KiB", "101", "1", "accesses is 100 there, 101 here"),
        ("chase:64KiB", "100", "2", "seed is 1 there, 2 here"),
    ] {
        let run = [
            "sim",
            "--pattern",
            pattern,
            "--accesses",
            accesses,
            "--seed",
            seed,
        ];
        let mut judged = lookaside(run);
        judged.args(["--baseline", &old, "--fail-if", "walks > +1%"]);
        fails(judged, 2, &["machine.programs.0.pattern.", difference]);
    }
}

/// A file may keep its name while its numbers change; its place says nothing.
#[test]
fn a_processor_is_the_same_if_its_numbers_are() {
    let files = Files::new();
    let mine = |latency: u32| {
        format!(
            "extends = \"golden-cove\"\nname = \"mine\"\ntitle = \"Mine\"\n[caches.l1d]\nlatency = {latency}\n"
        )
    };
    let cpu = files.write("mine.toml", mine(4));
    let (trace, old) = (files.write("trace", short_trace()), files.name("old.json"));
    let text = stdout_of(lookaside(["sim", &trace, "--cpu", &cpu, "--json", &old]));
    assert!(
        text.contains("golden-cove but for caches.l1d.latency = 4"),
        "{text}"
    );
    let moved = files.write("moved.toml", mine(4) + "# Nothing new.\n");
    let judged = |cpu| {
        let run = ["sim", &trace, "--cpu", cpu, "--baseline", &old];
        let mut judged = lookaside(run);
        judged.args(["--fail-if", "walks > +0"]);
        judged
    };
    stdout_of(judged(&moved));
    files.write("mine.toml", mine(6));
    let differences = [
        "machine.overrides.caches.l1d.latency is \"4\" there, \"6\" here",
        "machine.cpu_checksum is ",
    ];
    fails(judged(&cpu), 2, &differences);
}

/// The same records may be in a file of another name.
#[test]
fn another_name_of_the_trace_is_only_told() {
    let files = Files::new();
    let (_, old) = recorded(&files);
    let copy = files.write("copy", short_trace());
    let command = lookaside(["sim", &copy, "--baseline", &old, "--fail-if", "walks > +0"]);
    let ended = run(command);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .stderr
            .starts_with("warning: the trace of the baseline has another name")
    );
}

#[test]
fn an_unknown_metric_gets_advice_before_the_run() {
    let files = Files::new();
    let (trace, old) = recorded(&files);
    for (rule, words) in [
        ("cycles.totl > +1%", "did you mean cycles.total"),
        ("total_cycle > +1%", "did you mean total_cycles"),
        ("cycles > +1%", "\"cycles\" is no number"),
        ("machine.cpu > 1", "it is text"),
        ("qqq > 1", "paths in the JSON"),
    ] {
        let command = lookaside(["sim", &trace, "--baseline", &old, "--fail-if", rule]);
        fails(command, 2, &[rule, words]);
    }
}

#[test]
fn bad_rules_and_baselines_are_refused() {
    let files = Files::new();
    let (trace, old) = recorded(&files);
    for (rule, words) in [
        ("walks", "expected METRIC"),
        ("walks = 1", "expected METRIC"),
        ("> 1", "what is compared is missing"),
        ("walks > one", "\"one\" is no number"),
        ("walks > +1e3%", "no number"),
    ] {
        let command = lookaside(["sim", &trace, "--baseline", &old, "--fail-if", rule]);
        fails(command, 2, &[words]);
    }
    for (content, words) in [
        ("{\n  \"trace\": nope\n}", "line 2 column 13"),
        ("", "line 1 column 0"),
        ("[1, 2]", "it has no lookaside"),
        ("{\"lookaside\": \"0.1.0\"}", "it has no machine.cpu"),
    ] {
        let path = files.write("bad.json", content);
        let command = lookaside(["sim", &trace, "--baseline", &path, "--fail-if", "walks > 1"]);
        fails(command, 2, &["bad.json", words]);
    }
    let missing = files.name("missing.json");
    let command = lookaside([
        "sim",
        &trace,
        "--baseline",
        &missing,
        "--fail-if",
        "walks > 1",
    ]);
    fails(command, 2, &["missing.json: cannot read the baseline"]);
    fails(
        lookaside(["sim", &trace, "--baseline", &old]),
        2,
        &["--fail-if"],
    );
    fails(
        lookaside(["sim", &trace, "--fail-if", "walks > 1"]),
        2,
        &["--baseline"],
    );
}

#[test]
fn a_baseline_is_not_overwritten() {
    let files = Files::new();
    let (trace, old) = recorded(&files);
    let command = lookaside([
        "sim",
        &trace,
        "--baseline",
        &old,
        "--fail-if",
        "walks > 1",
        "--json",
        &old,
    ]);
    fails(command, 2, &["is an input"]);
}
