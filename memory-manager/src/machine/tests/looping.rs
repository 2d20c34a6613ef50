//! Programs that go through their pages again and again: how often they fault is known.

use super::*;
use crate::{IoOwner, PageFileSize, Replacement, WorkingSetLimits, WorkingSetSize};

/// How many pages the program goes through.
const PAGES: u64 = 40;
const ROUNDS: u64 = 6;

/// What the faults of a round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Faults {
    /// The page was in memory.
    soft: u64,
    /// It was read.
    hard: u64,
}

impl Bench {
    fn looping(replacement: Replacement, frames: u64) -> Self {
        let mut bench = Self::with_config(&MachineConfig {
            ram_bytes: 16 << 20,
            replacement,
            ..MachineConfig::default()
        });
        let size = PageFileSize {
            minimum: 256 * PAGE,
            maximum: 256 * PAGE,
        };
        let disk = Box::new(tempfile::tempfile().unwrap());
        bench.machine.add_page_file(disk, size).unwrap();
        let size = WorkingSetSize {
            minimum: frames * PAGE,
            maximum: frames * PAGE,
        };
        let (process, hard) = (bench.process, WorkingSetLimits::HARD_MAXIMUM);
        let set = bench.machine.set_working_set_size_ex(process, size, hard);
        set.unwrap();
        bench.alloc(BASE, PAGES * PAGE, BOTH, READWRITE).unwrap();
        for page in 0..PAGES {
            bench.write(BASE + page * PAGE, 1).unwrap();
        }
        bench
    }

    /// A page that leaves the working set is gone from memory, too.
    fn forget_what_left(&mut self) {
        while self.machine.kernel.physical.write_modified().unwrap() > 0 {}
        self.forget_standby();
    }

    fn faults(&self) -> Faults {
        Faults {
            soft: self.machine.fault_counters().soft,
            hard: self.machine.disk_counters(IoOwner::PageFile).reads,
        }
    }

    /// Goes through all pages once.
    fn round(&mut self, then: fn(&mut Self)) -> Faults {
        let before = self.faults();
        for page in 0..PAGES {
            assert_eq!(self.read(BASE + page * PAGE), Ok(1));
            then(self);
        }
        let after = self.faults();
        Faults {
            soft: after.soft - before.soft,
            hard: after.hard - before.hard,
        }
    }
}

const REPLACEMENTS: [Replacement; 2] = [Replacement::LeastRecentlyUsed, Replacement::FirstIn];

/// Denning, 1970: with one frame less than there are pages, the page that is next is always the
/// one that was given, be it the least recently used one or the first in.
#[test]
fn a_loop_with_a_frame_too_few_faults_at_each_page() {
    for replacement in REPLACEMENTS {
        let mut bench = Bench::looping(replacement, PAGES - 1);
        bench.forget_what_left();
        for _ in 0..ROUNDS {
            let all_hard = Faults {
                soft: 0,
                hard: PAGES,
            };
            assert_eq!(bench.round(Bench::forget_what_left), all_hard);
        }
        // Where there is memory beyond the working set, what left it is found there.
        bench.round(|_| ());
        for _ in 0..ROUNDS {
            let all_soft = Faults {
                soft: PAGES,
                hard: 0,
            };
            assert_eq!(bench.round(|_| ()), all_soft);
        }
    }
}

/// The same: with as many frames as pages, none faults once all are there.
#[test]
fn a_loop_with_enough_frames_does_not_fault() {
    for replacement in REPLACEMENTS {
        let mut bench = Bench::looping(replacement, PAGES);
        for _ in 0..ROUNDS {
            let none = Faults { soft: 0, hard: 0 };
            assert_eq!(bench.round(Bench::forget_what_left), none);
        }
    }
}

/// The same, and no processor goes on using a page that left.
#[test]
fn a_loop_faults_at_each_page_on_any_of_four_processors() {
    let mut bench = Bench::with_config(&MachineConfig {
        ram_bytes: 16 << 20,
        processors: 4,
        ..MachineConfig::default()
    });
    let size = WorkingSetSize {
        minimum: (PAGES - 1) * PAGE,
        maximum: (PAGES - 1) * PAGE,
    };
    let (process, hard) = (bench.process, WorkingSetLimits::HARD_MAXIMUM);
    let set = bench.machine.set_working_set_size_ex(process, size, hard);
    set.unwrap();
    bench.alloc(BASE, PAGES * PAGE, BOTH, READWRITE).unwrap();
    let mut faults = 0;
    for round in 0..ROUNDS {
        for page in 0..PAGES {
            for processor in ProcessorId::first(4) {
                bench.machine.run_on(process, processor).unwrap();
                bench.read(BASE + page * PAGE).unwrap();
                let end = BASE + PAGES * PAGE;
                invariants::check_translations(&bench.machine, process, BASE, end);
            }
        }
        let soft = bench.machine.fault_counters().soft;
        let expected = if round == 0 { 0 } else { PAGES };
        assert_eq!(soft - faults, expected);
        faults = soft;
    }
    // Each page that left was taken from all four.
    let done = bench.machine.shootdown_counters();
    assert!(done.targets >= (ROUNDS - 1) * PAGES * 3, "{done:?}");
}

/// Windows Internals: what was not used for long leaves first, in a working set of any size.
/// Literature only.
#[test]
fn pages_that_are_used_no_more_leave_however_many_there_are() {
    let mut bench = Bench::with_ram(64 << 20);
    for maximum in [60, 130, 345, 600] {
        let size = WorkingSetSize {
            minimum: 20 * PAGE,
            maximum: maximum * PAGE,
        };
        let (process, hard) = (bench.process, WorkingSetLimits::HARD_MAXIMUM);
        let set = bench.machine.set_working_set_size_ex(process, size, hard);
        set.unwrap();
        let (used, new) = (BASE, BASE + 0x100_0000);
        bench.alloc(used, maximum * PAGE, BOTH, READWRITE).unwrap();
        bench.alloc(new, maximum * PAGE, BOTH, READWRITE).unwrap();
        (0..maximum).for_each(|page| bench.write(used + page * PAGE, 1).unwrap());
        for _ in 0..10 {
            bench.machine.tick().unwrap();
        }
        let mut faults = Vec::new();
        for _ in 0..4 {
            let before = bench.machine.fault_counters().faults;
            (0..maximum / 2).for_each(|page| bench.write(new + page * PAGE, 1).unwrap());
            faults.push(bench.machine.fault_counters().faults - before);
            bench.machine.tick().unwrap();
        }
        assert_eq!(faults, [maximum / 2, 0, 0, 0]);
        bench.free(used, 0, RELEASE).unwrap();
        bench.free(new, 0, RELEASE).unwrap();
    }
}
