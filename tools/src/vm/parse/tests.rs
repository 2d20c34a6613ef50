use miette::Diagnostic;

use super::*;
use crate::vm::script::{Item, Operator, Relation};

mod mistakes;

#[test]
fn every_kind_of_statement_is_understood() {
    let script = "\
# A comment, and an empty line.

ram 64MiB
processors 4#no blank
dep OptOut
process one
process two # a comment behind
process three 3GiB
thread worker
thread big 4MiB
thread small 64KiB 8KiB # a comment behind
in one
on 3
tick
tick 10
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
touch p 64KiB
TerminateThread(worker)
TerminateProcess(two) fails STATUS_INVALID_HANDLE
expect u8(p) == 0x31
expect state(p + 1)!=(state(v) - 1)
expect counter(faults)<=9
map = 5
q = p + 4KiB - 1
print \"the text is \", text(p, 4), \" in memory that is \", state_name(state(p)), p
map
";
    let parsed = parse("a script", script).unwrap();
    assert_eq!(parsed.statements.len(), 38);
    let last = parsed.statements.last().unwrap();
    assert_eq!(&script[last.span.clone()], "map");
    assert_eq!(
        parse("a script", &script.replace('\n', "\r\n"))
            .unwrap()
            .statements
            .len(),
        38
    );
}

#[test]
fn a_text_has_characters_that_cannot_be_written() {
    let script = parse(
        "a script",
        r#"process a
print "1\t2\n3\0\"\\\\""#,
    );
    let script = script.unwrap();
    let Statement::Print(items) = &script.statements[1].value else {
        panic!("{script:?}");
    };
    let [Item::Text(text)] = &items[..] else {
        panic!("{items:?}");
    };
    assert_eq!(text, "1\t2\n3\0\"\\\\");
}

#[test]
fn sides_are_compared_with_and_without_blanks() {
    for (operator, relation) in [
        ("==", Relation::Equal),
        ("!=", Relation::NotEqual),
        ("<", Relation::Less),
        ("<=", Relation::AtMost),
        (">", Relation::Greater),
        (">=", Relation::AtLeast),
    ] {
        for blank in ["", " ", "\t "] {
            let text = format!("process a\nexpect 1{blank}{operator}{blank}2");
            let script = parse("a script", &text).unwrap();
            let Statement::Expect {
                relation: found, ..
            } = script.statements[1].value
            else {
                panic!("{script:?}");
            };
            assert_eq!(found, relation, "{text}");
        }
    }
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
fn parentheses_count_where_they_are_within_each_other() {
    let many = "(".repeat(100);
    let pairs = format!("{}0", "(0)+".repeat(100));
    for line in [
        format!("x = 1 # {many}"),
        format!("print \"{many}\""),
        format!("print \"\\\"{many}\\\\\", 1 # {many}"),
        format!("x = {pairs}"),
    ] {
        let parsed = parse("a script", &format!("process a\n{line}\n"));
        assert!(parsed.is_ok(), "{line}: {:?}", parsed.err());
    }
    let behind = format!("process a\nprint \"#\\\"(\", {many}1\n");
    let refused = parse("a script", &behind).unwrap_err();
    let place = refused.labels().unwrap().next().unwrap().offset();
    assert_eq!(place, behind.find(", ((").unwrap() + 2 + 32);
}

#[test]
fn what_is_shown_of_a_script_gives_a_terminal_no_orders() {
    let text = "process \u{1b}[31ma\u{9b}\rb \u{e4}\tc\r\nnext";
    let error = parse("a script", text).unwrap_err();
    let label = error.labels().unwrap().next().unwrap();
    let source = error.source_code().unwrap();
    let around = source.read_span(label.inner(), 1, 1).unwrap();
    let shown = "process ?[31ma\u{b7}?b \u{e4}\tc\r\nnext";
    assert_eq!(str::from_utf8(around.data()), Ok(shown));
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
