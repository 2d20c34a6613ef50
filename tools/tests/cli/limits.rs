//! A shell that lets no file grow beyond a limit (`ulimit -f`). By default a process that meets it
//! is ended without a word, by SIGXFSZ (setrlimit(2)).

use assert_cmd::Command;

use crate::support::{Files, fails, run};

const TOLD: &str = "a file was to be larger than the shell lets it be: ulimit -f raises the limit";

/// The command where no file may be larger than so many blocks, of 512 bytes or 1 KiB by the shell.
fn limited<const N: usize>(blocks: u32, arguments: [&str; N]) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_lookaside")]);
    command.args(arguments);
    command
}

/// Pages of a pattern in little memory, and a page file.
fn paging(page_file: &str, more: [&str; 2]) -> Command {
    let pattern = ["--pattern", "chase:16MiB:4096", "--accesses", "8192"];
    let mut command = limited(2048, ["sim", "--ram", "2MiB", "--page-file", page_file]);
    command.args(pattern).args(more);
    command
}

/// Microsoft, `CreateFileMapping`: `ERROR_DISK_FULL` if the file cannot be made as large.
#[test]
fn a_mapped_file_that_may_not_grow_is_a_full_disk_and_the_limit_is_told() {
    let files = Files::new();
    let file = files.write("f.bin", "hello");
    let mapping = format!("process app\nf = CreateFileMapping({file:?}, PAGE_READWRITE, 4MiB)");
    let script = files.write("grow.vm", &mapping);
    let words = ["STATUS_DISK_FULL", "error 112", "grow.vm:2:1", TOLD];
    fails(limited(64, ["vm", &script]), 1, &words);
    // A script that knows what comes of it ends well.
    let script = files.write("known.vm", format!("{mapping} fails 112\n"));
    let ended = run(limited(64, ["vm", &script]));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello");
}

#[test]
fn a_mapped_file_that_cannot_be_written_is_a_failed_run() {
    let files = Files::new();
    let file = files.write("f.bin", "hello");
    let text = format!(
        "process app
f = CreateFileMapping({file:?}, PAGE_READWRITE, 0)
v = MapViewOfFile(f, FILE_MAP_WRITE, 0, 0)
write v \"HE\"
"
    );
    let script = files.write("write.vm", text);
    let words = ["cannot be saved", "write.vm:1:1", TOLD];
    fails(limited(0, ["vm", &script]), 1, &words);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello");
}

/// It is not one at its largest.
#[test]
fn a_page_file_that_may_not_grow_says_who_refuses() {
    let files = Files::new();
    let path = files.name("pagefile.sys");
    for (more, name) in [
        (["--seed", "1"], "temporary page file"),
        (["--page-file-path", &path], path.as_str()),
    ] {
        let words = [name, "cannot be made longer: file too large", TOLD];
        let ended = fails(paging("256KiB-64MiB", more), 1, &words);
        assert!(!ended.stderr.contains("at its largest"), "{}", ended.stderr);
        let words = [name, "cannot make a page file", "ulimit -f", TOLD];
        fails(paging("4MiB-64MiB", more), 1, &words);
    }
    assert_eq!(files.names(), Vec::<String>::new());
}

#[test]
fn a_result_that_is_larger_than_a_file_may_be_is_not_written() {
    let files = Files::new();
    let report = files.name("report.json");
    let arguments = ["sim", "--pattern", "chase:1MiB", "--json", &report];
    fails(limited(0, arguments), 1, &[&report, "File too large", TOLD]);
    assert_eq!(files.names(), Vec::<String>::new());
}
