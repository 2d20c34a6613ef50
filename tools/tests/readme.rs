//! The README shows what the command really prints, and code that really works.

use std::{fs, process::Command};

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap()
}

#[test]
fn the_sample_report_is_what_sim_prints() {
    let sim = Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .arg("sim")
        .output()
        .unwrap();
    assert!(sim.status.success());
    let printed = String::from_utf8(sim.stdout).unwrap();
    let readme = readme();
    let (_, sample) = readme.split_once("```text\n").unwrap();
    let (sample, _) = sample.split_once("```\n").unwrap();
    assert_eq!(printed, sample);
}
