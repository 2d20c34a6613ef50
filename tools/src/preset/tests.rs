mod built_in;
mod extending;
mod mistakes;
mod shapes;

use mmu_core::Cycles;

use super::*;

fn golden_cove() -> &'static str {
    built_in_text("golden-cove").unwrap()
}

fn replaced(from: &str, to: &str) -> String {
    assert!(golden_cove().contains(from), "{from}");
    golden_cove().replacen(from, to, 1)
}

/// What a refused text says is wrong: with which field, why, and where.
struct Refusal {
    field: String,
    why: String,
    place: String,
    advice: String,
}

fn refused(text: &str) -> Refusal {
    match Preset::parse("test.toml", text).unwrap_err() {
        PresetError::Invalid {
            field,
            invalid,
            at,
            advice,
            ..
        } => Refusal {
            field: field.unwrap_or_default(),
            why: invalid.to_string(),
            place: at
                .map(|at| text[at.offset()..at.offset() + at.len()].to_string())
                .unwrap_or_default(),
            advice,
        },
        other => panic!("{other}"),
    }
}

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
    let known = Preset::load("golden-cove").unwrap().assumptions;
    assert_eq!(preset.assumptions.measured, known.measured - 1);
}

#[test]
fn every_choice_reaches_the_configuration() {
    let (first, second) = golden_cove().rsplit_once("\n[[tlb_level]]\n").unwrap();
    let text = format!(
        "{first}\n[[tlb_level]]\npromote_on_hit = false\ninclusion = \"inclusive\"\n{second}"
    );
    let text = text.replacen(
        "[[tlb_level]]\n",
        "[[tlb_level]]\nfill_on_miss = false\n",
        1,
    );
    let text = text.replacen(
        "serves = [\"fetch\"]\n",
        "serves = [\"fetch\"]\npcids = 1\npcids_keeping = 3\ncoalesce = 4\n",
        1,
    );
    let text = text.replacen("value = \"leave\"", "value = \"prefetch\"", 1);
    let text = text.replacen(
        "[caches.l1i]",
        "[caches.prefetch]\nnext_line = \"on\"\nstride_lines = 2\nstride_pages = 16\n\n[caches.l1i]",
        1,
    );
    let text = text.replacen("[structure_caches.pml4e]", "[structure_caches.pml5e]", 1);
    let timed = Preset::parse("test.toml", &text).unwrap().timed;
    let level = &timed.tlbs.levels[1];
    assert_eq!(level.on_miss, tlb::OnMiss::Fill);
    assert_eq!(level.on_lower_hit, tlb::OnLowerHit::Leave);
    assert_eq!(level.inclusion, tlb::Inclusion::Inclusive);
    let level = &timed.tlbs.levels[0];
    assert_eq!(level.on_miss, tlb::OnMiss::Pass);
    assert_eq!(level.on_lower_hit, tlb::OnLowerHit::Promote);
    let pcids = tlb::PcidCapacity::Last {
        plain: 1,
        keeping: 3,
    };
    assert_eq!(level.tlbs[0].pcids, pcids);
    assert_eq!(level.tlbs[0].coalescing, tlb::Coalescing::UpTo(4));
    assert_eq!(timed.walkers.next_page, mmu_core::NextPage::Prefetch);
    assert_eq!(timed.caches.prefetch.next_line, cache::NextLine::On);
    let stride = cache::Stride::Ahead {
        lines: 2,
        pages: 16,
    };
    assert_eq!(timed.caches.prefetch.stride, stride);
    assert!(timed.structures.pml5e.is_some() && timed.structures.pml4e.is_none());
}

#[test]
fn an_unknown_name_is_answered_with_suggestions() {
    for (name, expected) in [
        ("golden-cov", "did you mean golden-cove"),
        ("Zen-4", "did you mean zen4"),
        ("pentium", "the presets are haswell, skylake, "),
    ] {
        match Preset::load(name).unwrap_err() {
            PresetError::Unknown { advice, .. } => {
                assert!(advice.starts_with(expected), "{advice}");
            }
            other => panic!("{other}"),
        }
    }
    assert!(matches!(
        Preset::load("./none.toml"),
        Err(PresetError::Read { .. })
    ));
}
