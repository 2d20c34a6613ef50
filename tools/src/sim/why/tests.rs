//! What the log has of a run against a recount from outside.

use std::collections::BTreeMap;

use mmu_core::Cycles;

use super::*;
use crate::{
    byte_size::ByteSize,
    pages::Pages,
    preset::Preset,
    sim::{Machine, MachineConfig},
    trace::{Record, RecordKind},
};

/// Accesses all over some tens of MiB, by a few instructions, many of them across two pages.
fn scattered() -> Vec<Record> {
    let mut state = 1_u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 33
    };
    let mut records = Vec::new();
    for _ in 0..20_000 {
        let kind = RecordKind::ALL[(random() % 4) as usize];
        let address = match kind {
            RecordKind::Fetch => 0x40_0000 + random() % 64 * 4093,
            _ => 0x7f00_0000_0000 + random() % 8192 * 4096 + 4090,
        };
        records.push(Record {
            kind,
            address: VirtAddr::new(address),
            size: 1 + (random() % 16) as u32,
        });
    }
    records
}

fn machine(pages: Pages) -> Machine {
    let preset = Preset::load("golden-cove").unwrap();
    let ram = ByteSize(4 << 30);
    let config = MachineConfig {
        pages: pages.into(),
        ram,
        ..MachineConfig::default()
    };
    Machine::new(&preset, config, 1).unwrap()
}

fn sum<K: Copy + Ord + std::hash::Hash>(tally: &Tally<K>) -> (u64, Cycles) {
    let all = tally.dearest_first();
    let walks = all.iter().map(|(_, spent)| spent.walks).sum();
    (walks, all.iter().map(|(_, spent)| spent.cycles).sum())
}

#[test]
fn every_cycle_of_a_walk_has_a_page_a_region_and_an_instruction() {
    for pages in [Pages::Size4KiB, Pages::Size2MiB] {
        let mut machine = machine(pages);
        for record in scattered() {
            machine.access(0, &record).unwrap();
        }
        let log = &machine.walk_log();
        let counts = machine.sum(|mmu| mmu.observer().statistics().by_references().iter().sum());
        let spent = machine.cycles().walks();
        let walks = counts;
        assert!(walks > 0 && spent > Cycles::ZERO);
        let [places] = log.processes() else {
            panic!("one process")
        };
        assert_eq!(sum(places.pages()), (walks, spent));
        assert_eq!(sum(places.regions()), (walks, spent));
        assert_eq!(sum(places.instructions()), (walks, spent));
        let timed = Stream::ALL.map(|stream| log.latencies(stream));
        assert_eq!(timed.map(Latencies::walks).iter().sum::<u64>(), walks);
        assert_eq!(timed.map(Latencies::sum).into_iter().sum::<Cycles>(), spent);
    }
}

/// With accesses of one byte, whatever walks cost between before and after is the page's.
#[test]
fn the_log_has_what_a_recount_from_outside_has() {
    let mut machine = machine(Pages::Size4KiB);
    let mut pages = BTreeMap::<u64, u64>::new();
    let mut instructions = BTreeMap::<Option<u64>, u64>::new();
    let mut instruction = None;
    for record in scattered() {
        let record = Record { size: 1, ..record };
        let before = machine.cycles().walks();
        machine.access(0, &record).unwrap();
        let address = record.address.as_u64();
        if record.kind == RecordKind::Fetch {
            instruction = Some(address);
        }
        let cycles = (machine.cycles().walks() - before).as_u64();
        if cycles > 0 {
            *pages.entry(address & !0xfff).or_default() += cycles;
            *instructions.entry(instruction).or_default() += cycles;
        }
    }
    let log = machine.walk_log();
    let places = &log.processes()[0];
    let logged = places.pages().dearest_first().into_iter();
    let logged = logged.map(|(page, spent)| (page.address.as_u64(), spent.cycles.as_u64()));
    assert_eq!(logged.collect::<BTreeMap<_, _>>(), pages);
    let logged = places.instructions().dearest_first().into_iter();
    let logged = logged.map(|(at, spent)| (at.map(VirtAddr::as_u64), spent.cycles.as_u64()));
    assert_eq!(logged.collect::<BTreeMap<_, _>>(), instructions);
}
