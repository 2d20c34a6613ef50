//! Several traces, several processors, accesses that overlap, pages that grow.

use serde_json::Value;

use crate::support::{Files, lookaside, short_trace, stdout_of};

/// Loads from every page of a range, again and again, each from a line of its own.
fn loads(first_page: u64, pages: u64, laps: u64) -> String {
    let lap = || (0..pages).map(|page| (first_page + page) << 12 | (page & 63) << 6);
    let addresses = (0..laps).flat_map(|_| lap());
    let lines: Vec<_> = addresses.map(|at| format!(" L {at:08x},8\n")).collect();
    lines.concat()
}

fn report(arguments: &[&str]) -> Value {
    let mut command = lookaside(["sim", "--ram", "256MiB", "--json", "-"]);
    command.args(arguments);
    serde_json::from_str(&stdout_of(command)).unwrap()
}

fn number(report: &Value, place: &str) -> u64 {
    let number = report.pointer(place).and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("no number at {place}"))
}

#[test]
fn traces_are_processes_unless_they_are_threads() {
    let files = Files::new();
    let trace = files.write("trace", loads(0x100, 10, 3));
    let faults = |options: &[&str]| {
        let all = [&[&*trace, &*trace], options].concat();
        let report = report(&all);
        assert_eq!(number(&report, "/trace/records"), 60);
        number(&report, "/page_faults/demand_zero")
    };
    assert_eq!(faults(&[]), 20);
    assert_eq!(faults(&["--threads"]), 10);
    assert_eq!(faults(&["--threads", "--processors", "2"]), 10);
}

/// Processors run side by side, so that a run lasts as long as the busiest of them.
#[test]
fn a_run_is_over_when_the_last_processor_is_done() {
    let files = Files::new();
    let long = files.write("long", loads(0x100, 20, 20));
    let short = files.write("short", loads(0x900, 5, 5));
    let two = [&*long, &*short, "--processors", "2"];
    let report = report(&two);
    let of = |place: &str| number(&report, place);
    let (first, second) = (
        of("/processors/0/cycles/total"),
        of("/processors/1/cycles/total"),
    );
    assert!(first > second);
    assert_eq!(of("/cycles/total"), first + second);
    assert_eq!(of("/elapsed_cycles"), first);
    let mut command = lookaside(["sim", "--ram", "256MiB"]);
    command.args(two);
    let text = stdout_of(command);
    let line = text
        .lines()
        .find(|line| line.contains("until the last is done"));
    assert_eq!(
        line.unwrap().replace(',', "").split_whitespace().last(),
        Some(&*first.to_string())
    );
}

#[test]
fn processes_of_one_processor_take_turns_and_pcids_spare_their_translations() {
    let files = Files::new();
    let first = files.write("first", loads(0x100, 8, 100));
    let second = files.write("second", loads(0x900, 8, 100));
    let with = |pcids| report(&[&first, &second, "--quantum", "100", "--pcids", pcids]);
    let (off, on) = (with("off"), with("on"));
    for report in [&off, &on] {
        // 800 records each, in turns of 100; the last turn of the second needs no switch.
        let switches = number(report, "/cycles/by_owner/context_switch");
        let one = number(&with_one_switch(&files), "/cycles/by_owner/context_switch");
        assert_eq!(switches, 15 * one);
    }
    let missed = |report| number(report, "/lookups/1/missed");
    assert!(
        missed(&on) < missed(&off),
        "{} {}",
        missed(&on),
        missed(&off)
    );
    // Each page once before its fault and once after.
    assert_eq!(missed(&on), 2 * 16);
}

fn with_one_switch(files: &Files) -> Value {
    let first = files.write("one", loads(0x100, 1, 1));
    let second = files.write("two", loads(0x900, 1, 1));
    report(&[&first, &second])
}

#[test]
fn a_line_that_another_processor_has_written_is_fetched_from_it() {
    let files = Files::new();
    let stores = " S 00100000,8\n".repeat(1000);
    let loads = " L 00100000,8\n".repeat(1000);
    let (stores, loads) = (files.write("stores", stores), files.write("loads", loads));
    let together = report(&[&stores, &loads, "--threads", "--processors", "2"]);
    let apart = report(&[&stores, &loads, "--processors", "2"]);
    let data = |report| number(report, "/cycles/by_owner/data");
    assert!(data(&together) > data(&apart) + 1000);
}

#[test]
fn accesses_of_a_window_overlap() {
    let files = Files::new();
    let trace = files.write("trace", loads(0x100, 3000, 4));
    let total = |window| {
        let report = report(&[&trace, "--window", window]);
        let owners = report["cycles"]["by_owner"].as_object().unwrap();
        let sum: u64 = owners.values().filter_map(Value::as_u64).sum();
        assert_eq!(sum, number(&report, "/cycles/total"));
        sum
    };
    let alone = total("1");
    let report = report(&[&trace]);
    assert_eq!(alone, number(&report, "/cycles/total"));
    assert!(total("4") < alone && total("16") < total("4"));
}

#[test]
fn transparent_huge_pages_grow_once_enough_of_them_is_touched() {
    let files = Files::new();
    let trace = files.write("trace", loads(0x200, 512, 2));
    let with = |pages| report(&[&trace, "--pages", pages]);
    let (small, half, whole) = (with("4k"), with("thp"), with("thp:512"));
    let faults = |report| number(report, "/page_faults/demand_zero");
    assert_eq!(
        (faults(&small), faults(&half), faults(&whole)),
        (512, 256, 512)
    );
    let collapse = |report| number(report, "/cycles/by_owner/collapse");
    assert_eq!(collapse(&small), 0);
    assert!(collapse(&half) > 0 && collapse(&whole) > collapse(&half));
}

/// Both threads have the page cached that grows.
#[test]
fn a_shootdown_is_sent_by_one_processor_and_received_by_another() {
    let files = Files::new();
    let trace = files.write("trace", loads(0x200, 256, 1));
    let other = files.write("other", loads(0x200, 1, 1000));
    let shootdowns = |options: &[&str]| {
        let report = report(&[&[&*trace, &*other, "--pages", "thp"], options].concat());
        let of = |processor, what| {
            number(
                &report,
                &format!("/processors/{processor}/shootdowns_{what}"),
            )
        };
        [0, 1].map(|processor| (of(processor, "sent"), of(processor, "received")))
    };
    assert_eq!(
        shootdowns(&["--threads", "--processors", "2"]),
        [(1, 0), (0, 1)]
    );
    assert_eq!(shootdowns(&["--processors", "2"]), [(0, 0), (0, 0)]);
}

#[test]
fn what_the_processors_did_adds_up_to_what_the_machine_did() {
    let files = Files::new();
    let one = files.write("one", short_trace());
    let two = files.write("two", loads(0x200, 700, 3));
    for options in [&["--threads", "--pages", "thp"][..], &["--window", "4"]] {
        let arguments = [&[&*one, &*two, &*two, "--processors", "2"], options].concat();
        let report = report(&arguments);
        let processors = report["processors"].as_array().unwrap();
        assert_eq!(processors.len(), 2);
        let sum = |place: &str| -> u64 {
            let each = processors.iter().map(|processor| number(processor, place));
            each.sum()
        };
        for count in ["records", "instructions", "loads", "stores", "modifies"] {
            let place = format!("/{count}");
            assert_eq!(sum(&place), number(&report, &format!("/trace{place}")));
        }
        for place in ["/cycles/total", "/cycles/translation"] {
            assert_eq!(sum(place), number(&report, place), "{place}");
        }
        for owner in report["cycles"]["by_owner"].as_object().unwrap().keys() {
            let place = format!("/cycles/by_owner/{owner}");
            assert_eq!(sum(&place), number(&report, &place), "{owner}");
        }
        let of_streams = |what: &str| -> u64 {
            let streams = report["lookups"].as_array().unwrap().iter();
            streams.map(|stream| number(stream, what)).sum()
        };
        assert_eq!(sum("/tlb_lookups"), of_streams("/total"));
        assert_eq!(sum("/tlb_misses"), of_streams("/missed"));
        assert_eq!(sum("/walks"), number(&report, "/walks/total"));
        assert_eq!(sum("/walk_cycles"), number(&report, "/walks/cycles"));
        assert_eq!(sum("/shootdowns_sent"), sum("/shootdowns_received"));
        let traces = report["trace"]["programs"].as_array().unwrap();
        let records = traces.iter().map(|trace| number(trace, "/records"));
        assert_eq!(records.sum::<u64>(), number(&report, "/trace/records"));
    }
}

#[test]
fn a_report_says_where_each_trace_ran_and_what_each_processor_did() {
    let files = Files::new();
    let one = files.write("one", short_trace());
    let two = files.write("two", loads(0x200, 70, 3));
    let traces = [
        "sim",
        &one,
        &two,
        &one,
        "--processors",
        "2",
        "--quantum",
        "50",
    ];
    let mut command = lookaside(traces);
    command.args(["--window", "4", "--pcids", "on"]);
    let text = stdout_of(command);
    for words in [
        "Machine    2 processors, window 4, PCIDs on\n",
        "Quantum    50 records\n",
        "process  processor  accesses\n",
        "\nProcessors  ",
        "shootdowns received\n",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let text = stdout_of(lookaside(["sim", &one]));
    assert!(!text.contains("\nProcessors"), "{text}");
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    for (arguments, reason) in [
        (&["--processors", "65"][..], "64"),
        (&["--processors", "0"], "0"),
        (&["--pages", "thp:513"], "thp:N with N from 1 to 512"),
        (&["--window", "0"], "0"),
        (&["--quantum", "0"], "0"),
    ] {
        let mut command = lookaside(["sim"]);
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(reason), "{message}");
    }
}
