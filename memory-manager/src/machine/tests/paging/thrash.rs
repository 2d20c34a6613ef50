//! Processes that use more memory than there is.

use std::collections::BTreeMap;

use super::*;
use crate::TaskRun;

/// Processes that use more memory than there is: their own, a section's, and a file's.
struct Thrash {
    bench: Bench,
    processes: Vec<ProcessId>,
    section: SectionHandle,
    mapped: SectionHandle,
    file: File,
    shadow: BTreeMap<(usize, u64), Vec<u8>>,
    draw: Draw,
    log: Log,
}

/// What happened.
#[derive(Debug, Default, PartialEq)]
struct Log {
    /// What was seen, access by access.
    accesses: Vec<u64>,
    /// What the system did.
    runs: Vec<TaskRun>,
}

const OWN: u64 = 0x1000_0000;
const SHARED: u64 = 0x2000_0000;
const MAPPED: u64 = 0x3000_0000;

impl Thrash {
    /// A machine of so many frames, and processes with `scale` times as much memory.
    fn new(frames: u64, scale: u64, seed: u64) -> Self {
        let (mut bench, _) = Bench::with_page_file(frames, frames * scale);
        let share = frames * scale / 5;
        let commit = SectionAttributes::COMMIT;
        let file = file(&vec![0; usize::try_from(share * PAGE).unwrap()]);
        let mapped = Backing::File(file.try_clone().unwrap(), FileAccess::all());
        let mut create = |backing, size| {
            let made = bench
                .machine
                .create_section(backing, READWRITE, commit, size);
            made.unwrap()
        };
        let section = create(Backing::PageFile, share * PAGE);
        let mapped = create(mapped, 0);
        let mut processes = vec![bench.process];
        for _ in 0..2 {
            processes.push(bench.machine.create_process().unwrap());
        }
        for &process in &processes {
            bench.process = process;
            bench.alloc(OWN, share * PAGE, BOTH, READWRITE).unwrap();
            bench.map(section, SHARED, READWRITE).unwrap();
            bench.map(mapped, MAPPED, READWRITE).unwrap();
        }
        bench.machine.record_task_runs();
        Self {
            bench,
            processes,
            section,
            mapped,
            file,
            shadow: BTreeMap::new(),
            draw: Draw(seed),
            log: Log::default(),
        }
    }

    /// One page is written in part, or read as a whole.
    fn step(&mut self, share: u64) {
        let who = usize::try_from(self.draw.below(3)).unwrap();
        let page = self.draw.below(share);
        let (base, owner) = match self.draw.below(5) {
            0..3 => (OWN, who),
            3 => (SHARED, 3),
            _ => (MAPPED, 4),
        };
        let address = VirtAddr::new(base + page * PAGE);
        let process = self.processes[who];
        let shadow = self
            .shadow
            .entry((owner, page))
            .or_insert_with(|| vec![0; 0x1000]);
        if self.draw.below(2) == 0 {
            let at = self.draw.below(0x1000 / 8) * 8;
            let value = (self.log.accesses.len() as u64)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_le_bytes();
            let place = address.wrapping_add(at);
            self.bench.machine.write(process, place, &value).unwrap();
            let at = usize::try_from(at).unwrap();
            shadow[at..at + 8].copy_from_slice(&value);
        } else {
            let mut found = vec![0; 0x1000];
            let read = self.bench.machine.read(process, address, &mut found);
            read.unwrap();
            assert!(
                found == *shadow,
                "{process:?} reads something else at {address}"
            );
        }
        self.bench.process = process;
        let frame = self.bench.leaf(address.as_u64()).translation.page();
        let lists = self.bench.machine.page_lists();
        let (paged, mapped) = (
            self.bench.machine.disk_counters(IoOwner::PageFile),
            self.bench.machine.disk_counters(IoOwner::MappedFile),
        );
        let seen = [
            lists.available(),
            lists.modified_page_file,
            lists.modified_mapped,
            paged.cycles.as_u64(),
            mapped.cycles.as_u64(),
            self.bench.slots_used(),
            frame.as_u64(),
        ];
        self.log.accesses.push(
            seen.iter()
                .fold(0, |log, &seen| (log ^ seen).wrapping_mul(0x0100_0000_01b3)),
        );
    }

    /// Everything ends; gives what was seen.
    fn end(mut self) -> Log {
        self.bench.machine.verify_frames().unwrap();
        for &process in &self.processes {
            self.bench.machine.terminate_process(process).unwrap();
        }
        for section in [self.section, self.mapped] {
            self.bench.machine.close_section(section).unwrap();
        }
        assert_eq!(self.bench.slots_used(), 0);
        assert_eq!(self.bench.machine.frames_in_use(), 0);
        for ((_, page), bytes) in self.shadow.range((4, 0)..) {
            let mut found = vec![0; 0x1000];
            crate::section::mapped_file::read(&self.file, page * PAGE, &mut found).unwrap();
            assert!(found == *bytes, "page {page} of the file is something else");
        }
        self.log
    }
}

/// So many accesses to four times as much memory as there is. After each thousandth, a second
/// passes, and everything is looked at.
fn thrash(accesses: u64, seed: u64) -> Log {
    const FRAMES: u64 = 256;
    let mut thrash = Thrash::new(FRAMES, 4, seed);
    for access in 0..accesses {
        thrash.step(FRAMES * 4 / 5);
        if access % 1000 == 0 {
            thrash.bench.machine.tick().unwrap();
            let runs = thrash.bench.machine.take_task_runs();
            thrash.log.runs.extend(runs);
            invariants::check(&thrash.bench.machine);
        }
    }
    assert!(!thrash.log.runs.is_empty());
    for (owner, most) in [(IoOwner::PageFile, 12), (IoOwner::MappedFile, 120)] {
        let done = thrash.bench.machine.disk_counters(owner);
        let enough = accesses / most;
        assert!(done.reads > enough && done.writes > enough / 10, "{done:?}");
    }
    thrash.end()
}

/// Four times as much memory is used as there is, in no order: each page is what was last
/// written to it, and the same happens each time.
#[test]
fn memory_that_is_used_four_times_over_holds_what_was_written() {
    let first = thrash(12_000, 1);
    assert!(
        first == thrash(12_000, 1),
        "the same calls came to something else"
    );
    assert!(first != thrash(12_000, 2));
}

/// The same for long.
#[test]
#[ignore = "takes minutes"]
fn memory_that_is_used_four_times_over_for_long_holds_what_was_written() {
    let first = thrash(2_000_000, 1);
    assert!(
        first == thrash(2_000_000, 1),
        "the same calls came to something else"
    );
}
