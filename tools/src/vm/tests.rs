use super::*;

mod arrays;
mod machine;
mod steps;

/// What a script prints, or how its first statement that fails does.
fn outcome(text: &str, settings: &[&str]) -> Result<String, String> {
    let script = parse("a script", text).map_err(|error| error.to_string())?;
    let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
    let mut printed = Vec::new();
    let options = RunOptions {
        settings: &settings,
        ..RunOptions::default()
    };
    let ran = run(&script, &options, &mut printed);
    ran.map_err(|failed| failed.to_string())?;
    Ok(String::from_utf8(printed).unwrap())
}

#[test]
fn text_is_written_and_printed_and_is_gone_after_decommit() {
    let script = "\
process app
p = VirtualAlloc(NULL, 8, MEM_COMMIT, PAGE_READWRITE)
write p \"1337\"
print text(p, 4)
VirtualFree(p, 8, MEM_DECOMMIT)
expect state(p) == MEM_RESERVE
read p u32 fails STATUS_ACCESS_VIOLATION
";
    assert_eq!(outcome(script, &[]), Ok("1337\n".into()));
}

#[test]
fn a_query_is_printed_in_words() {
    let script = "\
process app
p = VirtualAlloc(NULL, 8, MEM_COMMIT, PAGE_READONLY)
print \"Protection type : \", protection_name(protection(p))
print \"Region State : \", state_name(state(p))
";
    let expected = "Protection type : READ\nRegion State : Committed\n";
    assert_eq!(outcome(script, &[]), Ok(expected.into()));
}

#[test]
fn the_command_line_sets_what_has_a_default() {
    let script = "\
process app
default kind = MEM_COMMIT
default rights = PAGE_READWRITE
p = VirtualAlloc(NULL, 8, kind, rights)
print state_name(state(p)), \", \", protection_name(allocation_protection(p))
";
    assert_eq!(outcome(script, &[]), Ok("Committed, READ/WRITE\n".into()));
    let chosen = ["kind=MEM_RESERVE", "rights=PAGE_EXECUTE_READ"];
    assert_eq!(
        outcome(script, &chosen),
        Ok("Reserved, EXECUTE/READ\n".into())
    );
}

#[test]
fn an_outcome_that_was_not_told_ends_the_script() {
    let start = "process app\np = VirtualAlloc(NULL, 1, MEM_COMMIT, PAGE_READONLY)\n";
    for (line, failure) in [
        ("write p u8 1", "STATUS_ACCESS_VIOLATION"),
        (
            "write p u8 1 fails STATUS_GUARD_PAGE_VIOLATION",
            "STATUS_ACCESS_VIOLATION (0xc0000005): a write to 0x10000, which is Committed, READ, \
             but it should fail with STATUS_GUARD_PAGE_VIOLATION",
        ),
        (
            "read p u8 fails STATUS_ACCESS_VIOLATION",
            "it succeeds, but should fail with STATUS_ACCESS_VIOLATION",
        ),
        (
            "expect u8(p) == 1",
            "the left side is 0x0, the right side 0x1: they should be equal",
        ),
        (
            "expect u8(p) != 0",
            "the left side is 0x0, the right side 0x0: they should be different",
        ),
        (
            "expect state(p) == MEM_RESERVE",
            "the left side is 0x1000 (Committed), the right side 0x2000 (Reserved): they",
        ),
        (
            "expect PAGE_GUARD | PAGE_READWRITE == protection(p)",
            "the left side is 0x104 (READ/WRITE GUARD), the right side 0x2 (READ): they",
        ),
        (
            "expect type(p) == 0",
            "the left side is 0x20000 (Private), the right side 0x0: they",
        ),
        ("write p u8 256", "0x100 does not fit in u8"),
        ("write p u32 4GiB", "0x100000000 does not fit in u32"),
        ("VirtualFree(p, 1, MEM_RELEASE)", "error 87"),
        (
            "VirtualAlloc(NULL, 2GiB, MEM_COMMIT, PAGE_READONLY)",
            "error 1455: `ram` and NtCreatePagingFile raise what can be promised",
        ),
        (
            "VirtualFree(p, 1, MEM_RELEASE) fails 487",
            "error 87, but it should fail with error 487",
        ),
        ("q = 0 - 1", "the result is no number from 0 to 2^64 - 1"),
        ("CloseHandle(4)", "STATUS_INVALID_HANDLE"),
        ("CloseHandle(5)", "STATUS_INVALID_HANDLE"),
        ("VirtualUnlock(p, 1)", "STATUS_NOT_LOCKED"),
        ("VirtualLock(p, 0)", "STATUS_INVALID_PARAMETER"),
        ("DiscardVirtualMemory(p, 1)", "STATUS_INVALID_PARAMETER"),
        (
            "PrefetchVirtualMemory(app, p, 0)",
            "STATUS_INVALID_PARAMETER_4",
        ),
        (
            "ReadProcessMemory(app, p, 0, 8)",
            "STATUS_PARTIAL_COPY (0x8000000d), error 299",
        ),
        (
            "GetProcessWorkingSetSize(app, 0, 0)",
            "STATUS_ACCESS_VIOLATION (0xc0000005), error 998",
        ),
        (
            "SetProcessWorkingSetSize(app, 0, 1MiB)",
            "STATUS_INVALID_PARAMETER",
        ),
        (
            "SetProcessWorkingSetSizeEx(app, 1MiB, 2MiB, 0xc)",
            "STATUS_INVALID_PARAMETER",
        ),
        (
            "AllocateUserPhysicalPages(app, 1, p)",
            "STATUS_ACCESS_VIOLATION (0xc0000005), error 998",
        ),
        (
            "VirtualProtect(p, 1, PAGE_READWRITE)\nAllocateUserPhysicalPages(app, 1, p)",
            "STATUS_PRIVILEGE_NOT_HELD (0xc0000061), error 1314: `grant SeLock",
        ),
        (
            "MapUserPhysicalPages(p, 1, NULL)",
            "STATUS_INVALID_PARAMETER_1",
        ),
        (
            "MapUserPhysicalPages(p, 1, 8)",
            "STATUS_ACCESS_VIOLATION (0xc0000005), error 998",
        ),
    ] {
        let failed = outcome(&format!("{start}{line}\n"), &[]).unwrap_err();
        assert!(failed.contains(failure), "{line}: {failed}");
    }
}

/// Microsoft, `PSAPI_WORKING_SET_EX_BLOCK`.
#[test]
fn pages_of_a_working_set_are_printed_in_words() {
    let script = "\
process one
s = CreateFileMapping(NULL, PAGE_READWRITE, 64KiB)
v = MapViewOfFile(s, FILE_MAP_READ, 0, 0)
read v u8
process two
w = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0)
before = QueryWorkingSetEx(two, w)
write w u8 1
after = QueryWorkingSetEx(two, w)
print page_name(before), \"; \", page_name(after)
grant SeLockMemoryPrivilege
p = VirtualAlloc(NULL, 2MiB, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE)
large = QueryWorkingSetEx(two, p)
print page_name(large)
expect large & 1 == 1
";
    let printed = "\
not valid, shared; valid, READ/WRITE, shared by 2
valid, READ/WRITE, locked, large
";
    assert_eq!(outcome(script, &[]), Ok(printed.into()));
}

#[test]
fn two_processes_share_a_section() {
    let script = "\
process one
process two
s = CreateFileMapping(NULL, PAGE_READWRITE, 0x2000)
v = MapViewOfFile(s, FILE_MAP_READ, 0, 0)
in one
w = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0)
write w + 0x1ffe \"hi\"
in two
print text(v + 0x1ffe, 2)
";
    assert_eq!(outcome(script, &[]), Ok("hi\n".into()));
}

#[test]
fn a_threads_stack_grows_and_its_guard_is_an_exception_to_others() {
    let script = "\
process app
thread one
thread two 64KiB 8KiB
base = u64(two + 8)
write base - 12KiB u8 1
expect base - u64(two + 0x10) == 12KiB
in one
write base - 16KiB u8 1 fails STATUS_GUARD_PAGE_VIOLATION
in app
write u64(one + 0x10) - 1 u8 1 fails STATUS_GUARD_PAGE_VIOLATION
";
    assert_eq!(outcome(script, &[]), Ok(String::new()));
}

#[test]
fn a_process_of_32_bits_ends_where_its_layout_says() {
    for (size, end) in [("2GiB", 0x7fff_0000_u64), ("4GiB", 0xffff_0000)] {
        let script = format!("process app {size}\np = base({end:#x} - 1)\nq = base({end:#x})\n");
        let failed = outcome(&script, &[]).unwrap_err();
        assert!(failed.contains("STATUS_INVALID_PARAMETER"), "{failed}");
        let script = script.rsplit_once("q =").unwrap().0.to_owned();
        assert_eq!(outcome(&script, &[]), Ok(String::new()));
    }
}

#[test]
fn a_picture_knows_stacks_and_page_tables() {
    let script = "process app\nthread worker 64KiB 8KiB\n";
    let script = parse("a script", script).unwrap();
    let pictures = run(&script, &RunOptions::default(), &mut Vec::new()).unwrap();
    let stack = pictures[0]
        .parts
        .iter()
        .filter(|part| part.r#use == Use::Stack);
    let stack: Vec<_> = stack.map(|part| (part.size, part.state.as_str())).collect();
    let expected = [
        (0xd000, "Reserved"),
        (0x1000, "Committed"),
        (0x2000, "Committed"),
    ];
    assert_eq!(stack, expected);
    // Of four levels, the last two twice: for the stack, and for the TEB far above.
    assert_eq!(pictures[0].page_table_size, 7 * 0x1000);
}

#[test]
fn a_picture_shows_every_byte_once() {
    let script = "\
process app
p = VirtualAlloc(0x100000, 0x5000, MEM_RESERVE, PAGE_READWRITE)
VirtualAlloc(p + 0x1000, 0x1000, MEM_COMMIT, PAGE_READONLY)
";
    let script = parse("a script", script).unwrap();
    let pictures = run(&script, &RunOptions::default(), &mut Vec::new()).unwrap();
    let parts = &pictures[0].parts;
    for pair in parts.windows(2) {
        assert_eq!(pair[0].base + pair[0].size, pair[1].base);
    }
    let near = parts
        .iter()
        .filter(|part| (0x10_0000..0x11_0000).contains(&part.base));
    let near: Vec<_> = near
        .map(|part| (part.base, part.size, part.r#use))
        .collect();
    let expected = [
        (0x10_0000, 0x1000, Use::PrivateData),
        (0x10_1000, 0x1000, Use::PrivateData),
        (0x10_2000, 0x3000, Use::PrivateData),
        (0x10_5000, 0xb000, Use::Unusable),
    ];
    assert_eq!(near, expected);
}

#[test]
fn sides_are_compared_as_the_script_says() {
    for (relation, holds, words) in [
        ("1 == 1", true, ""),
        ("1 != 1", false, "they should be different"),
        ("1 < 1", false, "the left one should be less"),
        ("1 < 2", true, ""),
        ("2 <= 1", false, "the left one should be no more"),
        ("1 <= 1", true, ""),
        ("1 > 1", false, "the left one should be more"),
        ("2 > 1", true, ""),
        ("1 >= 2", false, "the left one should be no less"),
        ("1 >= 1", true, ""),
    ] {
        let ran = outcome(&format!("process app\nexpect {relation}\n"), &[]);
        assert_eq!(ran.is_ok(), holds, "{relation}");
        assert!(
            ran.is_ok() || ran.unwrap_err().ends_with(words),
            "{relation}"
        );
    }
}

#[test]
fn an_exception_says_what_was_tried_where_and_what_the_page_is() {
    let start = "\
process app
p = VirtualAlloc(0x10000, 12KiB, MEM_RESERVE, PAGE_READWRITE)
VirtualAlloc(p, 4KiB, MEM_COMMIT, PAGE_READWRITE)
VirtualAlloc(p + 4KiB, 4KiB, MEM_COMMIT, PAGE_READONLY | PAGE_GUARD)
thread worker
";
    for (line, failure) in [
        (
            "execute p",
            "the execution of 0x10000, which is Committed, READ/WRITE",
        ),
        ("read p + 8KiB u8", "a read of 0x12000, which is Reserved"),
        ("write p - 1 u8 0", "a write to 0xffff, which is Free"),
        (
            "print text(p + 4KiB, 1)",
            "STATUS_GUARD_PAGE_VIOLATION (0x80000001): a read of 0x11000, \
             which is Committed, READ, and was guarded",
        ),
        (
            "write 0xffff800000000000 u8 1",
            "a write to 0xffff800000000000, outside user space",
        ),
        (
            "write 0x1234567812345678 u8 1",
            "a read of 0xffffffffffffffff, which stands for any that is not canonical: here \
             0x1234567812345678",
        ),
        (
            "read 0x7fffffffffff u16",
            "a read of 0xffffffffffffffff, which stands for any that is not canonical: here \
             0x7fffffffffff",
        ),
        (
            "read 0xffffffffffffffff u8",
            "a read of 0xffffffffffffffff, outside user space",
        ),
        (
            "execute 0xffffffffffffffff",
            "the execution of 0xffffffffffffffff, outside user space",
        ),
        (
            "TerminateThread(worker)\nread p u8",
            "a read of 0x10000, by a process or thread that has ended",
        ),
        ("touch p 8KiB", "a read of 0x11000, which"),
        ("touch p + 0xfff 2", "a read of 0x11000, which"),
    ] {
        let failed = outcome(&format!("{start}{line}\n"), &[]).unwrap_err();
        assert!(failed.contains(failure), "{line}: {failed}");
    }
    let two = outcome(
        &format!("{start}process other\nthread last\nread p - 1 u8\n"),
        &[],
    );
    let two = two.unwrap_err();
    assert!(
        two.ends_with("a read of 0xffff, which is Free in process other"),
        "{two}"
    );
    let fine = outcome(&format!("{start}touch p + 1 4095\ntouch p 0\n"), &[]);
    assert_eq!(fine, Ok(String::new()));
}

/// Microsoft, `CreateFile`: which error it is.
#[test]
fn a_file_that_is_not_there_is_a_failure_that_can_be_told() {
    let script = "\
process app
CreateFileMapping(\"no-such-file\", PAGE_READONLY, 0) fails STATUS_OBJECT_NAME_NOT_FOUND
error = GetLastError()
expect error == 2
CreateFileMapping(\"no-such-folder/file\", PAGE_READONLY, 0) fails 3
CreateFileMapping(\".\", PAGE_READONLY, 0) fails STATUS_ACCESS_DENIED
CreateFileMapping(\"\", PAGE_READONLY, 0) fails 2
CreateFileMapping(\"no-such-file\", PAGE_READONLY, 0) fails 5
";
    let failed = outcome(script, &[]).unwrap_err();
    assert!(failed.starts_with("cannot open no-such-file: "), "{failed}");
    assert!(
        failed.ends_with("but it should fail with error 5"),
        "{failed}"
    );
}

#[test]
fn the_last_error_is_of_each_process_and_thread() {
    let script = "\
process one
VirtualFree(0x10000, 0, MEM_RELEASE) fails 487
process two
thread worker
CloseHandle(4) fails 6
SetLastError(0x12345678)
in two
e = GetLastError()
expect e == 0
in one
VirtualAlloc(0x10000, 1, MEM_COMMIT | MEM_RESERVE, PAGE_READONLY)
NtFreeVirtualMemory(0x10000, 1, 0) fails 87
e = GetLastError()
expect e == 487
MapViewOfFile(4, 0, 0, 0) fails 6
AllocateUserPhysicalPages(one, 1, 0x10000) fails 998
e = GetLastError()
expect e == 998
in worker
e = GetLastError()
expect e == 0x12345678
expect u32(worker + 0x68) == e
";
    assert_eq!(outcome(script, &[]), Ok(String::new()));
}
