//! `sim --compare`: several machines in one pass over a trace.

use serde_json::Value;

use crate::support::{Files, data, fails, lookaside, short_trace, stdout_of};

/// Each variant's report is the one that it has alone.
#[test]
fn a_comparison_has_the_reports_of_single_runs() {
    let trace = data("lackey/ls.lackey.zst");
    let command = lookaside([
        "sim",
        &trace,
        "--compare",
        "cpu=golden-cove,zen4",
        "--compare",
        "pages=4k,2m",
        "--json",
        "-",
    ]);
    let comparison: Value = serde_json::from_str(&stdout_of(command)).unwrap();
    let machines = [
        ("golden-cove", "4k"),
        ("golden-cove", "2m"),
        ("zen4", "4k"),
        ("zen4", "2m"),
    ];
    let variants = comparison["variants"].as_array().unwrap();
    assert_eq!(variants.len(), machines.len());
    for (variant, (cpu, pages)) in variants.iter().zip(machines) {
        let alone = lookaside(["sim", &trace, "--cpu", cpu, "--pages", pages, "--json", "-"]);
        let alone: Value = serde_json::from_str(&stdout_of(alone)).unwrap();
        assert_eq!(*variant, alone, "{cpu}, {pages}");
    }
}

/// Two traces that take turns on each of two processors, and share their memory or not.
#[test]
fn so_has_one_of_several_traces_on_several_processors() {
    let files = Files::new();
    let other = short_trace().replace("1fff", "1ff0").repeat(7);
    let (one, other) = (
        files.write("one", short_trace()),
        files.write("other", other),
    );
    let traces = [
        "sim",
        &one,
        &other,
        &one,
        &other,
        "--processors",
        "2",
        "--json",
        "-",
    ];
    for options in [&["--quantum", "100", "--pcids", "on"][..], &["--threads"]] {
        let mut command = lookaside(traces);
        command.args(options).args(["--compare", "pages=4k,thp:2"]);
        let comparison: Value = serde_json::from_str(&stdout_of(command)).unwrap();
        for (variant, pages) in [(0, "4k"), (1, "thp:2")] {
            let mut alone = lookaside(traces);
            alone.args(options).args(["--pages", pages]);
            let alone: Value = serde_json::from_str(&stdout_of(alone)).unwrap();
            assert_eq!(comparison["variants"][variant], alone, "{pages}");
        }
    }
}

#[test]
fn differences_are_to_the_first_machine() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let command = lookaside(["sim", &trace, "--compare", "pages=4k,2m,1g", "--json", "-"]);
    let comparison: Value = serde_json::from_str(&stdout_of(command)).unwrap();
    let differences = comparison["differences"].as_array().unwrap();
    let difference = differences
        .iter()
        .find(|difference| difference["metric"] == "page_faults.demand_zero")
        .unwrap();
    assert_eq!(difference["first"], 6);
    let other = &difference["others"][0];
    assert_eq!(other["variant"], "golden-cove, 2 MiB");
    // The pages of 2 MiB at 0x400000, 0x1fe00000 and 0x1fff0000.
    let faults = comparison["variants"][1]["page_faults"]["demand_zero"]
        .as_i64()
        .unwrap();
    assert_eq!(other["value"], faults);
    assert_eq!(other["difference"], (faults - 6) as f64);
    let percent = other["percent"].as_f64().unwrap();
    assert!((percent - 100.0 * (faults - 6) as f64 / 6.0).abs() < 1e-9);
    for difference in differences {
        assert_eq!(difference["others"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn no_line_of_a_comparison_is_wider_than_80_columns() {
    let trace = data("lackey/chase.lackey.zst");
    let axes = ["pages=4k,2m,1g", "cpu=golden-cove,zen4"];
    for axis in axes {
        let text = stdout_of(lookaside(["sim", &trace, "--compare", axis]));
        for word in ["Machines", "Compared", "translation cycles", "2 to 1"] {
            assert!(text.contains(word), "{text}");
        }
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let many = format!(
        "cpu={}",
        (0..17)
            .map(|cpu| format!("c{cpu}"))
            .collect::<Vec<_>>()
            .join(",")
    );
    let usages: [(&[&str], &str); 10] = [
        (&["--compare", "cpu"], "expected cpu=NAME,NAME"),
        (&["--compare", "disk=1,2"], "cpu, pages, ram and paging can"),
        (&["--compare", "pages=4k,3m"], "3m"),
        (&["--compare", "pages=4k,4k"], "twice"),
        (&["--compare", "cpu=zen4,"], "missing"),
        (&["--compare", "cpu=zen4"], "only one machine"),
        (&["--compare", &many], "17 machines"),
        (&["--compare", "cpu=zen4,zen9"], "zen9"),
        (
            &["--cpu", "zen4", "--compare", "cpu=zen4,golden-cove"],
            "--compare",
        ),
        (&["--pages", "2m", "--compare", "pages=2m,4k"], "--compare"),
    ];
    for (usage, words) in usages {
        let mut command = lookaside(["sim"]);
        command.args(usage);
        fails(command, 2, &[words]);
    }
    let twice = lookaside([
        "sim",
        "--compare",
        "pages=4k,2m",
        "--compare",
        "pages=1g,4k",
    ]);
    fails(twice, 2, &["pages= is given twice"]);
}

#[test]
fn a_machine_that_runs_out_of_memory_is_named() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let command = lookaside(["sim", &trace, "--compare", "pages=4k,1g", "--ram", "1GiB"]);
    let words = [
        "golden-cove, 1 GiB: ",
        "1 GiB of memory is too small",
        "(--ram ",
    ];
    fails(command, 1, &words);
    let command = lookaside([
        "sim",
        &trace,
        "--compare",
        "cpu=golden-cove,zen4",
        "--ram",
        "2KiB",
    ]);
    fails(
        command,
        1,
        &["golden-cove, 4 KiB, 2 KiB of memory: ", "first page table"],
    );
}

#[test]
fn an_input_of_a_comparison_is_not_overwritten() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let preset = stdout_of(lookaside(["cpus", "zen4"]));
    let cpu = files.write("mine.toml", preset);
    let axis = format!("cpu=golden-cove,{cpu}");
    let command = lookaside(["sim", &trace, "--compare", &axis, "--json", &cpu]);
    fails(command, 2, &["is an input"]);
}
