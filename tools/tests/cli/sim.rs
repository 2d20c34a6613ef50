use serde_json::Value;

use crate::support::{Files, data, fails, lookaside, run, short_trace, stdout_of};

#[test]
fn without_arguments_it_reports_on_the_trace_that_is_built_in() {
    let report = stdout_of(lookaside(["sim"]));
    for words in ["Cycles", "TLB look-ups", "Page walks", "Footprint"] {
        assert!(report.contains(words), "{report}");
    }
}

#[test]
fn no_line_of_a_report_is_wider_than_80_columns() {
    for cpu in ["golden-cove", "zen4"] {
        for pages in ["4k", "2m", "1g"] {
            let report = stdout_of(lookaside(["sim", "--cpu", cpu, "--pages", pages]));
            for line in report.lines() {
                let width = line.chars().count();
                assert!(width <= 80, "{cpu}, {pages}: {width} columns: {line}");
            }
        }
    }
}

/// Many misses make many digits.
#[test]
fn nor_is_one_of_a_trace_that_nothing_holds() {
    let mut command = lookaside(["sim", "-"]);
    command.pipe_stdin(data("lackey/chase.lackey.zst")).unwrap();
    for line in stdout_of(command).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_same_run_writes_the_same_json() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let written = ["one.json", "two.json"].map(|name| {
        let path = files.name(name);
        stdout_of(lookaside(["sim", &trace, "--json", &path]));
        std::fs::read(path).unwrap()
    });
    assert!(written[0] == written[1]);
    let report: Value = serde_json::from_slice(&written[0]).unwrap();
    assert_eq!(report["trace"]["records"], 1200);
    assert_eq!(report["trace"]["instructions"], 600);
    assert_eq!(report["trace"]["loads"], 200);
    assert_eq!(report["trace"]["stores"], 200);
    assert_eq!(report["trace"]["modifies"], 200);
    // 1 page of code; 4 of data, 0x1fff0000 to 0x1fff31ff; the modifies cross into them from
    // the page below.
    assert_eq!(report["page_faults"]["demand_zero"], 1 + 4 + 1);
    assert_eq!(files.names(), ["one.json", "trace", "two.json"]);
}

#[test]
fn json_on_standard_output_is_all_that_is_there() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let path = files.name("report.json");
    let text = stdout_of(lookaside(["sim", &trace, "--json", &path]));
    assert!(serde_json::from_str::<Value>(&text).is_err());
    let json = stdout_of(lookaside(["sim", &trace, "--json", "-"]));
    assert_eq!(json, std::fs::read_to_string(path).unwrap());
}

#[test]
fn the_json_of_a_real_trace_repeats_to_the_byte() {
    let trace = data("lackey/ls.lackey.zst");
    let [one, two] = [(); 2].map(|()| stdout_of(lookaside(["sim", &trace, "--json", "-"])));
    assert!(one == two);
    let report: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(report["page_faults"]["demand_zero"], 361);
}

#[test]
fn help_has_an_example_of_every_subcommand_that_works_on_files() {
    for command in ["sim", "record", "maps", "conform", "cpus"] {
        let help = stdout_of(lookaside([command, "--help"]));
        assert!(help.contains(&format!("lookaside {command} ")), "{help}");
    }
}

#[test]
fn bad_usage_exits_with_2() {
    let usages: [&[&str]; 8] = [
        &[],
        &["frobnicate"],
        &["sim", "--pages", "3m"],
        &["sim", "--ram", "lots"],
        &["sim", "--format", "elf"],
        &["sim", "one", "two"],
        &["maps"],
        &["conform"],
    ];
    for usage in usages {
        let mut command = lookaside([]);
        command.args(usage);
        let ended = run(command);
        assert_eq!(ended.code, Some(2), "{usage:?}");
        assert!(!ended.stderr.is_empty() && ended.stdout.is_empty());
    }
}

#[test]
fn what_is_said_of_a_pattern_needs_one() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    for option in ["--accesses", "--seed"] {
        for arguments in [&["sim", &trace, option, "5"][..], &["sim", option, "5"]] {
            let mut command = lookaside([]);
            command.args(arguments);
            fails(command, 2, &[option, "is about an access pattern"]);
        }
    }
    let both = lookaside(["sim", &trace, "--pattern", "seq:4KiB"]);
    fails(both, 2, &["cannot be used with", "--pattern"]);
}

#[test]
fn nothing_is_no_number_of_anything() {
    for option in ["--processors", "--quantum", "--window", "--accesses"] {
        for number in ["0", "", "-1", "1.5", "99999999999999999999"] {
            let command = lookaside(["sim", &format!("{option}={number}")]);
            fails(command, 2, &[option, "expected a whole number from 1 on"]);
        }
    }
    fails(
        lookaside(["sim", "--processors", "65"]),
        2,
        &["65 processors", "1 to 64"],
    );
    fails(
        lookaside(["sim", "--pattern", "seq:0"]),
        2,
        &["less than the 8 bytes of a load"],
    );
}

#[test]
fn none_of_the_dearest_can_be_shown() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let text = stdout_of(lookaside(["sim", &trace, "--top", "0"]));
    assert!(
        text.contains("Walks by cycles") && !text.contains("Pages walked for"),
        "{text}"
    );
}

#[test]
fn names_from_outside_are_escaped_and_cut_to_80_columns() {
    let files = Files::new();
    let name = format!("\u{1b}[31m{}.lackey", "long-".repeat(30));
    std::fs::write(files.path().join(&name), "I  1000,3\n").unwrap();
    let mut command = lookaside(["sim", &name]);
    command.current_dir(files.path());
    let text = stdout_of(command);
    assert!(
        text.starts_with("Trace      \\u{1b}[31mlong-long-"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}
