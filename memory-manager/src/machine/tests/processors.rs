use mmu_core::{Cycles, Owner, SoftwareCosts};

use super::*;
use crate::{
    MachineError, ShootdownCounters, StackRequest, ThreadId, WatchFlags, pte::Pte,
    shootdown::CEILING,
};

fn costs() -> SoftwareCosts {
    SoftwareCosts {
        invlpg: Cycles::new(1),
        invpcid: Cycles::new(10),
        interrupt_send: Cycles::new(100),
        interrupt_service: Cycles::new(1000),
        interrupt_wait: Cycles::new(10_000),
        ..SoftwareCosts::default()
    }
}

fn processor(number: u32) -> ProcessorId {
    ProcessorId::new(number).unwrap()
}

/// A process with a thread on each of some processors.
struct Several {
    bench: Bench,
    threads: Vec<ThreadId>,
}

impl Several {
    fn new(processors: u32) -> Self {
        let mut bench = Bench::with_config(&MachineConfig {
            ram_bytes: 64 << 20,
            processors,
            costs: costs(),
            ..MachineConfig::default()
        });
        let threads = ProcessorId::first(processors)
            .map(|processor| {
                let (machine, process) = (&mut bench.machine, bench.process);
                let thread = machine.create_thread(process, StackRequest::default());
                let thread = thread.unwrap();
                machine.run_on(thread, processor).unwrap();
                thread
            })
            .collect();
        Self { bench, threads }
    }

    fn touch(&mut self, thread: usize, address: u64) -> Result<(), Status> {
        let (thread, address) = (self.threads[thread], VirtAddr::new(address));
        let done = self.bench.machine.read(thread, address, &mut [0]);
        done.map_err(|exception| exception.code)
    }

    /// What shootdowns something comes to.
    fn counted(&mut self, act: impl FnOnce(&mut Self)) -> ShootdownCounters {
        let before = self.bench.machine.shootdown_counters();
        act(self);
        let after = self.bench.machine.shootdown_counters();
        ShootdownCounters {
            shootdowns: after.shootdowns - before.shootdowns,
            targets: after.targets - before.targets,
            deferred: after.deferred - before.deferred,
            flush_alls: after.flush_alls - before.flush_alls,
            avoided: after.avoided - before.avoided,
        }
    }

    fn cycles(&self, number: u32, owner: Owner) -> Cycles {
        let spent = self.bench.machine.cycles(processor(number));
        spent.unwrap().of(owner)
    }
}

/// Literature only: the targets are the processors that run the process.
#[test]
fn every_processor_that_runs_the_process_forgets_what_is_gone() {
    let mut several = Several::new(4);
    several.bench.alloc(BASE, 0x2000, BOTH, READWRITE).unwrap();
    for thread in [0, 1, 3] {
        several.touch(thread, BASE).unwrap();
    }
    let counted = several.counted(|this| {
        this.bench.free(BASE, 0x1000, DECOMMIT).unwrap();
    });
    assert_eq!((counted.shootdowns, counted.targets), (1, 2));
    assert_eq!((counted.deferred, counted.flush_alls), (0, 0));
    for thread in 0..4 {
        assert_eq!(several.touch(thread, BASE), Err(Status::AccessViolation));
        several.touch(thread, BASE + 0x1000).unwrap();
    }
}

/// Literature only: `KeFlushMultipleTb`.
#[test]
fn many_pages_are_one_shootdown_and_more_than_33_drop_everything() {
    let mut several = Several::new(2);
    several
        .bench
        .alloc(BASE, 0x4_0000, BOTH, READWRITE)
        .unwrap();
    for (pages, flush_alls) in [(CEILING as u64, 0), (CEILING as u64 + 1, 1)] {
        several
            .bench
            .alloc(BASE, 0x4_0000, COMMIT, READWRITE)
            .unwrap();
        for page in 0..0x40 {
            several.touch(1, BASE + page * PAGE).unwrap();
        }
        let counted = several.counted(|this| {
            this.bench.free(BASE, pages * PAGE, DECOMMIT).unwrap();
        });
        let ShootdownCounters {
            shootdowns,
            targets,
            ..
        } = counted;
        assert_eq!((shootdowns, targets), (1, 1));
        assert_eq!(counted.flush_alls, flush_alls);
        for page in 0..0x40 {
            let done = several.touch(1, BASE + page * PAGE);
            assert_eq!(done.is_ok(), page >= pages);
        }
    }
}

/// As above, of pages that do not follow each other.
#[test]
fn written_pages_that_start_again_as_unwritten_are_one_shootdown() {
    let mut several = Several::new(2);
    let kind = BOTH | AllocationType::WRITE_WATCH;
    several.bench.alloc(BASE, 0x8000, kind, READWRITE).unwrap();
    for page in [0, 2, 3, 6] {
        several.bench.write(BASE + page * PAGE, 1).unwrap();
        several.touch(1, BASE + page * PAGE).unwrap();
    }
    let counted = several.counted(|this| {
        let (base, process) = (VirtAddr::new(BASE), this.bench.process);
        let machine = &mut this.bench.machine;
        let found = machine.get_write_watch(process, base, 0x8000, WatchFlags::RESET, 8);
        assert_eq!(found.unwrap().len(), 4);
    });
    assert_eq!((counted.shootdowns, counted.targets), (1, 1));
}

/// Literature only: idle processors may be skipped, and flush as they wake.
#[test]
fn an_idle_processor_is_not_interrupted_and_forgets_before_it_goes_on() {
    let mut several = Several::new(2);
    several.bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
    several.touch(1, BASE).unwrap();
    let spent = several.cycles(1, Owner::Shootdown);
    several.bench.machine.idle(processor(1)).unwrap();
    let counted = several.counted(|this| {
        this.bench.free(BASE, 0x1000, DECOMMIT).unwrap();
    });
    assert_eq!((counted.targets, counted.deferred), (0, 1));
    assert_eq!(several.cycles(1, Owner::Shootdown), spent);
    assert_eq!(several.touch(1, BASE), Err(Status::AccessViolation));
}

/// How Windows does it with PCIDs is not known; this is Linux's way.
#[test]
fn a_processor_that_runs_another_process_forgets_when_it_comes_back() {
    let mut several = Several::new(2);
    several.bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
    several.touch(1, BASE).unwrap();
    let machine = &mut several.bench.machine;
    let other = machine.create_process().unwrap();
    machine.run_on(other, processor(1)).unwrap();
    let shared = VirtAddr::new(crate::SHARED_DATA);
    machine.read(other, shared, &mut [0]).unwrap();
    let counted = several.counted(|this| {
        this.bench.free(BASE, 0x1000, DECOMMIT).unwrap();
    });
    assert_eq!((counted.targets, counted.deferred), (0, 1));
    assert_eq!(several.touch(1, BASE), Err(Status::AccessViolation));
}

/// Literature only: a page-table entry that permits more needs no flush.
#[test]
fn nobody_is_told_of_rights_that_grow() {
    let mut several = Several::new(2);
    several.bench.alloc(BASE, 0x1000, BOTH, READONLY).unwrap();
    for thread in 0..2 {
        several.touch(thread, BASE).unwrap();
    }
    let counted = several.counted(|this| {
        this.bench.protect(BASE, 0x1000, READWRITE).unwrap();
        let address = VirtAddr::new(BASE);
        for &thread in &this.threads {
            this.bench.machine.write(thread, address, &[1]).unwrap();
        }
    });
    let expected = ShootdownCounters {
        avoided: 2,
        ..ShootdownCounters::default()
    };
    assert_eq!(counted, expected);
}

#[test]
fn what_a_shootdown_costs_is_counted_for_each_processor() {
    let mut several = Several::new(3);
    several.bench.alloc(BASE, 0x2000, BOTH, READWRITE).unwrap();
    for thread in 0..3 {
        several.touch(thread, BASE).unwrap();
    }
    let spent = |this: &Several| {
        [0, 1, 2].map(|number| {
            [Owner::Shootdown, Owner::Invalidation].map(|owner| this.cycles(number, owner).as_u64())
        })
    };
    let before = spent(&several);
    several.bench.protect(BASE, 0x1000, NOACCESS).unwrap();
    let after = spent(&several);
    let added: Vec<_> = (0..3)
        .map(|number| [0, 1].map(|owner| after[number][owner] - before[number][owner]))
        .collect();
    assert_eq!(added, [[10_200, 1], [1000, 10], [1000, 10]]);
}

/// One processor has nobody to tell.
#[test]
fn a_machine_with_one_processor_has_no_shootdowns() {
    let mut several = Several::new(1);
    several.bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
    several.touch(0, BASE).unwrap();
    several.bench.free(BASE, 0, RELEASE).unwrap();
    let counted = several.bench.machine.shootdown_counters();
    assert_eq!((counted.shootdowns, counted.deferred), (0, 0));
    assert_eq!(several.cycles(0, Owner::Shootdown), Cycles::ZERO);
    assert!(several.cycles(0, Owner::Invalidation) > Cycles::ZERO);
}

/// Microsoft, `SYSTEM_INFO`.
#[test]
fn a_machine_has_from_1_to_64_processors() {
    for (processors, mask) in [(1, 1), (3, 7), (64, u64::MAX)] {
        let mut several = Several::new(processors);
        let info = several.bench.win32().get_native_system_info();
        assert_eq!(
            (info.processors, info.active_processor_mask),
            (processors, mask)
        );
        let machine = &mut several.bench.machine;
        let thread = several.threads[0];
        if let Some(beyond) = ProcessorId::new(processors) {
            assert_eq!(
                machine.run_on(thread, beyond),
                Err(Status::InvalidParameter)
            );
            assert_eq!(machine.idle(beyond), Err(Status::InvalidParameter));
            assert_eq!(machine.cycles(beyond), Err(Status::InvalidParameter));
        }
        machine.terminate_thread(thread).unwrap();
        let gone = machine.run_on(thread, ProcessorId::FIRST);
        assert_eq!(gone, Err(Status::InvalidHandle));
    }
    for processors in [0, 65] {
        let machine = Machine::new(&MachineConfig {
            processors,
            ..MachineConfig::default()
        });
        assert_eq!(
            machine.err(),
            Some(MachineError::ProcessorCount(processors))
        );
    }
}

/// A frame is free as its entry is written, and another processor may have that cached: nothing
/// is allocated in between.
#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a frame is taken that a processor may still reach")]
fn no_frame_is_taken_that_a_processor_may_still_reach() {
    let mut several = Several::new(2);
    several.bench.alloc(BASE, PAGE, BOTH, READWRITE).unwrap();
    for thread in [0, 1] {
        several.touch(thread, BASE).unwrap();
    }
    let (space, kernel) = several.bench.machine.space(several.threads[0]).unwrap();
    let emptied = |_: &UserSpace, _, _| Pte::ZERO;
    space
        .change_range(kernel, BASE, BASE + PAGE, emptied)
        .unwrap();
    let _ = kernel.physical.allocate();
}
