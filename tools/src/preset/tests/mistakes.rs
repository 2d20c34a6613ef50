//! Wrong values: each is refused with the field, the reason and the place.

use super::*;

/// Replaces the first text behind `section`.
fn within(section: &str, from: &str, to: &str) -> String {
    let text = golden_cove();
    let start = text.find(section).unwrap();
    let (before, after) = text.split_at(start);
    assert!(after.contains(from), "{from}");
    format!("{before}{}", after.replacen(from, to, 1))
}

fn check(cases: impl IntoIterator<Item = (String, &'static str, &'static str, &'static str)>) {
    for (text, field, why, place) in cases {
        let refusal = refused(&text);
        assert!(
            refusal.why.contains(why),
            "got: {}\nexpected: {why}",
            refusal.why
        );
        assert_eq!(refusal.field, field, "{why}");
        assert!(refusal.place.starts_with(place), "{}: {why}", refusal.place);
    }
}

#[test]
fn of_the_shape_of_tlbs() {
    let load = "name = \"dtlb.load.4k\"";
    let stlb = "name = \"stlb.4k.2m\"";
    let pde = "[structure_caches.pde]";
    let cited = |value: &str| format!("{value}, tag = \"assumed\", source = \"no-policy\" }}");
    check([
        (
            within(load, "ways = { value = 6,", "ways = { value = 7,"),
            "tlb_level[0].tlb[2].ways",
            "96 entries do not fill whole sets of 7 ways",
            "{ value = 7",
        ),
        (
            within(load, "ways = { value = 6,", "ways = { value = 0,"),
            "tlb_level[0].tlb[2].ways",
            "there must be at least one",
            "{ value = 0",
        ),
        (
            within(load, "entries = { value = 96,", "entries = { value = 0,"),
            "tlb_level[0].tlb[2].entries",
            "there must be at least one",
            "{ value = 0",
        ),
        (
            within(load, "ways = { value = 6,", "ways = { value = \"most\","),
            "tlb_level[0].tlb[2].ways",
            "a number of ways or \"full\"",
            "\"most\"",
        ),
        (
            within(stlb, "\"xor-7\"", "\"xor-8\""),
            "tlb_level[1].tlb[0].index",
            "an index of 8 bits does not choose among 128 sets",
            "{ value = \"xor-8\"",
        ),
        (
            within(stlb, "\"xor-7\"", "\"xor-4000000000\""),
            "tlb_level[1].tlb[0].index",
            "an index of 4000000000 bits does not choose among 128 sets",
            "{ value = \"xor-4000000000\"",
        ),
        (
            within(
                load,
                &cited("\"true-lru\"").replace("no-policy", "six-ways"),
                &cited("\"tree-plru\""),
            ),
            "tlb_level[0].tlb[2].replacement",
            "tree-plru does not work with 6 ways: it needs a power of two",
            "{ value = \"tree-plru\"",
        ),
        (
            within(pde, "\"true-lru\"", "\"mru3-plru4\""),
            "structure_caches.pde.replacement",
            "mru3-plru4 does not work with 4 ways: it needs 12",
            "{ value = \"mru3-plru4\"",
        ),
    ]);
}

#[test]
fn of_the_shape_of_caches() {
    check([
        (
            within("[caches.l2]", "qlru-h00-m1-r0-u1", "qlru-h00-m1-r3-u1"),
            "caches.l2.replacement",
            "of QLRU is at most 2: got 3",
            "\"qlru-h00-m1-r3-u1\"",
        ),
        (
            within("[caches.llc]", "value = 12,", "value = 11,"),
            "caches.llc.ways",
            "491520 entries do not fill whole sets of 11 ways",
            "{ value = 11",
        ),
        (
            within("[caches.llc]", "\"30MiB\"", "\"1TiB\""),
            "caches.llc.size",
            "a cache of 1 TiB is too large: it has more than 2^32 lines",
            "{ value = \"1TiB\"",
        ),
        (
            within("[caches.l1d]", "\"48KiB\"", "\"100\""),
            "caches.l1d.size",
            "100 bytes are not whole lines of 64 bytes",
            "{ value = \"100\"",
        ),
        (
            within("[caches.l1d]", "\"48KiB\"", "\"0\""),
            "caches.l1d.size",
            "there must be at least one",
            "{ value = \"0\"",
        ),
        (
            within("[caches.l1d]", "\"48KiB\"", "\"48KB\""),
            "caches.l1d.size",
            "\"48KB\" is not a size",
            "",
        ),
        (
            within("[walkers]", "value = 4,", "value = 0,"),
            "walkers.count",
            "there must be at least one",
            "{ value = 0",
        ),
        (
            within("combining_buffers", "value = 4,", "value = 0,"),
            "caches.combining_buffers",
            "there must be at least one",
            "{ value = 0",
        ),
        (
            within("[paging]", "value = 46", "value = 53"),
            "paging.physical_address_bits",
            "physical addresses have 32 to 52 bits, not 53",
            "{ value = 53",
        ),
    ]);
}

#[test]
fn of_tlbs_that_hold_more_than_pages_of_their_own() {
    let with = |field: &str| within("name = \"itlb.4k\"", "\n", &format!("\n{field}\n"));
    check([
        (
            with("coalesce = 3"),
            "tlb_level[0].tlb[0].coalesce",
            "an entry holds 1, 2, 4, 8 or 16 pages, not 3",
            "3",
        ),
        (
            with("coalesce = 0"),
            "tlb_level[0].tlb[0].coalesce",
            "not 0",
            "0",
        ),
        (
            with("pcids = 4097"),
            "tlb_level[0].tlb[0].pcids",
            "integer `4097`, expected a whole number from 0 to 4096",
            "4097",
        ),
        (
            with("pcids_keeping = 4"),
            "tlb_level[0].tlb[0].pcids_keeping",
            "`pcids_keeping` says nothing without `pcids`",
            "4",
        ),
    ]);
}

#[test]
fn of_prefetchers() {
    let with = |fields: &str| {
        within(
            "[caches.l1i]",
            "[caches.l1i]",
            &format!("[caches.prefetch]\n{fields}\n\n[caches.l1i]"),
        )
    };
    check([
        (
            with("stride_lines = 2"),
            "caches.prefetch.stride_lines",
            "`stride_lines` and `stride_pages` go together",
            "2",
        ),
        (
            with("stride_lines = 2\nstride_pages = 0"),
            "caches.prefetch.stride_pages",
            "there must be at least one",
            "0",
        ),
        (
            with("stride_lines = 64\nstride_pages = 1"),
            "caches.prefetch.stride_lines",
            "integer `64`, expected a whole number from 0 to 63",
            "64",
        ),
        (
            with("next_line = \"yes\""),
            "caches.prefetch.next_line",
            "unknown variant `yes`, expected `off` or `on`",
            "\"yes\"",
        ),
    ]);
}

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
