//! Working sets that grow, give pages for others, and are trimmed.

use super::*;
use crate::{
    Backing, FileAccess, MemoryPriority, Privileges, Replacement, SectionAttributes, Trigger,
    WorkingSetLimits, WorkingSetSize,
};

/// Pages of the machine on which memory gets short.
const FRAMES: u64 = 2048;

impl Bench {
    fn small() -> Self {
        Self::with_ram(FRAMES * PAGE)
    }

    fn pages_in_use(&self) -> Vec<u64> {
        let used = self.machine.query_working_set(self.process).unwrap();
        used.iter().map(|(page, _)| page.as_u64()).collect()
    }

    fn read_pages(&mut self, base: u64, pages: u64) {
        for page in 0..pages {
            self.read(base + page * PAGE).unwrap();
        }
    }

    /// Reads and writes what was not there yet.
    fn commit_and_read(&mut self, base: u64, pages: u64) {
        self.alloc(base, pages * PAGE, BOTH, READWRITE).unwrap();
        self.read_pages(base, pages);
    }

    /// Another process takes all frames that can be had but so many.
    pub(super) fn leave_available(&mut self, pages: u64) {
        let hog = self.machine.create_process().unwrap();
        let privileges = Privileges::LOCK_MEMORY;
        self.machine.set_privileges(hog, privileges).unwrap();
        let taken = self.machine.page_lists().available() - pages;
        let made = self.machine.allocate_user_physical_pages(hog, taken);
        assert_eq!(made.unwrap().len() as u64, taken);
    }

    fn limit(&mut self, minimum: u64, maximum: u64, flags: WorkingSetLimits) {
        let size = WorkingSetSize {
            minimum: minimum * PAGE,
            maximum: maximum * PAGE,
        };
        let process = self.process;
        let set = self.machine.set_working_set_size_ex(process, size, flags);
        set.unwrap();
    }
}

fn pages(base: u64, count: u64) -> Vec<u64> {
    (0..count).map(|page| base + page * PAGE).collect()
}

/// Literature only.
#[test]
fn the_oldest_pages_are_trimmed_first() {
    let mut bench = Bench::small();
    let (old, young) = (BASE, BASE + 0x10_0000);
    bench.commit_and_read(young, 45);
    bench.commit_and_read(old, 40);
    bench.machine.tick().unwrap();
    for _ in 0..2 {
        bench.read_pages(young, 45);
        bench.read_pages(old, 5);
        bench.machine.tick().unwrap();
    }
    assert_eq!(bench.pages_in_use().len(), 85);
    bench.leave_available(100);
    bench.machine.tick().unwrap();
    // The minimum, of 50 pages, is what was used.
    assert_eq!(
        bench.pages_in_use(),
        [pages(old, 5), pages(young, 45)].concat()
    );
    assert_eq!(bench.machine.working_set_counters().trimmed, 35);
    bench.read_pages(old, 40);
    assert_eq!(bench.machine.fault_counters().soft, 35);
}

/// Literature only.
#[test]
fn a_process_that_has_no_more_than_its_minimum_is_not_trimmed() {
    let mut bench = Bench::small();
    bench.commit_and_read(BASE, 50);
    let first = bench.switch();
    bench.commit_and_read(BASE, 51);
    bench.leave_available(100);
    for _ in 0..9 {
        bench.machine.tick().unwrap();
    }
    assert_eq!(bench.pages_in_use().len(), 50);
    bench.process = first;
    assert_eq!(bench.pages_in_use(), pages(BASE, 50));
    assert_eq!(bench.machine.working_set_counters().trimmed, 1);
}

/// Microsoft, `VirtualLock`: locked pages stay, however old they are.
#[test]
fn locked_pages_are_not_trimmed() {
    let mut bench = Bench::small();
    bench.commit_and_read(BASE, 80);
    let (process, locked) = (bench.process, VirtAddr::new(BASE));
    let machine = &mut bench.machine;
    machine.virtual_lock(process, locked, 20 * PAGE).unwrap();
    for _ in 0..3 {
        bench.machine.tick().unwrap();
        bench.read_pages(BASE + 20 * PAGE, 60);
    }
    bench.leave_available(100);
    bench.machine.tick().unwrap();
    let left = bench.pages_in_use();
    assert_eq!((left.len(), &left[..20]), (50, &pages(BASE, 20)[..]));
}

/// Literature only: trimming ends when enough can be had, which pages on standby can.
#[test]
fn trimming_ends_when_memory_is_ample() {
    let mut bench = Bench::small();
    let bytes = vec![3; 800 << 12];
    let file = super::images::file(&bytes);
    let backing = crate::Backing::File(file, crate::FileAccess::READ);
    let commit = crate::SectionAttributes::COMMIT;
    let made = bench.machine.create_section(backing, READONLY, commit, 0);
    bench.map(made.unwrap(), BASE, READONLY).unwrap();
    bench.read_pages(BASE, 800);
    bench.leave_available(500);
    bench.machine.tick().unwrap();
    assert_eq!(bench.machine.page_lists().available(), 1024);
    assert_eq!(bench.machine.working_set_counters().trimmed, 524);
    assert_eq!(bench.pages_in_use().len(), 800 - 524);
}

/// Literature only.
#[test]
fn a_working_set_outgrows_its_maximum_only_while_memory_is_ample() {
    let mut bench = Bench::small();
    bench.limit(20, 30, WorkingSetLimits::empty());
    bench.commit_and_read(BASE, 40);
    assert_eq!(bench.pages_in_use().len(), 40);
    bench.leave_available(500);
    bench.commit_and_read(BASE + 0x10_0000, 10);
    assert_eq!(bench.pages_in_use().len(), 40);
    assert_eq!(bench.machine.working_set_counters().replaced, 10);
}

/// Microsoft, `SetProcessWorkingSetSizeEx`.
#[test]
fn a_hard_maximum_is_kept_whatever_there_is_of_memory() {
    let mut bench = Bench::new();
    bench.commit_and_read(BASE, 40);
    bench.limit(20, 30, WorkingSetLimits::HARD_MAXIMUM);
    assert_eq!(bench.pages_in_use(), pages(BASE + 10 * PAGE, 30));
    bench.read_pages(BASE, 40);
    assert_eq!(bench.pages_in_use().len(), 30);
    bench.limit(20, 30, WorkingSetLimits::SOFT_MAXIMUM);
    bench.read_pages(BASE, 40);
    assert_eq!(bench.pages_in_use().len(), 40);
}

/// Literature only: accessed bits tell which pages are used, once processors have forgotten
/// the entries in which they were set.
#[test]
fn each_second_the_pages_that_were_used_are_told_from_others() {
    let mut bench = Bench::new();
    bench.machine.record_invalidations();
    bench.commit_and_read(BASE, 10);
    bench.machine.take_invalidations();
    for (read, used) in [(0, 10), (0, 0), (4, 4), (4, 4), (0, 0)] {
        bench.read_pages(BASE, read);
        let before = bench.machine.working_set_counters().cleared;
        bench.machine.tick().unwrap();
        let cleared = bench.machine.working_set_counters().cleared - before;
        let forgotten = bench.machine.take_invalidations().len() as u64;
        assert_eq!((cleared, forgotten), (used, used));
    }
}

/// How many blocks of pages fault of Belady's reference string, where so many can be there.
fn faults(replacement: Replacement, blocks: u64) -> u64 {
    // As many as the smallest working set has room for three of.
    const BLOCK: u64 = 7;
    let mut bench = Bench::with_config(&MachineConfig {
        ram_bytes: 16 << 20,
        replacement,
        ..MachineConfig::default()
    });
    bench.limit(20, blocks * BLOCK, WorkingSetLimits::HARD_MAXIMUM);
    bench
        .alloc(BASE, 5 * BLOCK * PAGE, BOTH, READWRITE)
        .unwrap();
    let before = bench.machine.fault_counters().faults;
    for block in [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5] {
        bench.read_pages(BASE + (block - 1) * BLOCK * PAGE, BLOCK);
        bench.machine.tick().unwrap();
    }
    let faults = bench.machine.fault_counters().faults - before;
    assert_eq!(faults % BLOCK, 0);
    faults / BLOCK
}

/// Belady, Nelson and Shedler, "An anomaly in space-time characteristics of certain programs
/// running in a paging machine" (1969).
#[test]
fn more_memory_can_mean_more_faults_if_the_first_page_in_is_the_first_out() {
    assert_eq!(faults(Replacement::FirstIn, 3), 9);
    assert_eq!(faults(Replacement::FirstIn, 4), 10);
}

/// Mattson and others, "Evaluation techniques for storage hierarchies" (1970): what is least
/// recently used with more memory is among that with less.
#[test]
fn more_memory_means_fewer_faults_if_the_least_recently_used_page_goes() {
    assert_eq!(faults(Replacement::LeastRecentlyUsed, 3), 10);
    assert_eq!(faults(Replacement::LeastRecentlyUsed, 4), 8);
}

/// Microsoft, `QueryWorkingSet`.
#[test]
fn the_pages_of_a_working_set_are_told_by_address() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 4 * PAGE, BOTH, READWRITE).unwrap();
    for page in [3, 0, 2] {
        bench.read(BASE + page * PAGE).unwrap();
    }
    bench.protect(BASE, PAGE, NOACCESS).unwrap();
    let used = bench.machine.query_working_set(bench.process).unwrap();
    assert_eq!(used.len(), 2);
    for ((page, told), expected) in used.into_iter().zip([2, 3]) {
        assert_eq!(page.as_u64(), BASE + expected * PAGE);
        let alone = bench.machine.query_working_set_ex(bench.process, page);
        assert_eq!(Ok(told), alone);
    }
}

/// Literature only: working sets are looked at before they are trimmed.
#[test]
fn a_page_that_was_used_since_stays_while_there_are_others() {
    let (mut bench, _) = Bench::with_page_file(2048, 2048);
    bench.commit_and_read(BASE, 300);
    bench.machine.tick().unwrap();
    bench.leave_available(70);
    // Ten more, and those that are used are the oldest.
    bench.read_pages(BASE, 100);
    bench.commit_and_read(BASE + 0x100_0000, 10);
    let left = bench.pages_in_use();
    assert_eq!(
        bench.machine.working_set_counters().trimmed,
        310 - left.len() as u64
    );
    assert!(left.len() < 300);
    assert_eq!(&left[..100], &pages(BASE, 100)[..]);
}

/// As with those of a second, processors have to forget a page whose accessed bit is cleared.
#[test]
fn accessed_bits_that_are_cleared_to_trim_are_counted_and_forgotten() {
    let (mut bench, _) = Bench::with_page_file(2048, 2048);
    bench.commit_and_read(BASE, 300);
    bench.machine.tick().unwrap();
    bench.leave_available(70);
    bench.read_pages(BASE, 100);
    bench.machine.record_invalidations();
    let before = bench.machine.working_set_counters();
    bench.commit_and_read(BASE + 0x100_0000, 10);
    let after = bench.machine.working_set_counters();
    let (cleared, trimmed) = (
        after.cleared - before.cleared,
        after.trimmed - before.trimmed,
    );
    assert_eq!(cleared, 100);
    let forgotten = bench.machine.take_invalidations().len() as u64;
    assert!(trimmed > 0);
    assert_eq!(forgotten, cleared + trimmed);
}

/// Ours: to choose a page for another one accessed bits are looked at, and none is cleared before
/// the second is over.
#[test]
fn to_replace_a_page_just_that_one_has_to_be_forgotten() {
    let mut bench = Bench::small();
    bench.limit(20, 40, WorkingSetLimits::HARD_MAXIMUM);
    bench.commit_and_read(BASE, 60);
    let replace = |bench: &mut Bench, base: u64| {
        bench.alloc(base, 5 * PAGE, BOTH, READWRITE).unwrap();
        bench.machine.record_invalidations();
        bench.machine.take_invalidations();
        let before = bench.machine.working_set_counters();
        let others = bench.pages_in_use();
        bench.read_pages(base, 5);
        let after = bench.machine.working_set_counters();
        assert_eq!(after.replaced - before.replaced, 5);
        assert_eq!(after.cleared, before.cleared);
        assert_eq!(bench.machine.take_invalidations().len(), 5);
        let left = bench.pages_in_use();
        let gone = others.into_iter().filter(|page| !left.contains(page));
        gone.collect::<Vec<_>>()
    };
    // All were used: those that came first.
    let first = bench.pages_in_use()[0];
    assert_eq!(replace(&mut bench, BASE + 0x100_0000), pages(first, 5));
    bench.machine.tick().unwrap();
    // Those that were used in this second stay.
    let next = first + 5 * PAGE;
    bench.read_pages(next, 10);
    let unused = pages(next + 10 * PAGE, 5);
    assert_eq!(replace(&mut bench, BASE + 0x200_0000), unused);
}

/// Microsoft, `MEMORY_PRIORITY_INFORMATION`: other things being equal, pages of a lower memory
/// priority are trimmed first.
#[test]
fn of_pages_that_are_as_old_those_of_the_lowest_memory_priority_leave_first() {
    let mut bench = Bench::small();
    bench.commit_and_read(BASE, 80);
    let first = bench.switch();
    bench.commit_and_read(BASE, 80);
    let low = bench.switch();
    bench.commit_and_read(BASE, 80);
    let set = bench.machine.set_memory_priority(low, MemoryPriority::Low);
    assert_eq!(set, Ok(()));
    assert_eq!(bench.machine.memory_priority(low), Ok(MemoryPriority::Low));
    bench.machine.tick().unwrap();
    bench
        .machine
        .trim_working_sets(Trigger::MemoryShort, 40)
        .unwrap();
    let left = |process| bench.machine.query_working_set(process).unwrap().len();
    // No process goes below its minimum, of 50 pages; what is missing leaves where it came first.
    assert_eq!([first, low].map(left), [70, 50]);
    assert_eq!(bench.pages_in_use().len(), 80);
}

/// Microsoft, `SetProcessInformation`: the memory priority is that of the physical pages that come
/// into the working set.
#[test]
fn frames_are_taken_by_the_memory_priority_of_who_used_them() {
    let (mut bench, _) = Bench::with_page_file(FRAMES, FRAMES);
    let priorities = [
        MemoryPriority::VeryLow,
        MemoryPriority::Low,
        MemoryPriority::Medium,
        MemoryPriority::BelowNormal,
        MemoryPriority::Normal,
    ];
    bench.alloc(BASE, 15 * PAGE, BOTH, READWRITE).unwrap();
    let mut page = BASE;
    for (pages, priority) in (1..).zip(priorities) {
        let process = bench.process;
        bench
            .machine
            .set_memory_priority(process, priority)
            .unwrap();
        bench.read_pages(page, pages);
        page += pages * PAGE;
    }
    bench.page_out();
    let standby = bench.machine.page_lists().standby;
    assert_eq!(
        (&standby[..5], &standby[6..]),
        (&[0, 1, 2, 3, 4][..], &[0, 0][..])
    );
}

/// Windows Internals, 6th edition, "Page Priority": a page's priority is that of the thread that
/// first causes its allocation, which is the one whose fault reads it.
#[test]
fn pages_that_are_read_with_another_have_the_priority_of_whom_they_are_read_for() {
    let view = BASE + 0x10_0000;
    for base in [BASE, view] {
        let (mut bench, _) = Bench::with_page_file(FRAMES, FRAMES);
        bench.numbered(BASE, 8);
        let file = tempfile::tempfile().unwrap();
        file.set_len(8 * PAGE).unwrap();
        let backing = Backing::File(file, FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let made = bench.machine.create_section(backing, READWRITE, commit, 0);
        bench.map(made.unwrap(), view, READWRITE).unwrap();
        let process = bench.process;
        for (first, prefetched) in [(base + PAGE, false), (base, true)] {
            bench.machine.page_out().unwrap();
            let priority = MemoryPriority::Medium;
            let set = bench.machine.set_memory_priority(process, priority);
            set.unwrap();
            let count = if prefetched {
                let range = AddressRange {
                    base: VirtAddr::new(first),
                    size: 8 * PAGE,
                };
                let read = bench.machine.prefetch_virtual_memory(process, &[range]);
                read.unwrap();
                8
            } else {
                bench.read(first).unwrap();
                7
            };
            let standby = bench.machine.page_lists().standby;
            assert_eq!(standby, [0, 0, 0, count, 0, 0, 0, 0], "{base:#x}");
        }
    }
}

/// The headers of Windows: `MEMORY_PRIORITY_LOWEST`.
#[test]
fn frames_of_the_lowest_memory_priority_are_in_the_first_list_of_standby() {
    let (mut bench, _) = Bench::with_page_file(FRAMES, FRAMES);
    bench.commit_and_read(BASE, 4);
    let process = bench.process;
    let set = bench
        .machine
        .set_memory_priority(process, MemoryPriority::Lowest);
    set.unwrap();
    bench.commit_and_read(BASE + 0x10_0000, 3);
    bench.page_out();
    let standby = bench.machine.page_lists().standby;
    assert_eq!(standby[0], 3);
    assert!(standby[5] >= 4);
}
