//! What `sim` says about where the cycles of page walks went.

use serde_json::Value;

use crate::support::{Files, data, fails, lookaside, short_trace, stdout_of};

fn report(arguments: &[&str]) -> Value {
    let mut command = lookaside(["sim", "--json", "-"]);
    command.args(arguments);
    serde_json::from_str(&stdout_of(command)).unwrap()
}

fn sum(list: &Value, field: &str) -> u64 {
    let elements = list.as_array().unwrap().iter();
    elements
        .map(|element| element[field].as_u64().unwrap())
        .sum()
}

#[test]
fn all_pages_regions_and_instructions_add_up_to_the_walks() {
    let trace = data("lackey/ls.lackey.zst");
    for pages in ["4k", "2m"] {
        let report = report(&[&trace, "--pages", pages, "--top", "1000000"]);
        let owners = &report["cycles"]["by_owner"];
        let of_walks = [
            "structure_caches",
            "walk_l1d",
            "walk_l2",
            "walk_llc",
            "walk_memory",
            "accessed_dirty",
        ];
        let owned = of_walks.map(|owner| owners[owner].as_u64().unwrap());
        let walks = &report["walks"];
        assert_eq!(walks["cycles"], owned.iter().sum::<u64>());
        for list in ["pages", "regions", "instructions"] {
            let list = &report["hot"][list];
            assert_eq!(walks["cycles"], sum(list, "cycles"));
            assert_eq!(walks["total"], sum(list, "walks"));
        }
        assert_eq!(walks["cycles"], sum(&walks["latency"], "cycles"));
        assert_eq!(walks["total"], sum(&walks["latency"], "walks"));
        for stream in walks["latency"].as_array().unwrap() {
            assert_eq!(stream["walks"], sum(&stream["buckets"], "walks"));
        }
    }
}

#[test]
fn the_dearest_come_first_and_as_many_as_asked_for() {
    let report_of = |top| report(&[&data("lackey/ls.lackey.zst"), "--top", top]);
    let (all, some) = (report_of("1000000"), report_of("7"));
    for list in ["pages", "regions", "instructions"] {
        let all = all["hot"][list].as_array().unwrap();
        let cycles: Vec<_> = all.iter().map(|one| one["cycles"].as_u64()).collect();
        assert!(cycles.is_sorted_by(|one, next| one >= next), "{cycles:?}");
        let some = some["hot"][list].as_array().unwrap();
        assert_eq!(some[..], all[..all.len().min(7)]);
    }
    assert_eq!(some["walks"], all["walks"]);
}

#[test]
fn a_report_shows_ten_unless_told_otherwise() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let lines_below = |title: &str, arguments: &[&str]| {
        let mut command = lookaside(["sim", &trace]);
        command.args(arguments);
        let text = stdout_of(command);
        let below = text.split_once(title).map(|(_, below)| below.to_owned());
        below.map(|below| {
            below
                .lines()
                .skip(1)
                .take_while(|line| !line.is_empty())
                .count()
        })
    };
    // One page of code and five of data.
    assert_eq!(lines_below("Pages walked for", &[]), Some(6));
    assert_eq!(lines_below("Pages walked for", &["--top", "2"]), Some(2));
    assert_eq!(lines_below("Pages walked for", &["--top", "0"]), None);
    // The instructions at 0x401000, 0x401004 and 0x401009.
    assert_eq!(lines_below("Instructions that walk", &[]), Some(3));
    let recorded = data("lackey/ls.lackey.zst");
    let text = stdout_of(lookaside(["sim", &recorded]));
    let below = text.split_once("Pages walked for").unwrap().1;
    let shown = below.lines().skip(1).take_while(|line| !line.is_empty());
    assert_eq!(shown.count(), 10);
}

/// Data before the first instruction is nobody's.
#[test]
fn walks_before_the_first_instruction_have_none() {
    let files = Files::new();
    let trace = files.write("trace", " L 1000,8\nI  400000,4\n L 2000,8\n");
    let report = report(&[&trace]);
    let instructions = report["hot"]["instructions"].as_array().unwrap();
    let nobody = |one: &&Value| one["address"].is_null();
    assert_eq!(instructions.len(), 2);
    assert_eq!(instructions.iter().filter(nobody).count(), 1);
    assert!(stdout_of(lookaside(["sim", &trace])).contains("before the first"));
}

/// Two programs at the same addresses are not mixed up, and one alone needs no name.
#[test]
fn places_of_several_processes_say_whose_they_are() {
    let files = Files::new();
    let one = files.write("one", "I  400000,4\n L 1000,8\n L 2000,8\n");
    let other = files.write("other", "I  400000,4\n L 1000,8\n");
    let alone = report(&[&one]);
    let heading = |arguments: &[&str]| {
        let mut command = lookaside(["sim"]);
        command.args(arguments);
        let text = stdout_of(command);
        let mut lines = text.lines();
        let heading = lines.find(|line| line.starts_with("Instructions that walk"));
        heading.unwrap().to_owned()
    };
    assert!(!heading(&[&one]).contains("process"));
    let places = |report: &Value, process: usize| -> Vec<Value> {
        let pages = report["hot"]["pages"].as_array().unwrap().iter();
        let mut addresses: Vec<_> = pages
            .filter(|page| page["process"] == process)
            .map(|page| page["address"].clone())
            .collect();
        addresses.sort_by_key(Value::to_string);
        addresses
    };
    assert_eq!(places(&alone, 0).len(), 3);
    for processors in ["1", "2"] {
        let options = [&*one, &*other, "--processors", processors];
        let both = report(&options);
        assert_eq!(places(&both, 0), places(&alone, 0));
        assert_eq!(
            places(&both, 1),
            [places(&alone, 0)[0].clone(), places(&alone, 0)[2].clone()]
        );
        assert!(heading(&options).contains("process"));
    }
}

#[test]
fn how_many_to_show_is_a_number() {
    for top in ["-1", "many", "99999999999999999999999"] {
        let mut command = lookaside(["sim"]);
        command.arg(format!("--top={top}"));
        fails(command, 2, &["--top"]);
    }
}
