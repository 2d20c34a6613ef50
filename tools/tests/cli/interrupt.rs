//! Ctrl-C ends a run at once, with a line that says so and nothing half-written.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{Files, data, short_trace};

const PATIENCE: Duration = Duration::from_secs(20);

fn spawn(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until something is so, and not for ever.
fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process has a handler for SIGINT, the second signal.
fn catches_interrupts(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(line.unwrap().trim(), 16).unwrap();
    caught & 1 << (2 - 1) != 0
}

/// Interrupts the process and waits for its end: its code, output and message.
fn interrupt(child: Child) -> (Option<i32>, String, String) {
    let start = Instant::now();
    let ended = interrupt_and_wait(child);
    assert!(start.elapsed() < Duration::from_secs(5), "it took too long");
    ended
}

/// The same, however long that takes.
fn interrupt_and_wait(mut child: Child) -> (Option<i32>, String, String) {
    let kill = format!("kill -INT {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
    wait_until(|| child.try_wait().unwrap().is_some(), "it ends");
    let (mut output, mut message) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut message)
        .unwrap();
    (child.wait().unwrap().code(), output, message)
}

fn assert_interrupted(files: &Files, ended: &(Option<i32>, String, String)) {
    let (code, output, message) = ended;
    assert_eq!(*code, Some(1), "{message}");
    assert_eq!(output, "");
    assert!(message.contains("interrupted"), "{message}");
    assert!(message.contains("nothing was written"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert_eq!(files.names(), Vec::<String>::new());
}

#[test]
fn a_run_over_an_endless_trace_ends_with_the_number_of_its_records() {
    let files = Files::new();
    let json = files.name("report.json");
    let mut child = spawn(&["sim", "-", "--json", &json]);
    let mut input = child.stdin.take().unwrap();
    let fed = Arc::new(AtomicU64::new(0));
    let feeder = thread::spawn({
        let fed = Arc::clone(&fed);
        let text = short_trace();
        move || {
            while input.write_all(text.as_bytes()).is_ok() {
                fed.fetch_add(text.len() as u64, Ordering::Relaxed);
            }
        }
    });
    // Far more than is ever buffered: the simulation itself is running.
    wait_until(|| fed.load(Ordering::Relaxed) > 8 << 20, "it reads");
    let ended = interrupt(child);
    feeder.join().unwrap();
    assert_interrupted(&files, &ended);
    assert!(ended.2.contains("records"), "{}", ended.2);
}

/// Its page file has no name from the start, so that nothing is left of it however it ends.
#[test]
fn a_run_that_pages_ends_too() {
    let files = Files::new();
    let child = Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(["sim", "--pattern", "chase:64MiB:4096", "--ram", "8MiB"])
        .env("TMPDIR", files.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until(|| catches_interrupts(&child), "it handles interrupts");
    assert_interrupted(&files, &interrupt(child));
}

/// What was printed is there before the script goes on, and mapped files have what was written.
#[test]
fn a_script_keeps_what_it_printed_and_what_it_wrote_to_files() {
    let files = Files::new();
    let file = files.write("f.bin", "hello");
    let days = "tick 604800\n".repeat(10_000);
    let text = format!(
        "process app
f = CreateFileMapping({file:?}, PAGE_READWRITE, 0)
v = MapViewOfFile(f, FILE_MAP_WRITE, 0, 0)
write v \"HE\"
print \"so far\"
{days}print \"never\"
"
    );
    let script = files.write("long.vm", text);
    let mut child = spawn(&["vm", &script, "--json", &files.name("picture.json")]);
    let mut printed = [0; 7];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut printed)
        .unwrap();
    assert_eq!(&printed, b"so far\n");
    let (code, output, message) = interrupt(child);
    assert_eq!(code, Some(1), "{message}");
    assert_eq!(output, "");
    assert!(
        message.contains("interrupted here: what was printed"),
        "{message}"
    );
    assert!(message.contains("tick 604800"), "{message}");
    assert_eq!(fs::read(&file).unwrap(), b"HEllo");
    assert_eq!(files.names(), ["f.bin", "long.vm"]);
}

/// A script looks for Ctrl-C between its statements. One that takes minutes is not waited for, and
/// what may be missing then is told; what was flushed before is there.
#[test]
fn a_statement_that_takes_long_is_not_waited_for() {
    let files = Files::new();
    let file = files.write("f.bin", "hello");
    let holes = |name: &str| {
        let path = files.write(name, "");
        let long = fs::File::options().write(true).open(&path).unwrap();
        long.set_len(256 << 30).unwrap();
        path
    };
    let (from, to) = (holes("from.bin"), holes("to.bin"));
    let text = format!(
        "ram 16MiB
process app
f = CreateFileMapping({file:?}, PAGE_READWRITE, 0)
v = MapViewOfFile(f, FILE_MAP_WRITE, 0, 0)
write v \"HE\"
FlushViewOfFile(v, 0)
write v + 2 \"LL\"
from = CreateFileMapping({from:?}, PAGE_READONLY, 0)
source = MapViewOfFile(from, FILE_MAP_READ, 0, 0)
to = CreateFileMapping({to:?}, PAGE_READWRITE, 0)
target = MapViewOfFile(to, FILE_MAP_WRITE, 0, 0)
print \"so far\"
copied = ReadProcessMemory(app, source, target, 256GiB)
print \"never\"
"
    );
    let script = files.write("long.vm", text);
    let child = spawn(&["vm", &script, "--json", &files.name("picture.json")]);
    // Memory is full of what was copied: the statement is under way.
    let is_copying = || std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&to).unwrap()) > 0;
    wait_until(is_copying, "it copies");
    let (code, output, message) = interrupt_and_wait(child);
    assert_eq!(code, Some(1), "{message}");
    assert_eq!(output, "so far\n");
    assert_eq!(
        message,
        "error: interrupted; mapped files may lack what the script wrote to them\n"
    );
    let content = fs::read(&file).unwrap();
    assert!([b"HEllo", b"HELLo"].contains(&content.as_slice().try_into().unwrap()));
    assert_eq!(
        files.names(),
        ["f.bin", "from.bin", "long.vm", "to.bin"].map(String::from)
    );
}

#[test]
fn a_run_that_waits_for_input_ends_too() {
    let files = Files::new();
    let json = files.name("report.json");
    let mut child = spawn(&["sim", "-", "--json", &json]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(short_trace().as_bytes()).unwrap();
    wait_until(|| catches_interrupts(&child), "it handles interrupts");
    let ended = interrupt(child);
    assert_interrupted(&files, &ended);
    drop(input);
}

#[test]
fn a_replay_ends_too() {
    let files = Files::new();
    let json = files.name("result.json");
    let memory = data("steady/start-pt-only.raw.zst");
    let child = spawn(&["conform", "-", "--memory", &memory, "--json", &json]);
    wait_until(|| catches_interrupts(&child), "it handles interrupts");
    assert_interrupted(&files, &interrupt(child));
}

/// An image whose one page table leads back to itself, so that its pages have no end; and
/// one whose four tables hold no page, but whose walk takes as long.
#[test]
fn a_list_of_pages_without_end_ends_too() {
    let entries = |entry: u64| entry.to_le_bytes().repeat(512);
    let itself = entries(0x7);
    let empty = [
        entries(0x1007),
        entries(0x2007),
        entries(0x3007),
        vec![0; 4096],
    ]
    .concat();
    for image in [itself, empty] {
        let files = Files::new();
        let images = Files::new();
        let image = images.write("image.raw", image);
        let json = files.name("maps.json");
        let arguments = ["maps", &image, "--cr3", "0", "--efer", "0xd00"];
        let registers = ["--cr0", "0x80000001", "--cr4", "0x20", "--json", &json];
        let child = spawn(&[&arguments[..], &registers].concat());
        wait_until(|| !files.names().is_empty(), "it writes");
        assert_interrupted(&files, &interrupt(child));
    }
}
