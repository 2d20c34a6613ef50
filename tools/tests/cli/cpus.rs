use crate::support::{Files, fails, lookaside, short_trace, stdout_of};

const NAMES: [&str; 16] = [
    "haswell",
    "skylake",
    "skylake-sp",
    "ice-lake",
    "tiger-lake",
    "rocket-lake",
    "ice-lake-sp",
    "golden-cove",
    "gracemont",
    "raptor-cove",
    "sapphire-rapids",
    "emerald-rapids",
    "zen2",
    "zen3",
    "zen4",
    "zen5",
];

#[test]
fn the_list_names_every_preset() {
    let list = stdout_of(lookaside(["cpus"]));
    for name in NAMES {
        let row = list
            .lines()
            .find(|line| line.split(' ').next() == Some(name));
        assert!(row.is_some(), "{list}");
    }
    assert!(
        list.lines().all(|line| line.chars().count() <= 80),
        "{list}"
    );
}

#[test]
fn a_printed_preset_describes_the_same_machine() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    for name in NAMES {
        let text = stdout_of(lookaside(["cpus", name]));
        let whole = stdout_of(lookaside(["cpus", name, "--whole"]));
        assert!(whole.contains("tag = \"assumed\", source = "));
        assert!(!whole.contains("extends"));
        let own = files.write(&format!("{name}.toml"), text);
        let whole = files.write(&format!("{name}.whole.toml"), whole);
        let [by_name, by_file, by_whole] = [name, &own, &whole].map(|cpu| {
            let report = stdout_of(lookaside(["sim", &trace, "--cpu", cpu]));
            // Before this it says which file it was.
            report.split_once("\nMachine ").unwrap().1.to_owned()
        });
        assert_eq!(by_name, by_file);
        assert_eq!(by_name, by_whole);
    }
}

/// Who reads JSON need not know what extends what.
#[test]
fn a_preset_as_json_is_whole() {
    let json = stdout_of(lookaside(["cpus", "emerald-rapids", "--json", "-"]));
    let preset: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(preset["name"], "emerald-rapids");
    assert_eq!(preset["caches"]["l1d"]["ways"]["value"], 12);
}

/// As many as `cpus` counts of the processor: those that it really uses.
#[test]
fn a_report_says_how_many_numbers_are_assumed() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let cpus = stdout_of(lookaside(["cpus", "--json", "-"]));
    let cpus: serde_json::Value = serde_json::from_str(&cpus).unwrap();
    let zen5 = cpus
        .as_array()
        .unwrap()
        .iter()
        .find(|cpu| cpu["name"] == "zen5");
    let zen5 = zen5.unwrap();
    let json = stdout_of(lookaside(["sim", &trace, "--cpu", "zen5", "--json", "-"]));
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let numbers = &report["machine"]["numbers"];
    for tag in ["measured", "manual", "assumed"] {
        assert_eq!(numbers[tag], zen5[tag]);
    }
    let text = stdout_of(lookaside(["sim", &trace, "--cpu", "zen5"]));
    let said = format!("{} assumed", zen5["assumed"]);
    assert!(text.contains(&said), "{text}");
}

#[test]
fn a_file_of_one_s_own_says_only_what_is_different() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let own = "extends = \"zen4\"\nname = \"mine\"\ntitle = \"Mine\"\n";
    let own = files.write("mine.toml", own);
    let cycles = |cpu: &str| {
        let json = stdout_of(lookaside(["sim", &trace, "--cpu", cpu, "--json", "-"]));
        let report: serde_json::Value = serde_json::from_str(&json).unwrap();
        report["cycles"]["total"].as_u64().unwrap()
    };
    assert_eq!(cycles("zen4"), cycles(&own));
}

#[test]
fn a_changed_number_changes_the_result() {
    let files = Files::new();
    let trace = files.write("trace", short_trace());
    let text = stdout_of(lookaside(["cpus", "golden-cove"]));
    let faster = text.replace("page_fault = { value = 2000", "page_fault = { value = 1999");
    assert_ne!(text, faster);
    let own = files.write("faster.toml", faster);
    let total = |cpu: &str| {
        let json = stdout_of(lookaside(["sim", &trace, "--cpu", cpu, "--json", "-"]));
        let report: serde_json::Value = serde_json::from_str(&json).unwrap();
        let faults = report["page_faults"]["demand_zero"].as_u64().unwrap();
        (report["cycles"]["total"].as_u64().unwrap(), faults)
    };
    let ((before, faults), (after, _)) = (total("golden-cove"), total(&own));
    assert_eq!(before - after, faults);
}

#[test]
fn an_unknown_preset_is_answered_with_a_likely_one() {
    for command in [
        lookaside(["sim", "--cpu", "goldencove"]),
        lookaside(["cpus", "goldencove"]),
    ] {
        fails(command, 2, &["\"goldencove\"", "did you mean golden-cove?"]);
    }
    let command = lookaside(["sim", "--cpu", "itanium"]);
    fails(command, 2, &["\"itanium\"", "haswell, skylake"]);
}

#[test]
fn a_wrong_field_is_shown_where_it_stands() {
    let files = Files::new();
    let text = stdout_of(lookaside(["cpus", "golden-cove"]));
    let wrong = text.replace(
        "[structure_caches.pde]\nentries",
        "[structure_caches.pde]\nentires",
    );
    let line = wrong
        .lines()
        .position(|line| line.starts_with("entires"))
        .unwrap()
        + 1;
    let own = files.write("wrong.toml", wrong);
    let place = format!("wrong.toml:{line}:");
    let words = [
        &place,
        "structure_caches.pde.entires",
        "did you mean entries?",
    ];
    fails(lookaside(["sim", "--cpu", &own]), 2, &words);
}

#[test]
fn a_shape_that_cannot_be_built_is_bad_input() {
    let files = Files::new();
    let text = stdout_of(lookaside(["cpus", "golden-cove"]));
    let wrong = text.replace("entries = { value = 96,", "entries = { value = 97,");
    let own = files.write("wrong.toml", wrong);
    let words = ["wrong.toml", "97 entries do not fill whole sets of 6 ways"];
    fails(lookaside(["sim", "--cpu", &own]), 2, &words);
}

#[test]
fn a_cpu_file_that_is_missing_is_named() {
    let files = Files::new();
    let missing = files.name("missing.toml");
    fails(lookaside(["sim", "--cpu", &missing]), 2, &["missing.toml"]);
}

#[test]
fn pages_that_the_processor_does_not_have_are_refused() {
    let files = Files::new();
    let text = stdout_of(lookaside(["cpus", "golden-cove"]));
    let own = text.replace("pages_1g = { value = true", "pages_1g = { value = false");
    assert_ne!(text, own);
    let own = files.write("small.toml", own);
    let command = lookaside(["sim", "--cpu", &own, "--pages", "1g"]);
    fails(command, 2, &["golden-cove has no 1 GiB pages"]);
}

#[test]
fn why_a_cpu_file_cannot_be_read_is_said_once() {
    let ended = fails(lookaside(["sim", "--cpu", "./"]), 2, &["./"]);
    assert_eq!(ended.stderr.matches("directory").count(), 1);
}

/// Where something is missing, the line up to there is pointed at.
#[test]
fn what_is_left_open_in_a_file_has_its_place() {
    let files = Files::new();
    let cpu = files.write("open.toml", "extends = \"golden-cove\"\n[caches\n");
    let command = lookaside(["sim", "--cpu", &cpu]);
    fails(command, 2, &["unclosed table", "open.toml:2:1"]);
}
