//! What scripts say of the machine, and what it tells.

use super::*;

/// Where the fields are: Microsoft, `MEMORY_BASIC_INFORMATION` and `SYSTEM_INFO`, of 64-bit
/// programs.
#[test]
fn structures_are_written_as_programs_read_them() {
    let script = "\
processors 3
process other
theirs = VirtualAlloc(0x20000, 64KiB, MEM_RESERVE, PAGE_EXECUTE_READ)
VirtualAlloc(theirs + 4KiB, 8KiB, MEM_COMMIT, PAGE_READWRITE)
process app
p = VirtualAlloc(NULL, 4KiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
n = VirtualQueryEx(other, theirs + 0x1234, p, 48)
expect n == 48
expect u64(p) == theirs + 4KiB
expect u64(p + 8) == theirs
expect u32(p + 16) == PAGE_EXECUTE_READ
expect u64(p + 24) == 8KiB
expect u32(p + 32) == MEM_COMMIT
expect u32(p + 36) == PAGE_READWRITE
expect u32(p + 40) == MEM_PRIVATE
VirtualQuery(theirs, p, 48)
expect u64(p + 8) == 0
expect u32(p + 32) == MEM_FREE
VirtualQuery(p, p, 47) fails 24
VirtualQuery(p, 0, 48) fails 998
GetSystemInfo(p)
expect u16(p) == 9
expect u32(p + 4) == 4KiB
expect u64(p + 8) == 0x10000
expect u64(p + 16) == 0x7ffffffeffff
expect u64(p + 24) == 7
expect u32(p + 32) == 3
expect u32(p + 40) == 64KiB
";
    assert_eq!(outcome(script, &[]), Ok(String::new()));
}

#[test]
fn what_ended_does_nothing_more_and_has_no_picture() {
    let script = "\
process one
thread worker
process two
TerminateThread(worker)
TerminateThread(worker) fails STATUS_INVALID_HANDLE
TerminateProcess(one)
TerminateProcess(one) fails STATUS_INVALID_HANDLE
VirtualQueryEx(one, 0, 0, 48) fails STATUS_INVALID_HANDLE
in one
read 0 u8 fails STATUS_INVALID_HANDLE
VirtualAlloc(NULL, 1, MEM_COMMIT, PAGE_READONLY) fails STATUS_INVALID_HANDLE
";
    let parsed = parse("a script", script).unwrap();
    let pictures = run(&parsed, &RunOptions::default(), &mut Vec::new()).unwrap();
    let processes: Vec<_> = pictures.iter().map(|one| one.process.as_str()).collect();
    assert_eq!(processes, ["two"]);
    let failed = outcome(&format!("{script}map\n"), &[]).unwrap_err();
    assert!(failed.contains("STATUS_INVALID_HANDLE"), "{failed}");
}

#[test]
fn huge_pages_are_attributes_of_memory_in_large_pages() {
    let script = "\
ram 3GiB
process app
kind = MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES
huge = MEM_EXTENDED_PARAMETER_NONPAGED_HUGE
VirtualAlloc2(NULL, 1GiB, kind, PAGE_READWRITE, huge) fails STATUS_PRIVILEGE_NOT_HELD
grant SeLockMemoryPrivilege
p = VirtualAlloc2(NULL, 1GiB, kind, PAGE_READWRITE, huge)
expect p & 0x3fffffff == 0
write p + 1GiB - 1 u8 7
VirtualAlloc2(NULL, 1GiB, MEM_RESERVE, PAGE_READWRITE, huge) fails STATUS_INVALID_PARAMETER
VirtualAlloc2(NULL, 1GiB, kind, PAGE_READWRITE, 1) fails STATUS_INVALID_PARAMETER
w = QueryWorkingSetEx(app, p)
print page_name(w)
";
    let printed = "valid, READ/WRITE, locked, large\n";
    assert_eq!(outcome(script, &[]), Ok(printed.into()));
}

/// Microsoft, `MEM_EXTENDED_PARAMETER`: mapped using large pages. That the type says so as well,
/// as for huge pages, is this project's.
#[test]
fn large_pages_can_be_asked_for_as_an_attribute() {
    let script = "\
process app
kind = MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES
large = MEM_EXTENDED_PARAMETER_NONPAGED_LARGE
VirtualAlloc2(NULL, 2MiB, kind, PAGE_READWRITE, large) fails STATUS_PRIVILEGE_NOT_HELD
grant SeLockMemoryPrivilege
p = VirtualAlloc2(NULL, 2MiB, kind, PAGE_READWRITE, large)
expect p & 0x1fffff == 0
w = QueryWorkingSetEx(app, p)
print page_name(w)
VirtualAlloc2(NULL, 4KiB, kind, PAGE_READWRITE, large) fails 87
VirtualAlloc2(NULL, 2MiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, large) fails 87
VirtualAlloc2(NULL, 2MiB, kind, PAGE_READWRITE, large | 0x10) fails 87
";
    let printed = "valid, READ/WRITE, locked, large\n";
    assert_eq!(outcome(script, &[]), Ok(printed.into()));
}

#[test]
fn the_command_line_has_the_last_word_on_memory() {
    let script = "ram 1MiB\nprocess app\nprint counter(commit_limit)\n";
    assert_eq!(outcome(script, &[]), Ok("0x100\n".into()));
    let script = parse("a script", script).unwrap();
    let mut printed = Vec::new();
    let options = RunOptions {
        ram_bytes: Some(2 << 20),
        ..RunOptions::default()
    };
    run(&script, &options, &mut printed).unwrap();
    assert_eq!(printed, b"0x200\n");
}

#[test]
fn time_passes_second_by_second() {
    let script = "\
ram 4MiB
process app
p = VirtualAlloc(NULL, 3500KiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
touch p 3500KiB
tick 8
expect counter(trimmed_pages) > 0
";
    assert_eq!(outcome(script, &[]), Ok(String::new()));
    let at_once = script.replace("tick 8\n", "tick 0\n");
    assert!(outcome(&at_once, &[]).is_err());
}

#[test]
fn no_machine_is_made_of_too_much() {
    for (line, failure) in [
        ("processors 0", "from 1 to 64 processors, and not 0"),
        ("processors 65", "from 1 to 64 processors, and not 65"),
        ("processors 0x100000001", "from 1 to 64 processors"),
        ("ram 0xffffffffffffffff", "does not end below 2^52"),
        (
            "processors 2\nprocess a\non 2",
            "there is no processor 2: there are 2",
        ),
        (
            "process a\non 0x100000000",
            "there is no processor 4294967296",
        ),
        ("tick 0xffffffffffffffff", "are too many: 604800 at most"),
    ] {
        let failed = outcome(&format!("{line}\n"), &[]).unwrap_err();
        assert!(failed.contains(failure), "{line}: {failed}");
    }
}
