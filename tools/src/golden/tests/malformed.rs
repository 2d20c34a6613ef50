//! Lines without meaning.

use super::*;

const HEX: &str = "lower-case hexadecimal digits, without 0x";

fn field(field: &'static str, expected: &'static str) -> Malformed {
    Malformed::Field { field, expected }
}

fn large(field: &'static str, bits: u32) -> Malformed {
    Malformed::TooLarge { field, bits }
}

fn count(found: usize, expected: &'static str) -> Malformed {
    Malformed::FieldCount { found, expected }
}

/// With `right` replaced by `wrong`, the line of a vector is refused.
fn refused(right: &str, wrong: &str, reason: Malformed) {
    let line = READ.replacen(right, wrong, 1);
    assert_ne!(line, READ);
    let found = malformed(&[VECTORS, READ, "# a comment\n", &line]);
    assert_eq!(found, (4, reason), "{line}");
}

#[test]
fn what_a_vector_starts_from() {
    refused("R 1", "Q 1", field("the access", "R, W, X, I or J"));
    refused("R 1", "R 400", field("ctl", "a mask of the bits 1 to 200"));
    refused("R 1", "R 10001", large("ctl", 16));
    refused("7 1", "x 1", field("id", "decimal digits"));
    refused("7 1", "7 ", field("set", "decimal digits"));
    refused("7 ", "99999999999999999999 ", large("id", 64));
    refused("1 0 0 ", "1 0x0 0 ", field("pkru", HEX));
    refused("1 0 0 ", "1 0 A ", field("pkrs", HEX));
    refused("1 0 0 ", "1 100000000 0 ", large("pkru", 32));
    refused("4e889f", "123456789abcdef4e889f", large("va", 64));
    let lengths = "2 to 4 entries, separated by commas";
    refused("102a67,103337,104c0f,", "", field("ent", lengths));
    refused("102a67,", "1,1,102a67,", field("ent", lengths));
    refused("4812c763 ", "4812c763, ", field("ent", HEX));
    let line = READ.replace("4e889f577070", "14e889f57");
    assert_eq!(malformed(&[LEGACY, &line]), (2, large("va", 32)));
}

#[test]
fn how_a_vector_ends() {
    let absent = "- for this kind";
    refused("ok", "no", field("kind", "ok, pf, gp or gp3"));
    refused("ok 0", "gp3 0", field("pa", absent));
    let no_pdptes = field("kind", "no gp3 in this mode");
    refused("ok 0 - 4812c070", "gp3 0 - -", no_pdptes);
    refused("ok 0", "ok 1", field("err", "0 for this kind"));
    refused("ok 0 -", "ok 0 1", field("cr2", absent));
    refused("ok 0 - ", "pf 0 - ", field("cr2", HEX));
    let codes = "a page fault's error code, its bits 1 to 40";
    refused("ok 0 ", "pf 80 ", field("err", codes));
    let entries = "as many entries as in ent, = for one that is the same";
    refused("=,=,104c2f,=", "=,=,=", field("fin", entries));
    refused("=,=,104c2f,=", "=,=,104c2f,=,=", field("fin", entries));
    refused(
        "= 0",
        "= 1",
        field("amask", "bits of levels that are in ent"),
    );
    refused("= 0", "= 20", large("amask", 5));
    let categories = field("category", "one of the ten that are known");
    refused("= 0", "= 0 qemu pk-bits", categories);
    let right = field("right", "qemu, bochs or ref");
    refused("= 0", "= 0 kvm pk-bit", right);
}

#[test]
fn the_number_of_a_vector_s_fields() {
    let counts = "13, 14 or 16";
    refused("= 0", "= 0 qemu", count(15, counts));
    refused("7 ", "7 7 7 7 ", count(17, counts));
    refused(READ, "7\n", count(1, counts));
    refused(READ, "\n", count(1, counts));
}

#[test]
fn operations_without_meaning_are_named() {
    let operations = "R, S, I, C, P, 4, W, A or L";
    let cases = [
        ("X 1", field("the operation", operations)),
        ("", field("the operation", operations)),
        (
            "R 0 20",
            field("cr4", "a mask of the bits 2, 4, 80 and 1000"),
        ),
        ("S 101004 1", field("addr", "a multiple of 8")),
        ("S 10000000000000 1", large("addr", 52)),
        ("S 101000", count(2, "3")),
        ("I", count(1, "2")),
        ("C 12345678123456781", large("val", 64)),
        ("P 0 0", count(3, "4")),
        ("4 0x80", field("cr4", HEX)),
        ("W 2", field("wp", "0 or 1")),
        (
            "A R 80 0 must pf 0 -",
            field("ctl", "a mask of the bits 20 and 40"),
        ),
        ("A R 0 0 must pf 0 - -", count(9, "8")),
        ("A R 0 0 must pf 0", count(7, "8, 9, 13 or 17")),
        ("A R 0 0 may pf 0 -", count(8, "9, 13 or 17")),
        (
            "A R 0 0 may first: pf 0 -",
            field("the fresh walk", "fresh:"),
        ),
        (
            "A R 0 0 may fresh: pf 0 - k: pf 0 -",
            field("the emulator", "q: or b:"),
        ),
        ("A R 0 0 can pf 0 -", field("what is known", "must or may")),
        ("L 101000 must 1 2", count(5, "4")),
        ("L 101000 may b:", count(4, "3, 5 or 7")),
        ("L 101000 can b: 0", field("what is known", "must or may")),
    ];
    for (line, reason) in cases {
        let line = format!("{line}\n");
        assert_eq!(
            malformed(&[SEQUENCES, TABLES, &line]),
            (12, reason),
            "{line}"
        );
    }
    assert_eq!(
        malformed(&[SEQUENCES, "I 0\n"]),
        (2, Malformed::OutsideSequence)
    );
}
