//! Files that extend a built-in preset.

use super::*;

fn mine(rest: &str) -> String {
    format!("extends = \"golden-cove\"\nname = \"mine\"\ntitle = \"Mine\"\n{rest}")
}

#[test]
fn what_a_file_does_not_say_is_as_in_the_preset_that_it_extends() {
    let base = Preset::load("golden-cove").unwrap();
    let preset = Preset::parse("mine.toml", &mine("")).unwrap();
    assert_eq!(
        (preset.name.as_str(), preset.title.as_str()),
        ("mine", "Mine")
    );
    assert_eq!(preset.assumptions, base.assumptions);
    assert_eq!(format!("{:?}", preset.timed), format!("{:?}", base.timed));
    let faster = "[caches.l1d]\nlatency = 4\n[costs]\npage_fault = 1\n";
    let preset = Preset::parse("mine.toml", &mine(faster)).unwrap();
    assert_eq!(preset.timed.caches.l1d.latency, Cycles::new(4));
    let geometry = base.timed.caches.l1d.geometry;
    assert_eq!(preset.timed.caches.l1d.geometry, geometry);
    assert_eq!(preset.timed.software.page_fault, Cycles::new(1));
    assert_eq!(preset.timed.software.invlpg, base.timed.software.invlpg);
}

/// A number that is said anew does not count as measured because the old one was.
#[test]
fn a_value_takes_the_place_of_the_old_one_and_its_citation() {
    let base = Preset::load("golden-cove").unwrap().assumptions;
    let preset = Preset::parse("mine.toml", &mine("[caches.l1d]\nlatency = 4\n")).unwrap();
    let mut left = base;
    left.measured -= 1;
    assert_eq!(preset.assumptions, left);
    let tagged = "[caches.l1d]\nlatency = { value = 4, tag = \"assumed\", source = \"no-policy\" }";
    let preset = Preset::parse("mine.toml", &mine(tagged)).unwrap();
    left.assumed += 1;
    assert_eq!(preset.assumptions, left);
}

#[test]
fn a_list_takes_the_place_of_the_old_one() {
    let level = r#"
[[tlb_level]]
penalty = 0
[[tlb_level.tlb]]
name = "all"
serves = ["fetch", "load", "store"]
pages = ["4k"]
entries = 8
ways = "full"
index = "linear"
replacement = "fifo"
"#;
    let preset = Preset::parse("mine.toml", &mine(level)).unwrap();
    assert_eq!(preset.timed.tlbs.levels.len(), 1);
    assert_eq!(preset.timed.tlbs.levels[0].tlbs.len(), 1);
}

#[test]
fn a_mistake_is_placed_in_the_file_s_own_text() {
    for (text, field, why, place) in [
        (
            mine("[caches.l1d]\nways = 7\n"),
            "caches.l1d.ways",
            "768 entries do not fill whole sets of 7 ways",
            "7",
        ),
        // The ways are inherited: their place is the table that would say them.
        (
            mine("[caches.l1d]\nsize = \"64KiB\"\n"),
            "caches.l1d",
            "1024 entries do not fill whole sets of 12 ways",
            "[caches.l1d]",
        ),
        (
            mine("[caches.l1d]\nlatencyy = 7\n"),
            "caches.l1d.latencyy",
            "unknown field `latencyy`",
            "latencyy",
        ),
        (
            mine("[costs]\ncollapse = { tag = \"assumed\" }\n"),
            "costs.collapse",
            "missing field `value`",
            "{ tag = \"assumed\" }",
        ),
        (
            mine("[costs]\ncollapse = { value = 1, tag = \"assumed\", source = \"none\" }\n"),
            "costs.collapse",
            "the source \"none\" is not in [sources]",
            "\"none\"",
        ),
        (
            mine("[caches]\nl2 = 7\n"),
            "caches.l2",
            "invalid type: integer `7`",
            "7",
        ),
    ] {
        let refusal = refused(&text);
        assert!(refusal.why.contains(why), "{}", refusal.why);
        assert_eq!(
            (refusal.field.as_str(), refusal.place.as_str()),
            (field, place)
        );
    }
}

#[test]
fn only_a_preset_can_be_extended_and_the_file_needs_a_name_of_its_own() {
    let text = mine("").replacen("golden-cove", "golden-gate", 1);
    let refusal = refused(&text);
    assert_eq!(refusal.field, "extends");
    assert_eq!(refusal.place, "\"golden-gate\"");
    assert!(
        refusal.why.starts_with(
            "there is no CPU preset \"golden-gate\" to extend: did you mean golden-cove"
        ),
        "{}",
        refusal.why
    );
    let refusal = refused("extends = 7");
    assert_eq!(refusal.why, "expected the name of a built-in preset");
    let refusal = refused("extends = \"zen2\"\ntitle = \"Mine\"");
    assert_eq!(refusal.why, "missing field `name`");
}

/// So no preset can extend itself, be it through others.
#[test]
fn a_built_in_preset_extends_only_earlier_ones() {
    let known = extend::Known(&BUILT_IN[..1]);
    assert!(known.resolve("extends = \"haswell\"").is_ok());
    let (_, invalid) = known.resolve("extends = \"skylake\"").unwrap_err();
    assert!(matches!(invalid, Invalid::ExtendsUnknown { .. }));
}
