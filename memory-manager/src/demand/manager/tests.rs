use mmu_core::{
    AccessKind, CpuFeatures, FunctionalMmu, Mappings, PrivilegeMode, Translated, VirtAddr,
};

use super::*;
use crate::demand::Protection;

const READ: AccessKind = AccessKind::Read;
const WRITE: AccessKind = AccessKind::Write;
const FETCH: AccessKind = AccessKind::Fetch;

struct World {
    manager: MemoryManager,
    process: Process,
    mmu: FunctionalMmu,
}

impl World {
    fn new(bytes: u64) -> Self {
        let mut manager = MemoryManager::new(bytes).unwrap();
        let process = manager.create_process().unwrap();
        let registers = process.registers();
        let mmu = FunctionalMmu::functional(CpuFeatures::default(), registers).unwrap();
        Self {
            manager,
            process,
            mmu,
        }
    }

    fn commit(&mut self, start: u64, length: u64, size: PageSize, protection: Protection) {
        self.process
            .commit(VirtAddr::new(start), length, size, protection)
            .unwrap();
    }

    fn access(&mut self, address: u64, kind: AccessKind) -> Result<Translated, AccessError> {
        let address = VirtAddr::new(address);
        let mmu = &mut self.mmu;
        self.manager.access(&self.process, |ram| {
            mmu.translate(ram, address, kind, PrivilegeMode::User)
        })
    }

    /// The fault that a read of the address raises now.
    fn fault(&mut self, address: u64) -> PageFault {
        let (address, mode) = (VirtAddr::new(address), PrivilegeMode::User);
        match self.mmu.translate(self.manager.ram(), address, READ, mode) {
            Err(Fault::Page(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    fn entry(&self, address: u64) -> Entry {
        let regime = self.process.regime();
        let leaf = regime.inspect(self.manager.ram(), VirtAddr::new(address));
        leaf.unwrap().entry
    }
}

#[test]
fn each_page_faults_once_and_keeps_its_frame() {
    let mut world = World::new(1 << 20);
    world.commit(0x1_0000, 0x8000, PageSize::Size4KiB, Protection::ReadWrite);
    for round in 1..=2 {
        for page in 0..8 {
            world
                .access(0x1_0000 + page * 0x1000 + round, READ)
                .unwrap();
        }
        assert_eq!(
            world
                .manager
                .counters()
                .demand_zero_faults(PageSize::Size4KiB),
            8
        );
    }
    assert_eq!(world.manager.counters().page_tables(), 4);
    let regime = world.mmu.regime();
    assert_eq!(Mappings::new(regime, world.manager.ram()).count(), 8);
}

#[test]
fn pages_have_the_size_of_their_region() {
    for (size, tables) in PageSize::IA32E.into_iter().zip([4, 3, 2]) {
        let mut world = World::new(4 << 30);
        world.commit(0x4000_0000, 0x4000_0000, size, Protection::ReadWrite);
        let found = world.access(0x4123_4567, WRITE).unwrap();
        assert_eq!(found.translation.size(), size);
        assert_eq!(world.manager.counters().demand_zero_faults(size), 1);
        assert_eq!(world.manager.counters().page_tables(), tables);
    }
}

#[test]
fn a_page_is_born_accessed_and_dirty_only_if_written() {
    let mut world = World::new(1 << 20);
    world.commit(0x1_0000, 0x2000, PageSize::Size4KiB, Protection::ReadWrite);
    world.access(0x1_0000, READ).unwrap();
    world.access(0x1_1000, WRITE).unwrap();
    assert!(!world.entry(0x1_0000).contains(Entry::DIRTY));
    assert!(
        world
            .entry(0x1_1000)
            .contains(Entry::DIRTY | Entry::ACCESSED)
    );
}

#[test]
fn what_the_protection_forbids_is_an_access_violation() {
    for (protection, forbidden) in [
        (Protection::ReadOnly, &[WRITE, FETCH][..]),
        (Protection::ReadWrite, &[FETCH]),
        (Protection::ExecuteRead, &[WRITE]),
        (Protection::ExecuteReadWrite, &[]),
    ] {
        let mut world = World::new(1 << 20);
        world.commit(0x1_0000, 0x2000, PageSize::Size4KiB, protection);
        for (page, state) in [(0x1_0000, "absent"), (0x1_1000, "present")] {
            if state == "present" {
                world.access(page, READ).unwrap();
            }
            for kind in [READ, WRITE, FETCH] {
                let violated = matches!(
                    world.access(page, kind),
                    Err(AccessError::Service(ServiceError::AccessViolation(_)))
                );
                assert_eq!(
                    violated,
                    forbidden.contains(&kind),
                    "{protection:?} {kind:?} {state}"
                );
            }
        }
    }
}

#[test]
fn memory_that_was_not_committed_is_an_access_violation() {
    let mut world = World::new(1 << 20);
    world.commit(0x1_0000, 0x1000, PageSize::Size4KiB, Protection::ReadWrite);
    let error = world.access(0x1_1000, READ).unwrap_err();
    let AccessError::Service(ServiceError::AccessViolation(fault)) = error else {
        panic!("{error}");
    };
    assert_eq!(fault.address, VirtAddr::new(0x1_1000));
    assert_eq!(
        world
            .manager
            .counters()
            .demand_zero_faults(PageSize::Size4KiB),
        0
    );
}

#[test]
fn running_out_of_memory_is_an_error_and_leaves_the_tables_in_order() {
    let mut world = World::new(6 * 0x1000);
    world.commit(0, 1 << 40, PageSize::Size4KiB, Protection::ReadWrite);
    world.access(0x1000, WRITE).unwrap();
    world.access(0x2000, WRITE).unwrap();
    let error = world.access(0x3000, WRITE).unwrap_err();
    assert_eq!(
        error,
        AccessError::Service(ServiceError::OutOfMemory(OutOfMemory {
            size: PageSize::Size4KiB,
            total_bytes: 0x6000
        }))
    );
    world.access(0x2000, READ).unwrap();
    assert!(matches!(
        world.access(0x8000_0000, READ),
        Err(AccessError::Service(_))
    ));
    world.access(0x1000, READ).unwrap();
}

#[test]
fn a_machine_too_small_for_a_table_has_no_process() {
    let mut manager = MemoryManager::new(0xfff).unwrap();
    assert!(manager.create_process().is_err());
}

#[test]
fn an_address_that_is_not_canonical_is_not_the_manager_s() {
    let mut world = World::new(1 << 20);
    let error = world.access(1 << 60, READ).unwrap_err();
    assert!(matches!(error, AccessError::Fault(Fault::NonCanonical(_))));
}

#[test]
fn an_access_that_never_succeeds_is_given_up() {
    let mut world = World::new(1 << 20);
    world.commit(0x1_0000, 0x1000, PageSize::Size4KiB, Protection::ReadWrite);
    let fault = world.fault(0x1_0000);
    let attempt = |_: &Ram| Err::<(), _>(Fault::Page(fault));
    let error = world.manager.access(&world.process, attempt).unwrap_err();
    assert_eq!(error, AccessError::StillFaulting(fault));
}

#[test]
fn faults_that_were_raised_together_are_serviced_one_after_the_other() {
    let mut world = World::new(1 << 20);
    world.commit(0x1_0000, 0x4000, PageSize::Size4KiB, Protection::ReadWrite);
    let faults = [0x1_0000, 0x1_1000, 0x1_0000].map(|address| world.fault(address));
    for fault in &faults {
        world.manager.service(&world.process, fault).unwrap();
    }
    let counters = *world.manager.counters();
    assert_eq!(counters.demand_zero_faults(PageSize::Size4KiB), 2);
    assert_eq!(counters.page_tables(), 4);
    let first = world.access(0x1_0000, WRITE).unwrap();
    let second = world.access(0x1_1000, WRITE).unwrap();
    assert_ne!(first.address, second.address);
    assert_eq!(world.manager.counters(), &counters);
}

#[test]
fn a_fault_of_another_process_changes_nothing_of_that_one() {
    let mut world = World::new(1 << 20);
    world.commit(0x1_0000, 0x1000, PageSize::Size4KiB, Protection::ReadWrite);
    world.access(0x1_0000, WRITE).unwrap();
    let fault = world.fault(0x1_1000);
    let mut other = world.manager.create_process().unwrap();
    let start = VirtAddr::new(0x1_1000);
    other
        .commit(start, 0x1000, PageSize::Size4KiB, Protection::ReadWrite)
        .unwrap();
    world.manager.service(&other, &fault).unwrap();
    let mappings = Mappings::new(world.mmu.regime(), world.manager.ram());
    assert_eq!(mappings.count(), 1);
}
