//! Lines without meaning, and files that are not whole.

use super::*;

fn wrong(line: &str) -> (usize, &'static str) {
    match Line::parse(line.as_bytes()) {
        Err(Malformed::Column { column, expected }) => (column, expected),
        other => panic!("{line}: {other:?}"),
    }
}

/// With `right` replaced by `bad`, a good line is refused at the place of the caret.
fn refused(line: &str, right: &str, bad: &str, expected: &'static str) {
    done(line);
    let marked = line.replacen(right, bad, 1);
    let caret = marked.find('^').expect("a place");
    let bad = marked.replace('^', "");
    assert_eq!(wrong(&bad), (caret + 1, expected), "{bad}");
}

const ALLOC: &str =
    "0 ALLOC a=A+b0000 n=4000 t=2000 p=1 => r=A+b0000 | {A+b0000 10000 R 0 A+b0000 1 P} ;E";
const HEX: &str = "a hexadecimal number of at most 64 bits";
const HEX32: &str = "a hexadecimal number of at most 32 bits";

#[test]
fn operands_without_meaning_are_told_with_their_column() {
    let address = "an address: 0, A+OFFSET, A-OFFSET, N0+OFFSET to N5+OFFSET or X:ADDRESS";
    refused(ALLOC, "a=A+", "a=^B+", address);
    refused(ALLOC, "a=A+b0000", "a=^-1", address);
    refused(ALLOC, "a=A+b", "a=A+^0b", HEX);
    let far = "an offset of at most 63 bits";
    refused(ALLOC, "a=A+b0000", "a=A+^8000000000000000", far);
    refused(ALLOC, "a=A+b0000", "a=N^6+0", "a number from 0 to 5");
    refused(ALLOC, "a=A+b0000", "a=N0^", "+");
    refused(ALLOC, "a=A+b0000", "a=X:^", HEX);
    refused(ALLOC, "n=4000", "n=0^x4000", "t=");
    refused(ALLOC, " n=4000 ", "^ ", "n=");
    refused(ALLOC, "t=2000", "t=^100000000", HEX32);
    refused(ALLOC, " p=1", "^", "p=");
    let decimal = "a decimal number of at most 64 bits";
    refused(ALLOC, "0 ALLOC", "^00 ALLOC", decimal);
    refused(ALLOC, "0 ALLOC", "0 ^ ALLOC", OPERATIONS);
    refused(ALLOC, "ALLOC", "^ALLOCA", OPERATIONS);
    refused(ALLOC, " =>", "^ ->", "=> ");
}

const OPERATIONS: &str = "ALLOC, FREE, PROTECT, QUERY, READ, WRITE, EXEC, GETWW, RESETWW, MKSEC, \
                          CLOSE, MAP, UNMAP, FLUSH, FREAD, WALK or SUM";

#[test]
fn widths_names_and_lengths_have_bounds() {
    let write = "1 WRITE a=A+0 w=1 v=ff => ok ;E";
    refused(write, "w=1", "w=^3", "1, 2, 4 or 8");
    refused(write, "v=ff", "v=^100", "a value of at most the width");
    refused(write, "w=1", "w=1^6", "v=");
    let close = "1 CLOSE H0 => r=1 ;E";
    refused(close, "H0", "H^6", "a number from 0 to 5");
    refused(close, " H0", "^ F0", "H");
    let read = "1 FREAD F0 off=0 n=1 => r=1 got=1 h=0000000000000000 ;E";
    refused(read, "F0", "F^2", "0 or 1");
    let most = "a length of at most 10000000";
    refused(read, "n=1", "n=^10000001", most);
    let hash = "16 lower-case hexadecimal digits";
    refused(read, "h=0", "h=^", hash);
    refused(read, " h=0000000000000000", "^", "h=");
}

#[test]
fn results_are_those_of_the_call() {
    let places = "r=ADDRESS, r=SLOT al=0|1, r=T al=0|1 released or r=0 e=ERROR";
    refused(ALLOC, "r=A+b0000 |", "^r=1 |", places);
    refused(ALLOC, "r=A+b0000 |", "^ok |", places);
    refused(ALLOC, "r=A+b0000", "r=N0^", "al=");
    refused(ALLOC, "r=A+b0000", "r=N0 al=^2", "0 or 1");
    refused(ALLOC, "r=A+b0000", "r=T al=1^", "released");
    let error = "a decimal number of at most 32 bits";
    refused(ALLOC, "r=A+b0000", "r=0 e=^x", error);
    let read = "6 READ a=A+b2000 w=8 => v=0 ;E";
    refused(read, "v=0", "^ok", "v=VALUE or x=CODE k=ACCESS a=ADDRESS");
    refused(read, "v=0", "v=^00", HEX);
    refused(read, "v=0", "x=c0000005 k=0^", "a=");
    let query = "26 QUERY a=A+0 => {A+0 9000 R 0 A+0 40 P} ;E";
    let two = "^{A+0 9000 R 0 A+0 40 P} {A+9000 9000 R 0 A+0 40 P}";
    refused(
        query,
        "{A+0 9000 R 0 A+0 40 P}",
        two,
        "one region or r=0 e=ERROR",
    );
    let written = "76 GETWW a=A+0 n=a000 f=1 c=2 => r=0 g=1000 c=1 [A+2000] ;E";
    refused(written, "c=1 [", "c=^2 [", "as many as there are addresses");
    refused(written, "[A+2000]", "[A+2000^A+3000]", "a space");
    let watch = "r=0 g=1000 c=COUNT [ADDRESSES] or r=ffffffff e=ERROR";
    refused(written, "r=0 g=1000", "^r=0 g=2000", watch);
}

#[test]
fn regions_are_whole() {
    refused(ALLOC, "10000 R", "10000 ^Q", "C, R or F");
    refused(ALLOC, "1 P}", "1 ^Q}", "P, M or I");
    refused(ALLOC, "1 P}", "1 P^", "}");
    refused(ALLOC, "R 0 A+b0000 1 P", "F 1 ^A+b0000 1 P", "- 0 -");
    refused(ALLOC, "| {", "| ^", "{");
    refused(ALLOC, "P} ;", "P}^.. ;", ";");
}

#[test]
fn tags_are_known() {
    let line = "1 CLOSE H0 => r=1 ;E";
    refused(line, ";E", ";^X", "E, O, D or S");
    refused(line, ";E", ";E^ W1", "the end of the line");
    refused(line, ";E", ";O^", "a space");
    refused(line, ";E", ";O ^V1", "W");
    refused(line, ";E", ";O W1,^", "W");
    refused(line, ";E", ";O W1^ e=87", "the end of the line");
    refused(line, " ;E", "^", ";");
}

fn header(right: &str, wrong: &str) -> Malformed {
    let line = HEADER.replacen(right, wrong, 1);
    assert_ne!(line, HEADER);
    match file(&[&line]) {
        Err(GoldenError::Line {
            line: 1, reason, ..
        }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_header_is_of_a_known_version_and_has_bounds() {
    assert_eq!(header("vmgold 1", "vmgold 2"), Malformed::Header);
    assert_eq!(header("vmgold 1", "vmgold 10"), Malformed::Header);
    let column = |column, expected| Malformed::Column { column, expected };
    let arena = "a multiple of 10000, at least that and at most 10000000";
    assert_eq!(header("200000", "208000"), column(41, arena));
    assert_eq!(header("200000", "0"), column(41, arena));
    assert_eq!(header("200000", "10010000"), column(41, arena));
    let length = "a length of at most 1000000";
    assert_eq!(header("2a345", "ffffffffffffffff"), column(57, length));
    assert_eq!(header(",F1:40000", ""), column(62, ",F1:"));
    assert_eq!(
        header("seed=0", "seed=x"),
        column(17, "a decimal number of at most 64 bits")
    );
    assert_eq!(
        header("F1:40000", "F1:40000,F2:1"),
        column(71, "the end of the line")
    );
}
