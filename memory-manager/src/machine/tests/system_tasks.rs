//! What the system does by itself, second by second.

use mmu_core::{AccessKind, FunctionalMmu, PrivilegeMode};

use super::{images::file, *};
use crate::{
    Backing, DiskFault, DiskFaults, FaultyDisk, FileAccess, PageFileSize, SectionAttributes,
    SystemTask, TaskRun, Trigger, WorkingSetLimits,
};

impl Bench {
    fn pass_seconds(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.machine.tick().unwrap();
        }
    }

    fn commit_and_write(&mut self, base: u64, pages: u64) {
        self.alloc(base, pages * PAGE, BOTH, READWRITE).unwrap();
        for page in 0..pages {
            self.write(base + page * PAGE, 1).unwrap();
        }
    }

    fn resident(&self) -> usize {
        self.machine.query_working_set(self.process).unwrap().len()
    }

    /// The runs of a task since it was last asked.
    fn runs(&mut self, task: SystemTask) -> Vec<TaskRun> {
        let mut runs = self.machine.take_task_runs();
        runs.retain(|run| run.task == task);
        runs
    }

    /// A view of a file of so many pages, all written; and the disk's faults.
    fn written_view(&mut self, pages: u64) -> (std::fs::File, DiskFaults) {
        let file = file(&vec![0; usize::try_from(pages * PAGE).unwrap()]);
        let faults = DiskFaults::default();
        let disk = FaultyDisk::new(file.try_clone().unwrap(), &faults);
        let backing = Backing::Disk(Box::new(disk), FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let made = self.machine.create_section(backing, READWRITE, commit, 0);
        let section = made.unwrap();
        self.map(section, VIEW, READWRITE).unwrap();
        self.machine.close_section(section).unwrap();
        for page in 0..pages {
            self.write(VIEW + page * PAGE, 7).unwrap();
        }
        (file, faults)
    }
}

const VIEW: u64 = BASE + 0x1000_0000;

fn first_byte(file: &std::fs::File, page: u64) -> u8 {
    let mut byte = [0];
    crate::section::mapped_file::read(file, page * PAGE, &mut byte).unwrap();
    byte[0]
}

/// Windows Internals, 6th edition (read again: the balance set manager wakes each second, and
/// signals the others). Priorities are literature only.
#[test]
fn tasks_run_by_priority_once_the_balance_set_manager_has() {
    let (mut bench, _) = Bench::with_page_file(4096, 4096);
    bench.machine.record_task_runs();
    bench.written_view(300);
    bench.commit_and_write(BASE, 3000);
    bench.pass_seconds(20);
    let mut bench_runs = bench.machine.take_task_runs();
    bench_runs.retain(|run| run.trigger != Trigger::Use);
    let seconds = bench_runs.chunk_by(|one, next| one.second == next.second);
    let mut seen = std::collections::BTreeSet::new();
    for runs in seconds.filter(|runs| runs[0].second > 0) {
        let manager = |run: &TaskRun| run.task == SystemTask::BalanceSetManager;
        let woken = runs.iter().position(manager).unwrap() + 1;
        assert!(runs[..woken].iter().all(|run| run.task.priority() == 16));
        assert!(runs[woken..].is_sorted_by_key(|run| std::cmp::Reverse(run.task.priority())));
        seen.extend(runs.iter().map(|run| run.task));
    }
    assert!(seen.contains(&SystemTask::ModifiedPageWriter), "{seen:?}");
    assert!(seen.contains(&SystemTask::Swapper), "{seen:?}");
    for task in SystemTask::ALL {
        let counters = bench.machine.task_counters(task);
        assert_eq!(counters.runs > 0, seen.contains(&task), "{task}");
    }
}

/// The same calls come to the same runs, whether or not anybody reads them.
#[test]
fn runs_are_the_same_to_the_byte_and_nothing_depends_on_who_reads_them() {
    let run = |is_read: bool| {
        let (mut bench, faults) = Bench::with_page_file(256, 1024);
        if is_read {
            bench.machine.record_task_runs();
        }
        faults.fail(faults.operations() + 5, DiskFault::Fails);
        bench.commit_and_write(BASE, 400);
        for step in 0..2000_u64 {
            let page = step.wrapping_mul(0x9e37_79b9) % 400;
            bench.write(BASE + page * PAGE, 3).unwrap();
            if step % 100 == 0 {
                bench.machine.tick().unwrap();
            }
        }
        let runs = bench.machine.take_task_runs();
        let told: Vec<_> = runs.iter().map(ToString::to_string).collect();
        let counters = SystemTask::ALL.map(|task| bench.machine.task_counters(task));
        (told.join("\n"), counters, bench.machine.page_lists())
    };
    let (told, counters, lists) = run(true);
    assert_eq!(run(true), (told.clone(), counters, lists));
    assert_eq!(run(false), (String::new(), counters, lists));
    assert!(told.contains("modified page writer (memory was short): "));
    assert!(told.contains("pages, 1 failures"));
}

/// Recording ends when it is told to.
#[test]
fn runs_are_recorded_only_while_somebody_wants_them() {
    let mut bench = Bench::new();
    bench.machine.tick().unwrap();
    assert_eq!(bench.machine.take_task_runs(), []);
    bench.machine.record_task_runs();
    bench.machine.tick().unwrap();
    assert_eq!(bench.machine.take_task_runs().len(), 2);
    assert_eq!(bench.machine.take_task_runs(), []);
    bench.machine.tick().unwrap();
    bench.machine.stop_recording_task_runs();
    bench.machine.tick().unwrap();
    assert_eq!(bench.machine.take_task_runs(), []);
    assert_eq!(bench.machine.seconds(), 4);
}

/// Windows Internals, 6th edition, read again: the swapper is woken every fourth second, and who
/// waited for 15 leaves; such a process can have a working set of nothing.
#[test]
fn a_process_that_did_nothing_for_15_seconds_leaves_memory() {
    let mut bench = Bench::new();
    bench.machine.record_task_runs();
    bench.commit_and_write(BASE, 30);
    let idle = bench.switch();
    bench.commit_and_write(BASE, 30);
    for second in 1..=16 {
        bench.read(BASE).unwrap();
        bench.machine.tick().unwrap();
        let left = bench.machine.query_working_set(idle).unwrap().len();
        assert_eq!(left, if second < 16 { 30 } else { 0 }, "second {second}");
    }
    assert_eq!(bench.resident(), 30);
    let [run] = bench.runs(SystemTask::Swapper)[..] else {
        panic!("one process was taken out");
    };
    assert_eq!(
        (run.second, run.trigger, run.pages),
        (16, Trigger::Time, 30)
    );
}

/// What a page is when its process is out, it is when that comes back: the faults are soft as
/// long as nobody needs the memory.
#[test]
fn a_process_that_is_out_comes_back_as_it_is_used() {
    let mut bench = Bench::new();
    bench.commit_and_write(BASE, 30);
    bench.pass_seconds(16);
    assert_eq!(bench.resident(), 0);
    bench.machine.record_task_runs();
    let before = bench.machine.fault_counters().soft;
    for page in 0..3 {
        assert_eq!(bench.read(BASE + page * PAGE), Ok(1));
    }
    assert_eq!(bench.machine.fault_counters().soft, before + 3);
    assert_eq!(bench.resident(), 3);
    let runs = bench.runs(SystemTask::Swapper);
    let triggers: Vec<_> = runs.iter().map(|run| run.trigger).collect();
    assert_eq!(triggers, [Trigger::Use]);
}

/// An emulator's own processors say by accessed bits that a process does something.
#[test]
fn a_process_whose_pages_a_processor_of_ones_own_uses_is_not_idle() {
    let mut bench = Bench::new();
    bench.machine.record_invalidations();
    bench.commit_and_write(BASE, 30);
    let registers = bench.machine.registers(bench.process).unwrap();
    let features = bench.machine.features;
    let mut cpu = FunctionalMmu::functional(features, registers).unwrap();
    for _ in 0..40 {
        let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
        cpu.translate(bench.machine.ram(), VirtAddr::new(BASE), kind, mode)
            .unwrap();
        bench.machine.tick().unwrap();
        for stale in bench.machine.take_invalidations() {
            let _ = cpu.invalidate(stale).unwrap();
        }
    }
    assert_eq!(bench.resident(), 30);
}

/// Microsoft, `VirtualLock`: locked pages stay in memory.
#[test]
fn locked_pages_stay_when_their_process_leaves() {
    let mut bench = Bench::new();
    bench.commit_and_write(BASE, 30);
    let (process, locked) = (bench.process, VirtAddr::new(BASE));
    bench
        .machine
        .virtual_lock(process, locked, 5 * PAGE)
        .unwrap();
    bench.pass_seconds(16);
    assert_eq!(bench.resident(), 5);
}

/// Microsoft, `GetProcessWorkingSetSizeEx`: a working set may fall below its minimum if memory
/// demands are high. That the process goes first which did nothing for longest is this project's.
#[test]
fn when_all_have_their_minimum_the_process_that_did_nothing_for_longest_goes_first() {
    let (mut bench, _) = Bench::with_page_file(512, 1024);
    let [first, second, third] = three_below_minimum(&mut bench);
    let left = |bench: &Bench| {
        let resident = |process| bench.machine.query_working_set(process).unwrap().len();
        [first, second, third].map(resident)
    };
    assert_eq!(left(&bench), [45, 45, 20]);
    bench.commit_and_write(BASE + 0x100_0000, 20);
    assert_eq!(left(&bench), [45, 0, 40]);
    let swapper = bench.machine.task_counters(SystemTask::Swapper);
    assert_eq!((swapper.runs, swapper.pages), (1, 45));
}

/// Microsoft, `SetProcessWorkingSetSizeEx`: with a hard minimum a working set does not fall below
/// it.
#[test]
fn a_hard_minimum_is_kept_even_by_the_swapper() {
    let (mut bench, _) = Bench::with_page_file(512, 1024);
    let [first, second, third] = three_below_minimum(&mut bench);
    let size = bench.machine.working_set_size(second).unwrap();
    let limits = &mut bench
        .machine
        .spaces
        .get_mut(&second)
        .unwrap()
        .working_set
        .limits;
    *limits = WorkingSetLimits::HARD_MINIMUM;
    bench.commit_and_write(BASE + 0x100_0000, 20);
    let left = |process| bench.machine.query_working_set(process).unwrap().len();
    assert_eq!([first, second, third].map(left), [0, 45, 40]);
    bench.pass_seconds(16);
    assert_eq!(bench.machine.query_working_set(second).unwrap().len(), 45);
    assert_eq!(bench.machine.working_set_size(second), Ok(size));
}

/// Three processes with less than their minimum, of which the second did nothing for longest and
/// the third last; ten frames more can be had than are few.
fn three_below_minimum(bench: &mut Bench) -> [ProcessId; 3] {
    let mut processes = [bench.process; 3];
    for (place, pages) in [45, 45, 20].into_iter().enumerate() {
        if place > 0 {
            bench.switch();
            processes[place] = bench.process;
        }
        bench.commit_and_write(BASE, pages);
    }
    // 32 are few.
    bench.leave_available(42);
    for process in [processes[0], processes[2]] {
        bench.process = process;
        bench.read(BASE).unwrap();
    }
    processes
}

/// Windows Internals, 6th edition, read again: with few zeroed and free frames, more written pages
/// than a 16th of those that can be had are too many.
#[test]
fn too_many_written_pages_are_written_before_memory_is_short() {
    let (mut bench, _) = Bench::with_page_file(4096, 4096);
    bench.commit_and_write(BASE, 400);
    bench.empty_working_set();
    let before = bench.machine.page_lists();
    assert!(before.available() > 3000 && before.modified_page_file >= 400);
    bench.machine.record_task_runs();
    bench.machine.tick().unwrap();
    let after = bench.machine.page_lists();
    assert!(after.modified_page_file <= after.available() / 16);
    assert!(after.modified_page_file > after.available() / 16 - 32);
    let [run] = bench.runs(SystemTask::ModifiedPageWriter)[..] else {
        panic!("the writer ran once");
    };
    let written = before.modified_page_file - after.modified_page_file;
    assert_eq!((run.trigger, run.pages), (Trigger::ManyModified, written));
    bench.machine.tick().unwrap();
    assert_eq!(bench.runs(SystemTask::ModifiedPageWriter), []);
}

/// As those for page files, but each to its file.
#[test]
fn too_many_written_pages_of_files_are_written_before_memory_is_short() {
    let mut bench = Bench::with_ram(4096 * PAGE);
    let (file, _) = bench.written_view(400);
    bench.empty_working_set();
    assert_eq!(bench.machine.page_lists().modified_mapped, 400);
    bench.machine.tick().unwrap();
    let left = bench.machine.page_lists();
    assert!(left.modified_mapped <= left.available() / 16);
    let written = (0..400)
        .filter(|&page| first_byte(&file, page) == 7)
        .count();
    assert_eq!(written as u64, 400 - left.modified_mapped);
}

/// Literature only (`MmModifiedPageLifeInSeconds`).
#[test]
fn written_pages_of_files_wait_for_300_seconds_at_most() {
    let mut bench = Bench::new();
    let (file, _) = bench.written_view(20);
    bench.empty_working_set();
    bench.machine.record_task_runs();
    bench.pass_seconds(300);
    assert_eq!(bench.machine.page_lists().modified_mapped, 20);
    assert_eq!(first_byte(&file, 19), 0);
    bench.pass_seconds(1);
    assert_eq!(bench.machine.page_lists().modified_mapped, 0);
    assert!((0..20).all(|page| first_byte(&file, page) == 7));
    let [run] = bench.runs(SystemTask::MappedPageWriter)[..] else {
        panic!("the writer ran once");
    };
    assert_eq!((run.trigger, run.pages), (Trigger::LongModified, 20));
}

/// What could not be written stays as it is, and nothing else stops.
#[test]
fn what_a_disk_did_not_take_is_written_another_second() {
    let (mut bench, faults) = Bench::with_page_file(4096, 4096);
    bench.commit_and_write(BASE, 400);
    bench.empty_working_set();
    let before = bench.machine.page_lists();
    faults.fail_from(faults.operations(), DiskFault::Fails);
    for failures in 1..4 {
        bench.machine.tick().unwrap();
        assert_eq!(bench.machine.page_lists(), before);
        let writer = bench.machine.task_counters(SystemTask::ModifiedPageWriter);
        assert_eq!(
            (writer.runs, writer.pages, writer.failures),
            (failures, 0, failures)
        );
        bench.machine.verify_frames().unwrap();
    }
    faults.heal();
    bench.machine.tick().unwrap();
    assert!(bench.machine.page_lists().modified_page_file < before.modified_page_file);
    bench.forget_standby();
    for page in 0..400 {
        assert_eq!(bench.read(BASE + page * PAGE), Ok(1));
    }
}

/// A segment that nobody uses stays as long as its file does not take what was written.
#[test]
fn a_segment_that_could_not_be_written_goes_once_it_can() {
    let mut bench = Bench::new();
    let (charge, frames) = (bench.machine.commit_charge(), bench.machine.frames_in_use());
    let (file, faults) = bench.written_view(20);
    faults.fail_from(faults.operations(), DiskFault::Fails);
    bench.machine.terminate_process(bench.process).unwrap_err();
    bench.process = bench.machine.create_process().unwrap();
    bench.machine.record_task_runs();
    bench.pass_seconds(2);
    let runs = bench.runs(SystemTask::DereferenceSegment);
    assert!(runs.iter().all(|run| (run.pages, run.failures) == (0, 1)));
    assert_eq!(runs.len(), 2);
    faults.heal();
    bench.pass_seconds(1);
    assert_eq!(bench.runs(SystemTask::DereferenceSegment).len(), 1);
    assert!((0..20).all(|page| first_byte(&file, page) == 7));
    bench.pass_seconds(1);
    assert_eq!(bench.runs(SystemTask::DereferenceSegment), []);
    let left = (bench.machine.commit_charge(), bench.machine.frames_in_use());
    assert_eq!(left, (charge, frames));
}

/// Page files grow as more is promised, and shrink when it is not any more.
#[test]
fn page_files_lose_each_minute_what_nobody_needs_of_them() {
    let mut bench = Bench::with_ram(64 * PAGE);
    let size = PageFileSize {
        minimum: 100 * PAGE,
        maximum: 1000 * PAGE,
    };
    let disk = Box::new(tempfile::tempfile().unwrap());
    bench.machine.add_page_file(disk, size).unwrap();
    bench.machine.record_task_runs();
    bench.alloc(BASE, 300 * PAGE, BOTH, READWRITE).unwrap();
    let grown = bench.machine.commit_limit() - 164;
    let [run] = bench.runs(SystemTask::DereferenceSegment)[..] else {
        panic!("the page file grew once");
    };
    assert_eq!((run.trigger, run.pages), (Trigger::CommitShort, grown));
    bench.pass_seconds(60);
    assert_eq!(bench.machine.commit_limit(), bench.machine.commit_charge());
    bench.free(BASE, 0, RELEASE).unwrap();
    bench.pass_seconds(59);
    assert!(bench.machine.commit_limit() > 164);
    bench.pass_seconds(1);
    assert_eq!(bench.machine.commit_limit(), 164);
    assert_eq!(bench.machine.page_files().next().unwrap().pages, 100);
}

/// What was gained to write pages to is promised, and lost again, as what was gained for promises.
#[test]
fn what_page_files_grew_by_to_take_pages_can_be_promised_until_they_lose_it() {
    let mut bench = Bench::with_ram(64 * PAGE);
    let size = PageFileSize {
        minimum: 8 * PAGE,
        maximum: 1000 * PAGE,
    };
    let disk = Box::new(tempfile::tempfile().unwrap());
    bench.machine.add_page_file(disk, size).unwrap();
    bench.commit_and_write(BASE, 20);
    bench.machine.page_out().unwrap();
    let pages = bench.machine.page_files().next().unwrap().pages;
    assert!(pages > 20, "{pages}");
    assert_eq!(bench.machine.commit_limit(), 64 + pages);
    bench.free(BASE, 0, RELEASE).unwrap();
    bench.pass_seconds(60);
    assert_eq!(bench.machine.page_files().next().unwrap().pages, 8);
    assert_eq!(bench.machine.commit_limit(), 64 + 8);
}

/// Windows Internals: with eight free frames or more. Literature only.
#[test]
fn free_frames_are_zeroed_when_there_are_eight() {
    let mut bench = Bench::new();
    bench.commit_and_write(BASE, 20);
    bench.free(BASE, 7 * PAGE, DECOMMIT).unwrap();
    bench.machine.tick().unwrap();
    assert_eq!(bench.machine.page_lists().free, 7);
    bench.free(BASE + 7 * PAGE, PAGE, DECOMMIT).unwrap();
    bench.machine.tick().unwrap();
    assert_eq!(bench.machine.page_lists().free, 0);
    let zeroed = bench.machine.task_counters(SystemTask::ZeroPage);
    assert_eq!((zeroed.runs, zeroed.pages), (1, 8));
}
