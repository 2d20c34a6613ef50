use std::num::NonZeroU32;

use cache::{CacheId, Request};
use mmu_core::Owner;

use super::*;
use crate::{
    byte_size::ByteSize, page_policy::PagePolicy, pages::Pages, preset::Preset, trace::RecordKind,
};

fn load(address: u64, size: u32) -> Record {
    Record {
        kind: RecordKind::Load,
        address: VirtAddr::new(address),
        size,
    }
}

fn machine(config: MachineConfig, processes: usize) -> Machine {
    let preset = Preset::load("golden-cove").unwrap();
    Machine::new(&preset, config, processes).unwrap()
}

#[test]
fn a_long_access_touches_every_line_and_page_once() {
    let config = MachineConfig {
        ram: ByteSize(1 << 20),
        ..MachineConfig::default()
    };
    let mut machine = machine(config, 1);
    machine.access(0, &load(0x1001, 8192)).unwrap();
    let counters = machine.processors()[0].mmu.cost().counters();
    let of = |count: fn(&cache::Counters, CacheId, Request) -> u64| {
        count(&counters, CacheId::L1d, Request::Read)
    };
    assert_eq!(of(cache::Counters::hits) + of(cache::Counters::misses), 129);
    assert_eq!(machine.footprint().demand_zero, 3);
    let lookups = machine.sum(|mmu| mmu.cache().tlbs().lookups(tlb::Stream::Load).total);
    // One that faults and one that does not, for each page.
    assert_eq!(lookups, 2 * 3);
}

/// Every page of a region is read, by one processor; how many faults and collapses that takes.
fn fill_a_region(machine: &mut Machine) {
    for page in 0..512 {
        machine
            .access(0, &load(0x4000_0000 + page * 4096, 8))
            .unwrap();
    }
}

#[test]
fn a_region_becomes_a_large_page_once_enough_of_it_is_touched() {
    let config = MachineConfig {
        pages: PagePolicy::Transparent { touched: 100 },
        ram: ByteSize(64 << 20),
        ..MachineConfig::default()
    };
    let mut machine = machine(config, 1);
    fill_a_region(&mut machine);
    let footprint = machine.footprint();
    assert_eq!(footprint.demand_zero, 100);
    assert_eq!(footprint.collapses, 1);
    assert!(machine.cycles().of(Owner::Collapse) > mmu_core::Cycles::ZERO);
    assert_eq!(
        machine.cycles().of(Owner::Shootdown),
        mmu_core::Cycles::ZERO
    );
}

#[test]
fn an_access_across_two_pages_touches_both_in_their_own_regions() {
    let config = MachineConfig {
        pages: PagePolicy::Transparent { touched: 4 },
        ram: ByteSize(64 << 20),
        ..MachineConfig::default()
    };
    let mut machine = machine(config, 1);
    let collapses = |machine: &Machine| machine.footprint().collapses;
    machine.access(0, &load(0x4000_0ffc, 8)).unwrap();
    machine.access(0, &load(0x401f_fffc, 8)).unwrap();
    assert_eq!(collapses(&machine), 0);
    machine.access(0, &load(0x4000_5000, 8)).unwrap();
    assert_eq!(collapses(&machine), 1);
    let pages = |size: PageSize| machine.footprint().pages[size.index()];
    assert_eq!([PageSize::Size4KiB, PageSize::Size2MiB].map(pages), [1, 1]);
}

#[test]
fn without_memory_for_a_large_page_the_small_ones_stay() {
    let config = MachineConfig {
        pages: PagePolicy::Transparent { touched: 1 },
        ram: ByteSize(1 << 20),
        ..MachineConfig::default()
    };
    let mut machine = machine(config, 1);
    machine.access(0, &load(0x4000_0000, 8)).unwrap();
    machine.access(0, &load(0x4000_1000, 8)).unwrap();
    assert_eq!(machine.footprint().collapses, 0);
    assert_eq!(machine.footprint().failed_collapses, 1);
}

#[test]
fn only_processors_that_may_remember_a_process_are_interrupted() {
    let config = MachineConfig {
        pages: PagePolicy::Transparent { touched: 1 },
        ram: ByteSize(64 << 20),
        processors: NonZeroU32::new(3).unwrap(),
        ..MachineConfig::default()
    };
    // Processors 0 and 2 run process 0.
    let mut machine = machine(config, 2);
    machine.access(0, &load(0x4000_0000, 8)).unwrap();
    let shot = |machine: &Machine, number: usize| {
        machine.processors()[number].cycles().of(Owner::Shootdown)
    };
    let costs = Preset::load("golden-cove").unwrap().timed.software;
    assert_eq!(
        shot(&machine, 0),
        costs.interrupt_send + costs.interrupt_wait
    );
    assert_eq!(shot(&machine, 1), mmu_core::Cycles::ZERO);
    assert_eq!(shot(&machine, 2), costs.interrupt_service);
}

#[test]
fn pcids_keep_translations_over_a_switch() {
    for (pcids, faults_and_misses) in [(Pcids::On, 2), (Pcids::Off, 3)] {
        let config = MachineConfig {
            pcids,
            ram: ByteSize(64 << 20),
            pages: Pages::Size4KiB.into(),
            ..MachineConfig::default()
        };
        let mut machine = machine(config, 2);
        machine.access(0, &load(0x4000_0000, 8)).unwrap();
        machine.switch(0, 1).unwrap();
        machine.switch(0, 0).unwrap();
        machine.access(0, &load(0x4000_0000, 8)).unwrap();
        let missed = machine.sum(|mmu| mmu.cache().tlbs().lookups(tlb::Stream::Load).missed);
        assert_eq!(missed, faults_and_misses, "{pcids:?}");
    }
}
