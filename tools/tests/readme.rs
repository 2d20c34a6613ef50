//! The README shows what the command really prints, and code that really works.

use std::{fs, process::Command};

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap()
}

/// The sample of this number, the first being 0, is what a command prints.
fn sample_is_printed_by(number: usize, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let readme = readme();
    let sample = readme.split("```text\n").nth(number + 1).unwrap();
    let (sample, _) = sample.split_once("```\n").unwrap();
    assert_eq!(printed, sample);
}

#[test]
fn the_sample_report_is_what_sim_prints() {
    sample_is_printed_by(0, &["sim"]);
}

#[test]
fn the_sample_walk_is_what_walk_prints() {
    let readme = readme();
    let command = readme
        .lines()
        .find_map(|line| line.strip_prefix("lookaside walk "));
    let arguments = command.unwrap().split(' ');
    let arguments: Vec<_> = ["walk"].into_iter().chain(arguments).collect();
    sample_is_printed_by(1, &arguments);
}

/// The table of the machines, of the command that is above it.
#[test]
fn the_fault_curve_of_the_documentation_is_what_sim_prints() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/paging.md");
    let document = fs::read_to_string(document).unwrap();
    let (_, curve) = document.split_once("## The fault curve").unwrap();
    let command = curve
        .lines()
        .find_map(|line| line.strip_prefix("lookaside "));
    let output = Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(words(command.unwrap()))
        .output()
        .unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let tables = printed.split("\n\n");
    let table = tables.filter(|table| table.starts_with("Memory  "));
    let table = table.last().unwrap();
    let sample = curve.split("```text\n").nth(1).unwrap();
    let (sample, _) = sample.split_once("\n```").unwrap();
    assert_eq!(table, sample);
}

/// Each command of the section, word by word; the first writes what the second reads.
#[test]
fn the_commands_that_guard_performance_pass_on_what_they_wrote() {
    let readme = readme();
    let section = readme.split_once("### Guard performance in CI").unwrap().1;
    let commands = section.split("```").nth(1).unwrap().lines();
    let commands: Vec<_> = commands
        .filter_map(|line| line.strip_prefix("lookaside "))
        .collect();
    assert_eq!(commands.len(), 2);
    let directory = tempfile::tempdir().unwrap();
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_lookaside"))
            .current_dir(&directory)
            .args(words(command))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{command}: {said}"
        );
    }
}

/// The words of a command line, of which those with spaces are in single quotes.
fn words(line: &str) -> Vec<&str> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(place, part)| match place % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    words.collect()
}
