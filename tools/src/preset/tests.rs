use mmu_core::Cycles;

use super::*;

fn golden_cove() -> &'static str {
    built_in_text("golden-cove").unwrap()
}

fn invalid(text: &str) -> (String, Option<String>) {
    match Preset::parse("test.toml", text).unwrap_err() {
        PresetError::Invalid { invalid, at, .. } => {
            let place = at.map(|at| text[at.offset()..at.offset() + at.len()].to_string());
            (invalid.to_string(), place)
        }
        other => panic!("{other}"),
    }
}

fn replaced(from: &str, to: &str) -> String {
    assert!(golden_cove().contains(from));
    golden_cove().replacen(from, to, 1)
}

#[test]
fn every_number_of_a_built_in_preset_is_tagged() {
    fn untagged(place: &str, value: &toml::Value) -> Vec<String> {
        match value {
            toml::Value::Table(table) if table.contains_key("value") => {
                let tag = table.get("tag").and_then(toml::Value::as_str);
                assert!(tag.is_some_and(|tag| ["measured", "manual", "assumed"].contains(&tag)));
                Vec::new()
            }
            toml::Value::Table(table) => {
                let inside = table.iter();
                inside
                    .flat_map(|(key, value)| untagged(&format!("{place}.{key}"), value))
                    .collect()
            }
            toml::Value::Array(array) => array
                .iter()
                .flat_map(|value| untagged(place, value))
                .collect(),
            toml::Value::String(_) => Vec::new(),
            _ => vec![place.to_string()],
        }
    }
    for (name, text) in BUILT_IN {
        let table: toml::Table = toml::from_str(text).unwrap();
        assert_eq!(untagged(name, &toml::Value::Table(table)), [""; 0]);
        let preset = Preset::load(name).unwrap();
        assert_eq!(preset.name, name);
        let known = preset.assumptions;
        assert!(
            known.measured >= 5 && known.manual >= 10 && known.assumed >= 10,
            "{known:?}"
        );
    }
}

#[test]
fn the_geometry_is_what_the_file_says() {
    let preset = Preset::load("golden-cove").unwrap();
    let first = &preset.timed.tlbs.levels[0].tlbs;
    let load = first.iter().find(|tlb| tlb.name == "dtlb.load.4k").unwrap();
    assert_eq!((load.geometry.sets(), load.geometry.ways()), (16, 6));
    let llc = preset.timed.caches.llc.geometry;
    assert_eq!((llc.sets(), llc.ways()), (40960, 12));
    assert_eq!(preset.timed.tlbs.levels[1].penalty, Cycles::new(7));
    assert_eq!(preset.features.physical_address_width(), 46);
}

#[test]
fn numbers_need_no_citation_in_a_file_of_one_s_own() {
    let text = replaced(
        r#"{ value = 96, tag = "measured", source = "memlat" }"#,
        "48",
    );
    let preset = Preset::parse("test.toml", &text).unwrap();
    assert_eq!(preset.timed.tlbs.levels[0].tlbs[2].geometry.sets(), 8);
}

#[test]
fn an_unknown_name_is_answered_with_suggestions() {
    for (name, advice) in [
        ("golden-cov", "did you mean golden-cove?"),
        ("Zen-4", "did you mean zen4?"),
        (
            "pentium",
            "the presets are golden-cove, zen4; `sim --cpu` takes a file of your own too, whose name ends in .toml",
        ),
    ] {
        match Preset::load(name).unwrap_err() {
            PresetError::Unknown { advice: given, .. } => assert_eq!(given, advice),
            other => panic!("{other}"),
        }
    }
    assert!(matches!(
        Preset::load("./none.toml"),
        Err(PresetError::Read { .. })
    ));
}

#[test]
fn a_mistake_is_named_with_its_place_and_what_was_expected() {
    let cases = [
        (
            replaced("latency = { value = 5,", "latencyy = { value = 5,"),
            "unknown field `latencyy`, expected one of `size`, `ways`, `replacement`, `latency`",
            "latencyy",
        ),
        (
            replaced(r#"value = "tree-plru""#, r#"value = "random""#),
            "unknown variant `random`, expected `true-lru` or `tree-plru`",
            "\"random\"",
        ),
        (
            replaced("value = 303", "value = -1"),
            "invalid value: integer `-1`, expected a whole number from 0 to 1000000",
            "-1",
        ),
        (
            replaced("value = 303", "value = 1000001"),
            "integer `1000001`, expected a whole number from 0 to 1000000",
            "1000001",
        ),
        (
            replaced(
                "entries = { value = 96, tag = \"measured\", source = \"memlat\" }",
                "entries = 1.5",
            ),
            "floating point `1.5`, expected a whole number from 0 to 4294967295",
            "1.5",
        ),
        (
            replaced("value = \"30MiB\"", "value = \"1TiB\""),
            "a cache of 1 TiB is too large: it has more than 2^32 lines",
            "[caches.llc]",
        ),
        (
            replaced(
                "\n[structure_caches]",
                "\n[[tlb_level]]\npenalty = 1\ntlb = []\n[structure_caches]",
            ),
            "this level has no TLB",
            "[[tlb_level]]",
        ),
        (
            replaced("ways = { value = 6,", "ways = { value = 7,"),
            "96 entries do not fill whole sets of 7 ways",
            "[[tlb_level.tlb]]",
        ),
        (
            replaced("value = 46", "value = 53"),
            "physical addresses have 32 to 52 bits, not 53",
            "{ value = 53, tag = \"assumed\", source = \"width\" }",
        ),
        (
            replaced("value = \"32KiB\"", "value = \"32KB\""),
            "\"32KB\" is not a size: expected a number, perhaps with KiB, MiB, GiB or TiB",
            "",
        ),
        (
            replaced("value = \"48KiB\"", "value = \"100\""),
            "100 bytes are not whole lines of 64 bytes",
            "[caches.l1d]",
        ),
        (
            replaced("ways = { value = 16, ", "ways = 24 #"),
            "2048 entries do not fill whole sets of 24 ways",
            "[[tlb_level.tlb]]",
        ),
        (
            replaced("\n[costs]", "\n[cost]"),
            "unknown field `cost`",
            "cost",
        ),
        (replaced("[paging]", "[paging"), "", ""),
    ];
    for (text, message, place) in cases {
        let (got, at) = invalid(&text);
        assert!(got.contains(message), "got: {got}\nexpected: {message}");
        assert!(at.unwrap_or_default().starts_with(place), "{message}");
    }
}

#[test]
fn a_source_that_is_not_described_is_refused() {
    let (message, at) = invalid(&replaced("source = \"width\"", "source = \"hearsay\""));
    assert_eq!(at.as_deref(), Some("\"hearsay\""));
    assert_eq!(
        message,
        "paging.physical_address_bits names the source \"hearsay\", which is not in [sources]"
    );
}

#[test]
fn a_machine_without_instruction_tlbs_is_refused() {
    let text = golden_cove().replace(r#"serves = ["fetch"]"#, r#"serves = ["load"]"#);
    let (message, at) = invalid(&text);
    assert_eq!(message, "no first-level TLB serves fetch");
    assert!(at.unwrap().starts_with("[[tlb_level]]"));
    let (start, rest) = text.split_once("[[tlb_level]]").unwrap();
    let (_, rest) = rest.split_once("[structure_caches]").unwrap();
    let start = start.replacen("name =", "tlb_level = []\nname =", 1);
    let (message, at) = invalid(&format!("{start}[structure_caches]{rest}"));
    assert_eq!(message, "no first-level TLB serves fetch");
    assert_eq!(at.as_deref(), Some("tlb_level"));
}
