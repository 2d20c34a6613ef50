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

#[test]
fn every_kind_of_statement_is_understood() {
    let script = "\
# A comment, and an empty line.

process one
process two # a comment behind
process three 3GiB
thread worker
thread big 4MiB
thread small 64KiB 8KiB # a comment behind
in one
grant SeLockMemoryPrivilege
default state = MEM_COMMIT
p = VirtualAlloc(NULL, 64KiB, MEM_RESERVE|MEM_COMMIT, PAGE_READWRITE)
VirtualFree(p, 0, MEM_RELEASE) fails STATUS_UNABLE_TO_FREE_VM
VirtualFree(p + 0x1000, 1, MEM_RELEASE) fails 87
s = CreateFileMapping(NULL, PAGE_READWRITE | SEC_COMMIT, 0x2000)
t = CreateFileMapping(\"a \\\"file\\\".bin\", PAGE_READONLY, 0)
v = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0)
w = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0x200000)
n = ReadProcessMemory(two, p, v, 8) fails STATUS_PARTIAL_COPY
read p u32
read p u8 fails STATUS_ACCESS_VIOLATION
write p \"1337\"
write p u16 0x1337
execute p fails STATUS_ACCESS_VIOLATION
expect u8(p) == 0x31
expect state(p + 1) != (state(v) - 1)
q = p + 4KiB - 1
print \"the text is \", text(p, 4), \" in memory that is \", state_name(state(p)), p
map
";
    let parsed = parse("a script", script).unwrap();
    assert_eq!(parsed.statements.len(), 27);
    let last = parsed.statements.last().unwrap();
    assert_eq!(&script[last.span.clone()], "map");
    assert_eq!(
        parse("a script", &script.replace('\n', "\r\n"))
            .unwrap()
            .statements
            .len(),
        27
    );
}

#[test]
fn operators_bind_from_left_to_right() {
    let parsed = parse("a script", "process p\nx = 1 + 2 | 4 - (8 & 1)\n").unwrap();
    let Statement::Set { value, .. } = &parsed.statements[1].value else {
        panic!("{parsed:?}");
    };
    let Expression::Both(Operator::Subtract, left, right) = &value.value else {
        panic!("{value:?}");
    };
    assert!(matches!(left.value, Expression::Both(Operator::Or, ..)));
    assert!(matches!(right.value, Expression::Both(Operator::And, ..)));
}

/// Scripts, what is said of them, and at which line and column.
const MISTAKES: &[(&str, &str, usize, usize)] = &[
    ("process", "expected a name", 1, 8),
    ("process 1", "expected a name", 1, 9),
    ("process a\n  17", "expected a statement", 2, 3),
    (
        "process a\np = VirtualAlloc(NULL, 8)",
        "expected a comma and an argument: the type",
        2,
        25,
    ),
    (
        "process a\nVirtualFree()",
        "expected a number, a name or a question such as state(p): the address",
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
        "expected the name of a process: the process",
        2,
        17,
    ),
    ("process a\nEmptyWorkingSet(b)", "b is no process", 2, 17),
    (
        "process a\nthread b\nReadProcessMemory(b, 0, 0, 1)",
        "b is a thread, and no process",
        3,
        19,
    ),
    (
        "process a\nCreateFileMapping(0, PAGE_READONLY, 1)",
        "expected a file in quotes, or NULL: the file",
        2,
        19,
    ),
    (
        "process a\nVirtualLock(\"text\", 1)",
        "expected a number, a name or a question such as state(p): the address",
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
    ("process a\nexpect 1 = 1", "expected == or !=", 2, 10),
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
    ("process a 5GiB", "expected 2GiB, 3GiB or 4GiB", 1, 11),
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
        "expected state, protection, type, base, size, u8, u16, u32, u64 or the like",
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

#[test]
fn of_a_line_that_is_too_long_only_the_start_is_shown() {
    let text = format!("process a\nprint \"{}\"\nmap\n", "\u{e4}".repeat(500_000));
    let error = parse("a script", &text).unwrap_err();
    let source = error.source_code().unwrap();
    let label = error.labels().unwrap().next().unwrap();
    let around = source.read_span(label.inner(), 1, 1).unwrap();
    assert!(around.data().len() < 150, "{}", around.data().len());
    assert_eq!(label.offset(), text.find("print").unwrap());
}

#[test]
fn no_text_is_too_odd() {
    for text in [
        "",
        "\n\n",
        "#",
        "\u{0}",
        "\"",
        "process \u{e4}",
        "process a\nx = ((((((",
        "((",
        "=",
        "0x",
    ] {
        let _ = parse("a script", text);
    }
    let deep = format!(
        "process a\nx = {}1{}",
        "(".repeat(10_000),
        ")".repeat(10_000)
    );
    let _ = parse("a script", &deep);
}
