//! What must hold of every built-in preset.

use std::collections::BTreeSet;

use mmu_core::{NoObserver, Registers, TimedMmu};
use tlb::{PageSizes, Streams};
use units::PhysAddr;

use super::*;

fn table(text: &str) -> toml::Table {
    toml::from_str(text).unwrap()
}

/// The numbers and choices of a document that are not tagged, and how many are.
fn untagged(place: &str, value: &toml::Value, tagged: &mut u32) -> Vec<String> {
    match value {
        toml::Value::Table(table) if table.contains_key("value") => {
            let tag = table["tag"].as_str().unwrap();
            assert!(["measured", "manual", "assumed"].contains(&tag), "{place}");
            *tagged += 1;
            Vec::new()
        }
        toml::Value::Table(table) => {
            let inside = table.iter();
            inside
                .flat_map(|(key, value)| untagged(&format!("{place}.{key}"), value, tagged))
                .collect()
        }
        toml::Value::Array(array) => array
            .iter()
            .flat_map(|value| untagged(place, value, tagged))
            .collect(),
        toml::Value::String(_) => Vec::new(),
        _ => vec![place.to_string()],
    }
}

#[test]
fn every_number_is_tagged_and_counted_once() {
    for (name, _) in BUILT_IN {
        let whole = toml::Value::Table(table(&whole_text(name).unwrap()));
        let mut tagged = 0;
        assert_eq!(untagged(name, &whole, &mut tagged), [""; 0]);
        let known = Preset::load(name).unwrap().assumptions;
        assert_eq!(known.measured + known.manual + known.assumed, tagged);
        assert!(known.measured + known.manual >= 9, "{known:?}");
    }
}

#[test]
fn every_source_that_a_file_describes_is_used_by_it() {
    let sources = |text: &str| -> BTreeSet<String> {
        let table = table(text);
        let sources = table["sources"].as_table().unwrap();
        sources.keys().cloned().collect()
    };
    for (name, text) in BUILT_IN {
        let whole = sources(&whole_text(name).unwrap());
        let unused: Vec<_> = sources(text).difference(&whole).cloned().collect();
        assert_eq!(unused, [""; 0], "{name}");
    }
}

#[test]
fn no_file_describes_a_source_anew() {
    for (name, text) in BUILT_IN {
        let own = table(text);
        let Some(parent) = own.get("extends") else {
            continue;
        };
        let parent = table(&whole_text(parent.as_str().unwrap()).unwrap());
        for (source, words) in own["sources"].as_table().unwrap() {
            let before = parent["sources"].get(source);
            assert!(
                before.is_none_or(|before| before == words),
                "{name}: {source}"
            );
        }
    }
}

#[test]
fn every_preset_is_a_machine_that_can_be_built() {
    for (name, _) in BUILT_IN {
        let preset = Preset::load(name).unwrap();
        assert_eq!(preset.name, name);
        let registers = Registers::four_level(PhysAddr::new(0x1000));
        let mmu = TimedMmu::timed(preset.features, registers, &preset.timed, NoObserver);
        assert!(mmu.is_ok(), "{name}: {:?}", mmu.err());
    }
}

#[test]
fn what_is_printed_whole_describes_the_same_machine() {
    for (name, _) in BUILT_IN {
        let whole = Preset::parse(name, &whole_text(name).unwrap()).unwrap();
        let mut preset = Preset::load(name).unwrap();
        // What is printed whole extends nothing.
        preset.identity.extends = None;
        preset.identity.overrides.clear();
        assert_eq!(format!("{whole:?}"), format!("{preset:?}"));
    }
}

/// The thresholds and the steps behind them in `InstLatx64`'s random pointer-chase curves: at
/// strides of 4, 8 and 16 KiB, 16 sets of 4 ways reach 256 KiB, of 6 ways 384 KiB; full
/// associativity reaches as many pages whatever the stride.
#[test]
fn the_first_data_tlb_is_as_measured() {
    for (name, sets, ways, penalty) in [
        ("haswell", 16, 4, 8),
        ("skylake-sp", 16, 4, 9),
        ("rocket-lake", 16, 4, 7),
        ("tiger-lake", 16, 4, 7),
        ("golden-cove", 16, 6, 7),
        ("raptor-cove", 16, 6, 7),
        ("gracemont", 1, 48, 9),
        ("zen2", 1, 64, 6),
        ("zen3", 1, 64, 5),
        ("zen4", 1, 72, 5),
    ] {
        let preset = Preset::load(name).unwrap();
        let [first, second] = &preset.timed.tlbs.levels[..] else {
            panic!("{name} has two levels of TLBs");
        };
        let loads = first.tlbs.iter().find(|tlb| {
            tlb.serves.contains(Streams::LOAD) && tlb.holds.contains(PageSizes::SIZE_4_KIB)
        });
        let geometry = loads.unwrap().geometry;
        assert_eq!((geometry.sets(), geometry.ways()), (sets, ways), "{name}");
        assert_eq!(loads.unwrap().index, assoc::IndexFunction::Linear);
        assert_eq!(loads.unwrap().coalescing, tlb::Coalescing::Never);
        assert_eq!(second.penalty, Cycles::new(penalty), "{name}");
        assert_eq!(first.penalty, Cycles::ZERO, "{name}");
    }
}

/// Tatar et al., "TLB;DR", USENIX Security 2022.
#[test]
fn skylake_s_second_level_is_as_measured() {
    let preset = Preset::load("skylake").unwrap();
    let stlb = &preset.timed.tlbs.levels[1].tlbs[0];
    assert_eq!((stlb.geometry.sets(), stlb.geometry.ways()), (128, 12));
    assert_eq!(stlb.index, assoc::IndexFunction::Xor { bits: 7 });
    assert_eq!(stlb.replacement, assoc::Replacement::Mru3Plru4);
    let four = tlb::PcidCapacity::Last {
        plain: 4,
        keeping: 4,
    };
    assert_eq!(stlb.pcids, four);
}

/// `WikiChip`, Zen 2: 1-GiB pages go into the second level in pieces of 2 MiB.
#[test]
fn zen_2_s_second_level_holds_no_pages_of_1_gib() {
    let preset = Preset::load("zen2").unwrap();
    let second = &preset.timed.tlbs.levels[1].tlbs;
    assert!(
        second
            .iter()
            .all(|tlb| !tlb.holds.contains(PageSizes::SIZE_1_GIB))
    );
}

#[test]
fn no_preset_prefetches_lines() {
    for (name, _) in BUILT_IN {
        let preset = Preset::load(name).unwrap();
        assert_eq!(preset.timed.caches.prefetch, cache::Prefetch::default());
    }
}
