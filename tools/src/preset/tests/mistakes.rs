//! Wrong values: each is refused with the field, the reason and the place.

use super::*;

/// All times stay below what any run's total could overflow with.
#[test]
fn of_numbers() {
    check([
        (
            within("memory_latency", "value = 303", "value = -1"),
            "caches.memory_latency",
            "invalid value: integer `-1`, expected a whole number from 0 to 1000000",
            "-1",
        ),
        (
            within("memory_latency", "value = 303", "value = 1000001"),
            "caches.memory_latency",
            "integer `1000001`, expected a whole number from 0 to 1000000",
            "1000001",
        ),
        (
            within("invlpg", "value = 350", "value = 18446744073709551616"),
            "costs.invlpg",
            "",
            "18446744073709551616",
        ),
        (
            within("value = 96,", "value = 96,", "value = 1.5,"),
            "tlb_level[0].tlb[2].entries",
            "floating point `1.5`, expected a whole number from 0 to 4294967295",
            "1.5",
        ),
        (
            within("pages_1g", "value = true", "value = 1"),
            "paging.pages_1g",
            "invalid type: integer `1`, expected a boolean",
            "1",
        ),
    ]);
}

#[test]
fn of_spelling_and_what_was_meant() {
    for (text, field, why, advice) in [
        (
            within("[caches.l1d]", "latency", "latencyy"),
            "caches.l1d.latencyy",
            "unknown field `latencyy`, expected one of `size`, `ways`, `replacement`, `latency`",
            "did you mean latency?",
        ),
        (
            within("[caches.l1d]", "\"lru3-plru4\"", "\"lru3plru4\""),
            "caches.l1d.replacement",
            "unknown variant `lru3plru4`",
            "did you mean lru3-plru4",
        ),
        (
            within("[caches.l2]", "\"qlru-h00-m1-r0-u1\"", "\"qlru-h00-m1-r0\""),
            "caches.l2.replacement",
            "unknown variant `qlru-h00-m1-r0`",
            "did you mean qlru-h11-m1-r0-u0",
        ),
        (
            within("name = \"stlb.4k.2m\"", "\"xor-7\"", "\"xor7\""),
            "tlb_level[1].tlb[0].index",
            "unknown variant `xor7`, expected `linear` or `xor-7`",
            "did you mean xor-7?",
        ),
        (
            replaced("\n[costs]", "\n[cost]"),
            "cost",
            "unknown field `cost`",
            "did you mean costs",
        ),
        (
            replaced("walks_enter", "walk_enters"),
            "caches.walk_enters",
            "unknown field `walk_enters`",
            "did you mean walks_enter",
        ),
        (
            replaced("tag = \"manual\"", "tag = \"manuall\""),
            "paging.pages_1g",
            "unknown variant `manuall`",
            "did you mean manual?",
        ),
    ] {
        let refusal = refused(&text);
        assert!(refusal.why.contains(why), "{}", refusal.why);
        assert_eq!(refusal.field, field);
        assert!(refusal.advice.starts_with(advice), "{}", refusal.advice);
    }
}

#[test]
fn of_toml() {
    let refusal = refused(&replaced("[paging]", "[paging"));
    assert_eq!(refusal.field, "");
    assert!(refusal.advice.contains("lookaside cpus golden-cove"));
}

#[test]
fn of_lists() {
    let empty = replaced(
        "\n[structure_caches]",
        "\n[[tlb_level]]\npenalty = 1\ntlb = []\n[structure_caches]",
    );
    check([
        (
            empty,
            "tlb_level[2]",
            "this level has no TLB",
            "[[tlb_level]]",
        ),
        (
            replaced("serves = [\"fetch\"]", "serves = []"),
            "tlb_level[0].tlb[0]",
            "this TLB serves no kind of access or holds no size of page",
            "[[tlb_level.tlb]]",
        ),
    ]);
}

#[test]
fn of_levels_that_nothing_comes_into() {
    let (first, second) = golden_cove().rsplit_once("[[tlb_level]]\n").unwrap();
    let with = |keys: &str| format!("{first}[[tlb_level]]\n{keys}\n{second}");
    // Small pages above, large ones below.
    let mut small = first.to_string();
    for others in [r#"["2m"]"#, r#"["1g"]"#, r#"["4k", "2m", "1g"]"#] {
        small = small.replace(others, r#"["4k"]"#);
    }
    let large = second.replace(r#"["4k", "#, "[");
    let exclusive = format!("{small}[[tlb_level]]\ninclusion = \"exclusive\"\n{large}");
    check([
        (
            with("fill_on_miss = false\npromote_on_hit = false"),
            "tlb_level[1]",
            "TLB level 2: nothing ever comes into it: it passes what walks find",
            "[[tlb_level]]",
        ),
        (
            exclusive,
            "tlb_level[1]",
            "TLB level 2: it is exclusive, but holds none of the page sizes",
            "[[tlb_level]]",
        ),
    ]);
}

#[test]
fn of_sources() {
    let refusal = refused(&replaced("source = \"width\"", "source = \"hearsay\""));
    assert_eq!(refusal.place, "\"hearsay\"");
    assert_eq!(refusal.field, "paging.physical_address_bits");
    assert_eq!(refusal.why, "the source \"hearsay\" is not in [sources]");
}

#[test]
fn of_a_machine_without_instruction_tlbs() {
    let text = golden_cove().replace(r#"serves = ["fetch"]"#, r#"serves = ["load"]"#);
    let refusal = refused(&text);
    assert_eq!(refusal.why, "no first-level TLB serves fetch");
    assert!(refusal.place.starts_with("[[tlb_level]]"));
    let (start, rest) = text.split_once("[[tlb_level]]").unwrap();
    let (_, rest) = rest.split_once("[structure_caches]").unwrap();
    let start = start.replacen("name =", "tlb_level = []\nname =", 1);
    let refusal = refused(&format!("{start}[structure_caches]{rest}"));
    assert_eq!(refusal.why, "no first-level TLB serves fetch");
    assert_eq!(refusal.place, "tlb_level");
}

/// The message of the command names the field.
#[test]
fn the_field_stands_in_the_message() {
    let text = replaced("value = 303", "value = -1");
    let error = Preset::parse("mine.toml", &text).unwrap_err().to_string();
    let start = "mine.toml does not describe a CPU: caches.memory_latency: invalid value";
    assert!(error.starts_with(start), "{error}");
}
