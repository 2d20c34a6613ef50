//! Faults of several processors.

use mmu_core::{AccessKind, Fault, FunctionalMmu, PageFault, PrivilegeMode};

use super::*;
use crate::Serviced;
/// Two processors of an embedder's own.
struct Cpus([FunctionalMmu; 2]);

impl Cpus {
    fn new(bench: &mut Bench) -> Self {
        bench.machine.record_invalidations();
        let registers = bench.machine.registers(bench.process).unwrap();
        let features = MachineConfig::default().features;
        Self([(); 2].map(|()| FunctionalMmu::functional(features, registers).unwrap()))
    }

    /// The fault of each for an access.
    fn faults(&mut self, bench: &Bench, at: u64, kind: AccessKind) -> [PageFault; 2] {
        self.0.each_mut().map(|cpu| {
            let (at, mode) = (VirtAddr::new(at), PrivilegeMode::User);
            match cpu.translate(bench.machine.ram(), at, kind, mode) {
                Err(Fault::Page(fault)) => fault,
                other => panic!("{other:?}"),
            }
        })
    }

    /// Where each finds the bytes of an access.
    fn places(&mut self, bench: &mut Bench, at: u64, kind: AccessKind) -> [u64; 2] {
        let invalidations = bench.machine.take_invalidations();
        self.0.each_mut().map(|cpu| {
            for &invalidation in &invalidations {
                let _ = cpu.invalidate(invalidation).unwrap();
            }
            let (at, mode) = (VirtAddr::new(at), PrivilegeMode::User);
            let found = cpu.translate(bench.machine.ram(), at, kind, mode).unwrap();
            found.address.as_u64()
        })
    }
}

/// Colliding faults: the first one does the work.
#[test]
fn two_faults_on_one_page_are_resolved_once() {
    for kind in [AccessKind::Read, AccessKind::Write] {
        let mut bench = Bench::new();
        let threads = [bench.thread(0, 0), bench.thread(0, 0)];
        bench.alloc(BASE, PAGE, BOTH, READWRITE).unwrap();
        let mut cpus = Cpus::new(&mut bench);
        let faults = cpus.faults(&bench, BASE, kind);
        let before = bench.machine.fault_counters();
        let first = bench.machine.service(threads[0], &faults[0]);
        assert_eq!(first, Ok(Serviced::Resolved));
        let frames = bench.machine.frames_in_use();
        let second = bench.machine.service(threads[1], &faults[1]);
        assert_eq!(second, Ok(Serviced::AlreadyThere));
        assert_eq!(bench.machine.frames_in_use(), frames);
        let after = bench.machine.fault_counters();
        assert_eq!(after.faults - before.faults, 2);
        assert_eq!(after.demand_zero - before.demand_zero, 1);
        assert_eq!(after.already_there - before.already_there, 1);
        let places = cpus.places(&mut bench, BASE, kind);
        assert_eq!(places[0], places[1]);
    }
}

/// The entry at which a walk ended may be gone by the time that its fault is serviced.
#[test]
fn a_fault_is_serviced_by_what_the_tables_say_by_then() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 0);
    bench.alloc(BASE, 2 * PAGE, BOTH, READWRITE).unwrap();
    bench.write(BASE + PAGE, 1).unwrap();
    let mut cpus = Cpus::new(&mut bench);
    let [fault, same] = cpus.faults(&bench, BASE, AccessKind::Write);
    bench.free(BASE, 0, RELEASE).unwrap();
    let refused = bench.machine.service(thread, &fault).unwrap_err();
    assert_eq!(raw(refused), (Status::AccessViolation, 1, BASE));
    bench.alloc(BASE, PAGE, BOTH, READONLY).unwrap();
    let refused = bench.machine.service(thread, &same).unwrap_err();
    assert_eq!(raw(refused), (Status::AccessViolation, 1, BASE));
}

/// Of two stores to a page that copies itself, the second finds the copy.
#[test]
fn two_writes_to_one_shared_page_make_one_copy() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 0);
    let section = bench
        .machine
        .create_section(
            crate::Backing::PageFile,
            READWRITE,
            crate::SectionAttributes::COMMIT,
            PAGE,
        )
        .unwrap();
    let request = crate::ViewRequest {
        base: Some(VirtAddr::new(BASE)),
        offset: 0,
        size: 0,
        commit: 0,
        protection: WRITECOPY,
    };
    bench
        .machine
        .map_view(bench.process, section, &request)
        .unwrap();
    bench.read(BASE).unwrap();
    let mut cpus = Cpus::new(&mut bench);
    let shared = cpus.places(&mut bench, BASE, AccessKind::Read);
    let faults = cpus.faults(&bench, BASE, AccessKind::Write);
    let serviced = faults.map(|fault| bench.machine.service(thread, &fault));
    assert_eq!(
        serviced,
        [Ok(Serviced::Resolved), Ok(Serviced::AlreadyThere)]
    );
    assert_eq!(bench.machine.fault_counters().write_copies, 1);
    let copies = cpus.places(&mut bench, BASE, AccessKind::Read);
    assert!(copies[0] == copies[1] && copies[0] != shared[0]);
}

/// Microsoft, "Creating Guard Pages": a guard is a one-shot alarm, whoever else is on the way to
/// its page.
#[test]
fn two_touches_of_one_guard_page_raise_one_exception() {
    for (kind, code) in [(AccessKind::Read, 0), (AccessKind::Write, 1)] {
        for [one, other] in [[0, 1], [1, 0]] {
            for is_filled in [false, true] {
                let mut bench = Bench::new();
                let threads = [bench.thread(0, 0), bench.thread(0, 0)];
                bench.alloc(BASE, PAGE, BOTH, READWRITE).unwrap();
                if is_filled {
                    bench.write(BASE + 1, 7).unwrap();
                }
                bench.protect(BASE, PAGE, READWRITE | GUARD).unwrap();
                let mut cpus = Cpus::new(&mut bench);
                let faults = cpus.faults(&bench, BASE, kind);
                let raised = bench.machine.service(threads[one], &faults[one]);
                assert_eq!(raised.map_err(raw), guard(code, BASE));
                let machine = &mut bench.machine;
                let resolved = machine.service(threads[other], &faults[other]);
                assert_eq!(resolved, Ok(Serviced::Resolved));
                let again = machine.service(threads[one], &faults[one]);
                assert_eq!(again, Ok(Serviced::AlreadyThere));
                let places = cpus.places(&mut bench, BASE, kind);
                assert_eq!(places[0], places[1]);
                let held = if is_filled { 7 } else { 0 };
                assert_eq!(bench.read(BASE + 1), Ok(held));
            }
        }
    }
}

/// The same of a machine's own processors: what one of them has used up, no other one meets.
#[test]
fn a_guard_that_one_processor_met_is_none_for_the_others() {
    let mut bench = Bench::with_config(&MachineConfig {
        ram_bytes: 64 << 20,
        processors: 4,
        ..MachineConfig::default()
    });
    bench.alloc(BASE, PAGE, BOTH, READWRITE | GUARD).unwrap();
    let met = ProcessorId::first(4).map(|processor| {
        bench.machine.run_on(bench.process, processor).unwrap();
        bench.read(BASE)
    });
    let met: Vec<_> = met.collect();
    assert_eq!(met, [guard(0, BASE), Ok(0), Ok(0), Ok(0)]);
}

/// The page tables are there for the processor to see, and for no program.
#[test]
fn a_fault_in_the_upper_half_is_an_exception_whatever_is_there() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 0);
    let mut cpus = Cpus::new(&mut bench);
    let self_map = 0xffff_f6fb_7dbe_df68;
    let [fault, _] = cpus.faults(&bench, self_map, AccessKind::Read);
    let refused = bench.machine.service(thread, &fault).unwrap_err();
    assert_eq!(raw(refused), (Status::AccessViolation, 0, self_map));
}

/// A stack grows the same for a processor of one's own.
#[test]
fn a_serviced_fault_makes_the_stack_grow() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 1);
    let guarded = bench.stack(thread).limit.as_u64() - PAGE;
    let mut cpus = Cpus::new(&mut bench);
    let [fault, same] = cpus.faults(&bench, guarded, AccessKind::Write);
    assert_eq!(
        bench.machine.service(thread, &fault),
        Ok(Serviced::Resolved)
    );
    assert_eq!(bench.pages(thread), 2);
    assert_eq!(bench.machine.service(thread, &same), Ok(Serviced::Resolved));
    assert_eq!(bench.pages(thread), 2);
    cpus.places(&mut bench, guarded, AccessKind::Write);
}
