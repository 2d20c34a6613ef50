//! What is wrong with an input is said with its place, and exits with 2.

use crate::support::{Files, fails, gzip, lookaside, short_trace, xz, zstd};

/// Runs `sim` on a file of this content, which must be refused with these words and the
/// file's name, and leave nothing behind.
fn refused(name: &str, content: impl AsRef<[u8]>, words: &[&str]) {
    let files = Files::new();
    let trace = files.write(name, content);
    let json = files.name("report.json");
    let ended = fails(lookaside(["sim", &trace, "--json", &json]), 2, words);
    assert!(ended.stderr.contains(name), "{}", ended.stderr);
    assert_eq!(files.names(), [name]);
}

#[test]
fn a_malformed_line_is_told_with_its_number_and_text() {
    let lines = short_trace().lines().count();
    let text = short_trace() + " L 0400zz,8\n" + &short_trace();
    let line = format!("line {}", lines + 1);
    refused("bad.lackey", text, &[&line, "` L 0400zz,8`"]);
}

#[test]
fn a_malformed_line_behind_many_batches_is_told_too() {
    let many = "I  00401000,4\n".repeat(50_000);
    refused(
        "bad.lackey",
        many + "I  00401000,0\n",
        &["line 50001", "`I  00401000,0`"],
    );
}

#[test]
fn another_format_is_not_taken_for_a_trace() {
    refused(
        "notes.txt",
        "Dear diary,\n",
        &["line 1", "`Dear diary,`", "lackey"],
    );
}

#[test]
fn a_truncated_archive_is_told_with_the_byte_where_its_content_ends() {
    let text = short_trace().repeat(50);
    let text = text.as_bytes();
    let archives = [("zstd", zstd(text)), ("xz", xz(text)), ("gzip", gzip(text))];
    for (compression, packed) in archives {
        let half = &packed[..packed.len() / 2];
        let words = format!("truncated {compression} file");
        refused("short.packed", half, &[&words, "after byte"]);
    }
}

#[test]
fn an_empty_trace_is_an_error() {
    for content in ["", "\n\n", "==1== Lackey, an example Valgrind tool\n"] {
        refused("empty.lackey", content, &["not one memory access"]);
    }
}

#[test]
fn a_trace_with_physical_addresses_is_not_simulated() {
    let mut header = b"MMUTRC01".to_vec();
    header.extend(32_u64.to_le_bytes());
    refused("machine.mmut", header, &["physical addresses"]);
}

#[test]
fn an_address_outside_user_space_is_told_with_its_record() {
    let text = short_trace() + " L ffff800000000000,8\n";
    refused(
        "kernel.lackey",
        text,
        &["record 1201", "0xffff800000000000"],
    );
    let text = short_trace() + " S 00800000000000,8\n";
    refused("hole.lackey", text, &["record 1201", "0x800000000000"]);
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let files = Files::new();
    let missing = files.name("missing.lackey");
    let directory = files.path().to_str().unwrap();
    for command in ["sim", "maps", "conform"] {
        let words = ["missing.lackey: no such file"];
        fails(lookaside([command, &missing]), 2, &words);
        let words = format!("{directory}: is a directory");
        fails(lookaside([command, directory]), 2, &[&words]);
    }
}
