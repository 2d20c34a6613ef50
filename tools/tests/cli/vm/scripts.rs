//! The scripts that come with the project print what they say.

use crate::support::{lookaside, stdout_of};

#[test]
fn the_scripts_that_come_with_it_print_what_they_say() {
    let write = stdout_of(lookaside(["vm", script!("write")]));
    assert_eq!(write, "1337\n");
    let query = stdout_of(lookaside(["vm", script!("query")]));
    assert_eq!(query, "Protection type : READ\nRegion State : Committed\n");
    let share = stdout_of(lookaside(["vm", script!("share")]));
    let lines = [
        "the reader reads shared",
        "its copy is copied",
        "the writer reads shared",
    ];
    assert_eq!(share.lines().collect::<Vec<_>>(), lines);
    let ring = stdout_of(lookaside(["vm", script!("ring")]));
    assert_eq!(ring, "at the end: endless\nat the start: ess\n");
}

/// A new script has to be run here.
#[test]
fn every_script_that_comes_with_it_is_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let script = name.strip_suffix(".vm").unwrap();
        let run = format!("script!({script:?})");
        assert!(include_str!("scripts.rs").contains(&run), "{run}");
    }
}

#[test]
fn written_pages_are_told_by_their_addresses() {
    let printed = stdout_of(lookaside(["vm", script!("watch")]));
    let lines = [
        "written: 0x2 pages, at 0x202000 and 0x20f000",
        "then: 0x1 page, at 0x205000",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn locked_pages_are_told_from_others() {
    let printed = stdout_of(lookaside(["vm", script!("lock")]));
    let lines = [
        "the locked page: valid, READ/WRITE, locked",
        "another one: not valid",
        "the sizes: 0x100000 to 0x200000",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn processes_read_and_write_each_others_memory() {
    let printed = stdout_of(lookaside(["vm", script!("copy")]));
    let lines = [
        "written: 0x13",
        "read: 0x800, and it says from the other side",
        "the first page ends with from",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn physical_pages_are_shown_in_windows() {
    let printed = stdout_of(lookaside(["vm", script!("window")]));
    let lines = [
        "physical pages: 0x2",
        "the window shows page two",
        "and then pages two and one",
        "freed: 0x2",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn what_is_discarded_is_told_from_what_is_reset() {
    let printed = stdout_of(lookaside(["vm", script!("discard")]));
    let lines = [
        "after a reset that is undone: kept",
        "of locked pages: kept",
        "of other pages: 0x0 in memory that is Committed",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn pages_go_to_a_page_file_and_come_back() {
    let printed = stdout_of(lookaside(["vm", script!("paging")]));
    let lines = ["the first page: not valid", "and it is still kept"];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn freed_memory_interrupts_the_processor_that_used_it() {
    let printed = stdout_of(lookaside(["vm", script!("processors")]));
    let lines = [
        "the second processor reads seen by both",
        "processors that were interrupted: 0x1",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn a_process_is_managed_by_another_one() {
    let printed = stdout_of(lookaside(["vm", script!("remote")]));
    let lines = [
        "it was READ/WRITE",
        "it is EXECUTE/READ for 0x1000 bytes",
        "then there is error 0x6",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn a_32_bit_process_chooses_to_be_prevented() {
    let printed = stdout_of(lookaside(["vm", script!("dep")]));
    assert_eq!(printed, "the policy is 0x2, and the error 0x32\n");
}

#[test]
fn a_stack_grows_until_there_is_no_room_for_a_guard() {
    let printed = stdout_of(lookaside(["vm", script!("stack")]));
    let lines = printed.lines().filter(|line| line.starts_with("grown"));
    let expected = ["grown to 0xa000", "grown to 0xb000", "grown to 0xf000"];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    let rows = printed.lines().map(|line| line.split_whitespace().skip(1));
    let rows: Vec<_> = rows.map(|row| row.collect::<Vec<_>>().join(" ")).collect();
    for row in [
        "60 KiB Stack Committed READ/WRITE Private",
        "4 KiB Stack Committed READ/WRITE GUARD Private",
        "20 KiB Stack Reserved Private",
    ] {
        assert!(rows.iter().any(|found| found == row), "{row}: {printed}");
    }
    assert!(printed.contains("KiB  Page Table\n"), "{printed}");
}

#[test]
fn the_picture_in_the_readme_is_what_is_drawn() {
    let drawn = stdout_of(lookaside(["vm", script!("guard")]));
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"));
    assert!(readme.contains(&drawn), "{drawn}");
}

#[test]
fn names_with_defaults_are_set_on_the_command_line() {
    let plain = stdout_of(lookaside(["vm", script!("choice")]));
    assert_eq!(
        plain,
        "Protection type : READ/WRITE\nRegion State : Committed\n"
    );
    let (state, protection) = ("state=MEM_RESERVE", "protection=PAGE_EXECUTE_READ");
    let chosen = stdout_of(lookaside(["vm", script!("choice"), state, protection]));
    assert_eq!(
        chosen,
        "Protection type : EXECUTE/READ\nRegion State : Reserved\n"
    );
}
