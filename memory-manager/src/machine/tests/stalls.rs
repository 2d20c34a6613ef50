//! Written pages that find no place to go: what they would come to is not tried at each call.

use super::*;
use crate::{
    Backing, DiskFault, IoOwner, SectionAttributes, SystemTask, TaskRun, Trigger, WorkingSetSize,
};

const PAGES: u8 = 100;

impl Bench {
    /// How often working sets were searched, and how often writing failed.
    fn attempts(&self) -> [u64; 2] {
        let searches = self.machine.task_counters(SystemTask::WorkingSetManager);
        let disk = self.machine.disk_counters(IoOwner::PageFile);
        [searches.runs, disk.failures]
    }

    /// Reads all pages twice; gives how much more was attempted than before.
    fn attempts_of_reads(&mut self) -> [u64; 2] {
        let before = self.attempts();
        for page in (0..PAGES).cycle().take(2 * usize::from(PAGES)) {
            assert_eq!(self.read(BASE + u64::from(page) * PAGE), Ok(page + 1));
        }
        let after = self.attempts();
        [0, 1].map(|what| after[what] - before[what])
    }
}

/// A search halves what can be had before it is made again, and 32 pages are few here.
const FEW: u64 = 6;

#[test]
fn a_full_page_file_is_not_tried_again_at_each_call() {
    let (mut bench, _) = Bench::with_page_file(128, 8);
    bench.numbered(BASE, PAGES);
    assert_eq!(bench.slots_used(), 8);
    let attempts = bench.attempts_of_reads();
    assert!(attempts.iter().all(|&times| times <= FEW), "{attempts:?}");
    // What is written again leaves its slot, and another page can have it.
    let before = bench.machine.disk_counters(IoOwner::PageFile).writes;
    for page in 0..PAGES {
        bench
            .write(BASE + u64::from(page) * PAGE, page + 1)
            .unwrap();
    }
    assert!(bench.machine.disk_counters(IoOwner::PageFile).writes > before);
    bench.attempts_of_reads();
}

#[test]
fn a_disk_that_fails_is_tried_again_each_second_and_not_at_each_call() {
    let (mut bench, faults) = Bench::with_page_file(128, 256);
    faults.fail_from(faults.operations(), DiskFault::Fails);
    bench.numbered(BASE, PAGES);
    let attempts = bench.attempts_of_reads();
    assert!(attempts.iter().all(|&times| times <= FEW), "{attempts:?}");
    let [_, failures] = bench.attempts();
    bench.machine.tick().unwrap();
    assert!(bench.attempts()[1] > failures);
    assert_eq!(bench.slots_used(), 0);
    faults.heal();
    bench.machine.tick().unwrap();
    assert!(bench.slots_used() > 0);
    bench.attempts_of_reads();
}

/// It need not wait for the next second.
#[test]
fn a_disk_that_works_again_is_used_when_a_frame_is_needed() {
    let (mut bench, faults) = Bench::with_page_file(128, 256);
    faults.fail_from(faults.operations(), DiskFault::Full);
    bench.numbered(BASE, PAGES);
    faults.heal();
    bench.numbered(BASE + 0x10_0000, PAGES);
    assert!(bench.slots_used() > 60);
    bench.attempts_of_reads();
}

#[test]
fn a_new_page_file_is_used_at_once() {
    let (mut bench, _) = Bench::with_page_file(128, 8);
    bench.numbered(BASE, PAGES);
    let size = crate::PageFileSize {
        minimum: 256 * PAGE,
        maximum: 256 * PAGE,
    };
    let disk = Box::new(tempfile::tempfile().unwrap());
    bench.machine.add_page_file(disk, size).unwrap();
    bench.numbered(BASE + 0x10_0000, 20);
    assert!(bench.slots_used() > 8);
    bench.attempts_of_reads();
}

/// The log has each write, for whatever it was made.
#[test]
fn pages_that_are_written_in_the_midst_of_a_call_are_in_the_log() {
    const EMPTY: WorkingSetSize = WorkingSetSize {
        minimum: u64::MAX,
        maximum: u64::MAX,
    };
    let (mut bench, _) = Bench::with_page_file(128, 100_000);
    bench.numbered(BASE, 60);
    let process = bench.process;
    bench.machine.set_working_set_size(process, EMPTY).unwrap();
    let written = |bench: &Bench| {
        let disk = bench.machine.disk_counters(IoOwner::PageFile);
        disk.bytes_written / PAGE
    };
    let before = written(&bench);
    // Prototype entries of a section need more frames than can be had.
    let pages = (bench.machine.page_lists().available() + 20) * 512;
    let section = bench.machine.create_section(
        Backing::PageFile,
        READWRITE,
        SectionAttributes::RESERVE,
        pages * PAGE,
    );
    let section = section.unwrap();
    bench.map(section, BASE + 0x100_0000, READWRITE).unwrap();
    bench.machine.record_task_runs();
    bench
        .alloc(BASE + 0x100_0000, pages * PAGE, COMMIT, READWRITE)
        .unwrap();
    let runs = bench.machine.take_task_runs();
    let is_such = |run: &&TaskRun| {
        (run.task, run.trigger) == (SystemTask::ModifiedPageWriter, Trigger::FrameNeeded)
    };
    let logged: u64 = runs.iter().filter(is_such).map(|run| run.pages).sum();
    assert!(logged >= 20, "{runs:?}");
    assert_eq!(written(&bench) - before, logged);
    bench.machine.close_section(section).unwrap();
    // So are those that a call asks for.
    bench.machine.page_out().unwrap();
    let runs = bench.machine.take_task_runs();
    let called = runs.iter().filter(|run| run.trigger == Trigger::Call);
    let called: u64 = called.map(|run| run.pages).sum();
    assert_eq!(written(&bench) - before, logged + called);
    assert!(called > 0);
}
