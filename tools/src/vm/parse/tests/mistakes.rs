use miette::Diagnostic;

use super::*;

/// The message, and the line and column of its place, both counted from 1.
fn error_of(text: &str) -> (String, usize, usize) {
    let error = parse("a script", text).expect_err(text);
    let label = error.labels().unwrap().next().unwrap();
    let before = &text[..label.offset()];
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    (error.to_string(), line, column)
}

/// Scripts, what is said of them, and at which line and column.
const MISTAKES: &[(&str, &str, usize, usize)] = &[
    (
        "ram 64MiB\nprocess a\nram 32MiB",
        "what the machine is stands before its first process",
        3,
        1,
    ),
    (
        "ram 99999999TiB",
        "expected a number below 2^64, such as 12, 0xc or 64KiB",
        1,
        5,
    ),
    (
        "processors lots",
        "lots has no value yet, and is no constant",
        1,
        12,
    ),
    (
        "dep AlwaysOf",
        "expected AlwaysOff, AlwaysOn, OptIn or OptOut: did you mean AlwaysOff?",
        1,
        5,
    ),
    (
        "process a\non",
        "expected a number, a name or a question such as state(p)",
        2,
        3,
    ),
    (
        "process a\ntick 1 second",
        "expected the end of the line",
        2,
        8,
    ),
    (
        "process a\nx = VirtualAlloc(0, 8, 0, 0) fail 87",
        "expected the end of the line, or fails and how",
        2,
        30,
    ),
    (
        "process a\nprint counter(fault)",
        "expected a counter such as faults: did you mean faults?",
        2,
        15,
    ),
    ("process a\nprint counter(faults", "expected )", 2, 21),
    (
        "process a\nx = 1 + GetLastError()",
        "expected a number: calls stand alone, or behind X =",
        2,
        9,
    ),
    (
        "process a\nVirtualFree",
        "expected ( and the arguments of the call",
        2,
        12,
    ),
    (
        "process a\nexpect stat(0) == 0",
        "expected state, protection, type, base, size, allocation_base, allocation_protection, u8, \
         u16, u32 or u64: did you mean state?",
        2,
        8,
    ),
    (
        "process a\nTerminateThread(a)",
        "a is a process, and no thread",
        2,
        17,
    ),
    (
        "process a\nTerminateThread(7)",
        "expected the thread: its name",
        2,
        17,
    ),
    (
        "process another\nTerminateProcess(anothr)",
        "anothr is no process: did you mean another?",
        2,
        18,
    ),
    (
        "process another\nin anther",
        "there is no process or thread anther: did you mean another?",
        2,
        4,
    ),
    (
        "process a\nprint \"C:\\windows\"",
        "expected n, t, 0, \\ or \" behind the backslash",
        2,
        11,
    ),
    (
        "process a\nprint \"the end\\",
        "expected n, t, 0, \\ or \" behind the backslash",
        2,
        16,
    ),
    (
        "default x = 1\ndefault x = 2",
        "x has a value already",
        2,
        1,
    ),
    (
        "default x = u8(0)",
        "there is no process yet: begin with `process NAME`",
        1,
        13,
    ),
    (
        "process a\ntouch 5",
        "expected the size: a number, a name or a question such as state(p)",
        2,
        8,
    ),
    (
        "process a\nexpect 1 =< 2",
        "expected ==, !=, <, <=, > or >=",
        2,
        10,
    ),
    (
        "process a 64",
        "expected 2GiB, 3GiB, 4GiB or the end of the line",
        1,
        11,
    ),
    ("process a\nx = (1", "expected )", 2, 7),
    (
        "process a\nprint \u{201c}hello\u{201d}",
        "expected a number, a name or a question such as state(p)",
        2,
        7,
    ),
    ("process", "expected a name", 1, 8),
    ("process 1", "expected a name", 1, 9),
    ("process a\n  17", "expected a statement", 2, 3),
    (
        "process a\np = VirtualAlloc(NULL, 8)",
        "expected a comma and the type",
        2,
        25,
    ),
    (
        "process a\nVirtualFree()",
        "expected the address: a number, a name or a question such as state(p)",
        2,
        13,
    ),
    (
        "process a\nVirtualAllok(0)",
        "expected the name of a call, such as VirtualAlloc: did you mean VirtualAlloc?",
        2,
        1,
    ),
    (
        "process a\nx 5",
        "expected a statement, or = behind a name",
        2,
        1,
    ),
    (
        "process a\nprnt \"x\"",
        "expected a statement, or = behind a name: did you mean print?",
        2,
        1,
    ),
    (
        "Process a",
        "expected a statement, or = behind a name: did you mean process?",
        1,
        1,
    ),
    (
        "process a\nx = 99999999999999999999",
        "expected a number below 2^64, such as 12, 0xc or 64KiB",
        2,
        5,
    ),
    (
        "process a\nread 0 u32 fails",
        "expected a status such as STATUS_ACCESS_VIOLATION, or the number of an error",
        2,
        17,
    ),
    (
        "process a\nread 0 u32 fails STATUS_ACESS_VIOLATION",
        "nothing fails with STATUS_ACESS_VIOLATION: did you mean STATUS_ACCESS_VIOLATION?",
        2,
        18,
    ),
    (
        "process a\nVirtualFree(0, 0, 0) fails NO_MEMORY",
        "nothing fails with NO_MEMORY: did you mean STATUS_NO_MEMORY?",
        2,
        28,
    ),
    (
        "process a\nread 0 u32 fails 0",
        "nothing fails with error 0: expected an error such as 87, or a status such as \
         STATUS_ACCESS_VIOLATION",
        2,
        18,
    ),
    (
        "process a\nVirtualFree(0, 0, 0) fails 0x100000057",
        "nothing fails with error 4294967383: expected an error such as 87, or a status such as \
         STATUS_ACCESS_VIOLATION",
        2,
        28,
    ),
    (
        "process a\nx = ((((((((((((((((((((((((((((((((1",
        "expected )",
        2,
        38,
    ),
    (
        "process a\nx = (((((((((((((((((((((((((((((((((1",
        "expected at most 32 parentheses within each other",
        2,
        37,
    ),
    (
        "process a\nprint \"a is \" 5",
        "expected a comma and another item, or the end of the line",
        2,
        15,
    ),
    (
        "process a\nx = 4 KiB",
        "expected |, &, + or - and another number, or the end of the line",
        2,
        7,
    ),
    (
        "process a\nexpect 6 == 3 * 2",
        "expected |, &, + or - and another number, or the end of the line",
        2,
        15,
    ),
    (
        "process a\nprint text(5)",
        "expected a comma and the length",
        2,
        13,
    ),
    (
        "process a\nx = VirtualLok(0, 8)",
        "expected a call such as VirtualAlloc, or a question such as state(p): \
         did you mean VirtualLock?",
        2,
        5,
    ),
    (
        "process a\nx = colour(0)",
        "expected a call such as VirtualAlloc, or a question such as state(p)",
        2,
        5,
    ),
    (
        "process a\nVirtualUnlock(0, 8, 1)",
        "expected ) behind the last argument",
        2,
        19,
    ),
    (
        "process a\nEmptyWorkingSet(1)",
        "expected the process: its name",
        2,
        17,
    ),
    ("process a\nEmptyWorkingSet(b)", "b is no process", 2, 17),
    (
        "process a\nb = 4\nEmptyWorkingSet(b)",
        "b is a number, and no process",
        3,
        17,
    ),
    (
        "process a\nTerminateThread(NULL)",
        "NULL is a number, and no thread",
        2,
        17,
    ),
    (
        "process a\nCloseHandle(a)",
        "a is a process, and no number",
        2,
        13,
    ),
    (
        "process a\nwrite \"text\" 5",
        "expected the address: a number, a name or a question such as state(p)",
        2,
        7,
    ),
    (
        "process a\nthread b\nReadProcessMemory(b, 0, 0, 1)",
        "b is a thread, and no process",
        3,
        19,
    ),
    (
        "process a\nCreateFileMapping(0, PAGE_READONLY, 1)",
        "expected the file: its path in quotes, or NULL",
        2,
        19,
    ),
    (
        "process a\nVirtualLock(\"text\", 1)",
        "expected the address: a number, a name or a question such as state(p)",
        2,
        13,
    ),
    (
        "process a\ngrant SeLockMemory",
        "expected SeLockMemoryPrivilege",
        2,
        7,
    ),
    (
        "process a\nx = PAGE_READWRIT",
        "PAGE_READWRIT has no value yet, and is no constant: did you mean PAGE_READWRITE?",
        2,
        5,
    ),
    (
        "process a\nprint \"x\",",
        "expected an item after the comma",
        2,
        11,
    ),
    (
        "process a\nwrite 5 \"text",
        "expected the closing quote",
        2,
        14,
    ),
    (
        "process a\nwrite 5",
        "expected \"text\", or u8, u16, u32 or u64 and a number",
        2,
        8,
    ),
    ("process a\nread 5 u7", "expected u8, u16, u32 or u64", 2, 8),
    ("process a\nmap now", "expected the end of the line", 2, 5),
    (
        "process a\nexpect 1 = 1",
        "expected ==, !=, <, <=, > or >=",
        2,
        10,
    ),
    (
        "map",
        "there is no process yet: begin with `process NAME`",
        1,
        1,
    ),
    (
        "process a\nprocess a",
        "there is a process or thread a already",
        2,
        1,
    ),
    (
        "process a\nthread a",
        "there is a process or thread a already",
        2,
        1,
    ),
    (
        "process a 5GiB",
        "expected 2GiB, 3GiB, 4GiB or the end of the line",
        1,
        11,
    ),
    ("process a\nin b", "there is no process or thread b", 2, 4),
    (
        "process a\nx = y",
        "y has no value yet, and is no constant",
        2,
        5,
    ),
    ("process a\nNULL = 1", "NULL is a constant", 2, 1),
    (
        "process a\nexpect colour(1) == 1",
        "expected state, protection, type, base, size, allocation_base, allocation_protection, u8, \
         u16, u32 or u64",
        2,
        8,
    ),
];

#[test]
fn an_error_says_where_it_is_and_what_was_expected() {
    for &(text, message, line, column) in MISTAKES {
        assert_eq!(error_of(text), (message.into(), line, column), "{text}");
    }
}
