//! `sim --paging`: how many levels of page tables a program's processes have.

use serde_json::Value;

use crate::support::{Files, data, fails, lookaside, stdout_of};

const CPU: [&str; 3] = ["sim", "--cpu", "sapphire-rapids"];

fn report(trace: &str, paging: &str) -> Value {
    let mut command = lookaside(CPU);
    command.args([trace, "--paging", paging, "--json", "-"]);
    serde_json::from_str(&stdout_of(command)).unwrap()
}

/// A first touch finds nothing in the highest table, and then an entry at each level.
#[test]
fn a_walk_reads_one_entry_a_level() {
    let files = Files::new();
    let trace = files.write("one.lackey", " L 400000,8\n");
    for (paging, levels) in [("4-level", 4), ("5-level", 5)] {
        let report = report(&trace, paging);
        assert_eq!(report["machine"]["paging"], paging);
        let walks = &report["walks"];
        assert_eq!(walks["references"], 1 + levels);
        assert_eq!(walks["served"].as_array().unwrap().len(), levels);
        let loads = ["l1", "l2", "l3", "memory"].map(|place| {
            let name = format!("page_walker_loads.dtlb_{place}");
            report["events"][&name].as_u64().unwrap()
        });
        assert_eq!(loads.iter().sum::<u64>(), 1 + levels as u64);
    }
}

#[test]
fn five_levels_reach_addresses_that_four_do_not() {
    let files = Files::new();
    let trace = files.write("high.lackey", " S 00ffff0000001000,8\n");
    let report = report(&trace, "5-level");
    assert_eq!(report["events"]["page-faults"], 1);
    let mut command = lookaside(CPU);
    command.arg(&trace);
    fails(
        command,
        2,
        &["record 1,", "0xffff0000001000 is not canonical"],
    );
}

#[test]
fn a_processor_without_five_levels_says_so() {
    for cpu in ["zen2", "golden-cove"] {
        let command = lookaside(["sim", "--cpu", cpu, "--paging", "5-level"]);
        fails(command, 2, &[cpu, "has no 5-level paging"]);
    }
}

#[test]
fn pagings_are_set_side_by_side() {
    let trace = data("lackey/ls.lackey.zst");
    let mut command = lookaside(CPU);
    command.args([&trace, "--compare", "paging=5-level,4-level", "--json", "-"]);
    let comparison: Value = serde_json::from_str(&stdout_of(command)).unwrap();
    for (variant, paging) in [(0, "5-level"), (1, "4-level")] {
        assert_eq!(comparison["variants"][variant], report(&trace, paging));
    }
    let mut command = lookaside(CPU);
    command.args([
        &trace,
        "--compare",
        "paging=5-level,4-level",
        "--paging",
        "5-level",
    ]);
    fails(command, 2, &["--paging and --compare paging= both"]);
}

/// The fifth level is one table more.
#[test]
fn the_memory_that_would_do_counts_the_fifth_level() {
    let trace = data("lackey/ls.lackey.zst");
    let needed = |paging: &str| {
        let command = |ram: &str| {
            let mut command = lookaside(CPU);
            command.args([&trace, "--page-file", "none"]);
            command.args(["--paging", paging, "--ram", ram]);
            command
        };
        let output = command("64KiB").output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        let (_, rest) = told.split_once("--ram ").unwrap();
        let size = rest.split_once("KiB").unwrap().0;
        stdout_of(command(&format!("{size}KiB")));
        size.parse::<u64>().unwrap()
    };
    assert_eq!(needed("5-level"), needed("4-level") + 4);
}
