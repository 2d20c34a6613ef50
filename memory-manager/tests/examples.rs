//! The examples print what the C programs do whose calls they make, and what the scripts of
//! their names in `tools/scripts` do.

#[path = "../examples/choice.rs"]
mod choice;
#[path = "../examples/query.rs"]
mod query;
#[path = "../examples/write.rs"]
mod write;

use std::{error::Error, io::Write};

fn printed(show: impl FnOnce(&mut dyn Write) -> Result<(), Box<dyn Error>>) -> String {
    let mut out = Vec::new();
    show(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A new example has to be run here.
#[test]
fn every_example_is_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let files = std::fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["choice.rs", "query.rs", "write.rs"]);
}

#[test]
fn a_text_is_written_and_read_back() {
    assert_eq!(printed(write::show), "1337\n");
}

#[test]
fn protection_and_state_are_queried() {
    let lines = "Protection type : READ\nRegion State : Committed\n";
    assert_eq!(printed(query::show), lines);
}

fn shown(state: &str, protection: &str) -> Result<String, String> {
    let mut out = Vec::new();
    let done = choice::show(state, protection, &mut out);
    done.map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

#[test]
fn a_choice_of_state_and_protection_is_printed_back() {
    assert_eq!(
        shown("MEM_COMMIT", "PAGE_READWRITE"),
        Ok("Protection type : READ/WRITE\nRegion State : Committed\n".into())
    );
    assert_eq!(
        shown("MEM_RESERVE", "PAGE_EXECUTE_READ"),
        Ok("Protection type : EXECUTE/READ\nRegion State : Reserved\n".into())
    );
    assert!(shown("MEM_RESET", "PAGE_READONLY").is_err());
    assert!(shown("MEM_COMMIT", "PAGE_WRITECOPY").is_err());
}
