use super::*;
use crate::{
    Backing, LARGE_PAGE_MINIMUM, SectionAttributes, SectionHandle, WorkingSetLimits, WorkingSetSize,
};

const VALID: u64 = 1;
const SHARED: u64 = 1 << 15;
const LOCKED: u64 = 1 << 22;
const LARGE: u64 = 1 << 23;
const READS: u64 = 0x02 << 4;
const WRITES: u64 = 0x04 << 4;

/// So many processes share a page.
const fn shared_by(processes: u64) -> u64 {
    SHARED | processes << 1
}

impl Bench {
    fn used(&self, address: u64) -> u64 {
        let address = VirtAddr::new(address);
        let used = self.machine.query_working_set_ex(self.process, address);
        used.unwrap().bits()
    }

    /// In pages.
    fn working_set(&self) -> u64 {
        self.machine.working_set(self.process).unwrap() / PAGE
    }

    fn shared_pages(&mut self) -> SectionHandle {
        let commit = SectionAttributes::COMMIT;
        let made = self
            .machine
            .create_section(Backing::PageFile, READWRITE, commit, 4 * PAGE);
        made.unwrap()
    }
}

/// Microsoft, `PSAPI_WORKING_SET_EX_BLOCK`.
#[test]
fn a_page_is_told_to_be_there_and_as_what() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 4 * PAGE, BOTH, READWRITE).unwrap();
    bench.protect(BASE + PAGE, PAGE, EXECUTE_READ).unwrap();
    for page in 0..2 {
        assert_eq!(bench.used(BASE + page * PAGE), 0);
        bench.read(BASE + page * PAGE).unwrap();
    }
    assert_eq!(bench.used(BASE + 0xfff), VALID | WRITES);
    assert_eq!(bench.used(BASE + PAGE), VALID | 0x20 << 4);
    let (process, second) = (bench.process, VirtAddr::new(BASE + PAGE));
    bench.machine.virtual_lock(process, second, 1).unwrap();
    assert_eq!(bench.used(BASE + PAGE), VALID | 0x20 << 4 | LOCKED);
    bench.protect(BASE, PAGE, NOACCESS).unwrap();
    for address in [BASE, BASE + 2 * PAGE, BASE + 9 * PAGE, 0, 1 << 47, u64::MAX] {
        assert_eq!(bench.used(address), 0, "{address:#x}");
    }
}

/// Microsoft, `PSAPI_WORKING_SET_EX_BLOCK`: at most 7 processes are told; what is not there is
/// told to be shared, too.
#[test]
fn a_shared_page_is_told_with_the_processes_that_use_it() {
    let mut bench = Bench::new();
    let section = bench.shared_pages();
    for processes in 1..9 {
        bench.map(section, BASE, READONLY).unwrap();
        assert_eq!(bench.used(BASE), SHARED);
        bench.read(BASE).unwrap();
        let count = shared_by(processes.min(7));
        assert_eq!(bench.used(BASE), VALID | READS | count);
        bench.switch();
    }
    // The same page twice in one process, and once in a place of its own.
    bench.map(section, BASE, WRITECOPY).unwrap();
    bench.map(section, BASE + 0x1_0000, READWRITE).unwrap();
    for page in [BASE + PAGE, BASE + 0x1_0000 + PAGE] {
        bench.read(page).unwrap();
    }
    let copies = 0x08 << 4;
    assert_eq!(bench.used(BASE + PAGE), VALID | copies | shared_by(1));
    bench.write(BASE + PAGE, 1).unwrap();
    assert_eq!(bench.used(BASE + PAGE), VALID | WRITES);
    let other = BASE + 0x1_0000 + PAGE;
    assert_eq!(bench.used(other), VALID | WRITES | shared_by(1));
}

/// Microsoft, "Working Set", and `QueryWorkingSetEx`, which tells of such pages, too.
#[test]
fn large_pages_and_windows_are_no_part_of_the_working_set() {
    let mut bench = Bench::new();
    bench.privilege();
    let large = BOTH | AllocationType::LARGE_PAGES;
    let window = RESERVE | AllocationType::PHYSICAL;
    let before = bench.working_set();
    bench
        .alloc(BASE, LARGE_PAGE_MINIMUM, large, READWRITE)
        .unwrap();
    let other = BASE + LARGE_PAGE_MINIMUM;
    bench.alloc(other, PAGE, window, READWRITE).unwrap();
    let (machine, process) = (&mut bench.machine, bench.process);
    let pages = machine.allocate_user_physical_pages(process, 1).unwrap();
    let at = VirtAddr::new(other);
    machine
        .map_user_physical_pages(process, at, &pages)
        .unwrap();
    assert_eq!(bench.working_set(), before);
    assert_eq!(bench.used(BASE + PAGE), VALID | WRITES | LOCKED | LARGE);
    assert_eq!(bench.used(other), VALID | WRITES | LOCKED);
    bench
        .alloc(other + 0x1_0000, PAGE, BOTH, READWRITE)
        .unwrap();
    bench.read(other + 0x1_0000).unwrap();
    assert_eq!(bench.working_set(), before + 1);
}

/// Literature only: limits are soft unless they are asked to be hard.
#[test]
fn a_working_set_may_outgrow_its_maximum() {
    let mut bench = Bench::new();
    let size = WorkingSetSize {
        minimum: 20 * PAGE,
        maximum: 20 * PAGE,
    };
    let process = bench.process;
    bench.machine.set_working_set_size(process, size).unwrap();
    bench.alloc(BASE, 40 * PAGE, BOTH, READWRITE).unwrap();
    for page in 0..40 {
        bench.write(BASE + page * PAGE, 1).unwrap();
    }
    assert!(bench.working_set() >= 40);
}

/// Microsoft, `SetProcessWorkingSetSize`: as many pages as possible are removed.
#[test]
fn a_working_set_can_be_emptied_of_what_is_not_locked() {
    const ALL: u64 = u64::MAX;
    let mut bench = Bench::new();
    let watched = BOTH | AllocationType::WRITE_WATCH;
    bench.alloc(BASE, 4 * PAGE, watched, EXECUTE_READ).unwrap();
    bench.protect(BASE, 4 * PAGE, READWRITE).unwrap();
    let section = bench.shared_pages();
    let view = BASE + 0x1_0000;
    bench.map(section, view, WRITECOPY).unwrap();
    bench.read(view).unwrap();
    for page in [BASE, BASE + PAGE, view + PAGE] {
        bench.write(page, 7).unwrap();
    }
    let process = bench.process;
    let locked = VirtAddr::new(BASE + PAGE);
    bench.machine.virtual_lock(process, locked, PAGE).unwrap();
    let (frames, faults) = (
        bench.machine.frames_in_use(),
        bench.machine.fault_counters(),
    );
    let empty = WorkingSetSize {
        minimum: ALL,
        maximum: ALL,
    };
    bench.machine.set_working_set_size(process, empty).unwrap();
    assert_eq!(bench.used(BASE), 0);
    assert_eq!(bench.used(BASE + PAGE), VALID | WRITES | LOCKED);
    assert_eq!((bench.used(view), bench.used(view + PAGE)), (SHARED, 0));
    // Nothing is lost, and what is told of the pages stays.
    assert_eq!(bench.query(BASE).protection, READWRITE);
    assert_eq!(bench.query(view).protection, WRITECOPY);
    assert_eq!(bench.query(view + PAGE).protection, READWRITE);
    for (page, byte) in [(BASE, 7), (BASE + PAGE, 7), (view, 0), (view + PAGE, 7)] {
        assert_eq!(bench.read(page), Ok(byte));
    }
    assert_eq!(bench.machine.frames_in_use(), frames);
    let again = bench.machine.fault_counters();
    assert_eq!(again.faults, faults.faults + 3);
    let (base, flags) = (VirtAddr::new(BASE), crate::WatchFlags::RESET);
    let mut written = || {
        bench
            .machine
            .get_write_watch(process, base, 4 * PAGE, flags, 9)
    };
    assert_eq!(written(), Ok(vec![base, locked]));
    assert_eq!(written(), Ok(vec![]));
}

/// A thread's last error and stack are found in its block whatever is touched.
#[test]
fn environment_blocks_stay_in_the_working_set() {
    let mut bench = Bench::new();
    let process = bench.process;
    let stack = crate::StackRequest::default();
    let thread = bench.machine.create_thread(process, stack).unwrap();
    Win32::new(&mut bench.machine, thread).set_last_error(5);
    let empty = WorkingSetSize {
        minimum: u64::MAX,
        maximum: u64::MAX,
    };
    bench.machine.set_working_set_size(process, empty).unwrap();
    assert_eq!(Win32::new(&mut bench.machine, thread).last_error(), 5);
}

/// Microsoft, `SetProcessWorkingSetSize`: minimums are served first come, first served, and one
/// that memory does not hold beside the others is refused. The status is literature only.
#[test]
fn minimums_that_memory_does_not_hold_together_are_refused() {
    let mut bench = Bench::with_ram(2048 * PAGE);
    let size = |minimum| WorkingSetSize {
        minimum: minimum * PAGE,
        maximum: 1400 * PAGE,
    };
    let first = bench.switch();
    let machine = &mut bench.machine;
    assert_eq!(machine.set_working_set_size(first, size(1200)), Ok(()));
    let refused = machine.set_working_set_size(bench.process, size(337));
    assert_eq!(refused, Err(Status::InsufficientResources));
    let kept = machine.working_set_size(bench.process).unwrap();
    assert_eq!(kept.minimum, 50 * PAGE);
    assert_eq!(
        machine.set_working_set_size(bench.process, size(336)),
        Ok(())
    );
    assert_eq!(machine.set_working_set_size(first, size(1100)), Ok(()));
    assert_eq!(
        machine.set_working_set_size(bench.process, size(436)),
        Ok(())
    );
}

/// Microsoft, `SetProcessWorkingSetSizeEx` and `GetProcessWorkingSetSizeEx`; that unknown flags
/// and opposites are refused is this project's.
#[test]
fn each_limit_of_a_working_set_is_hard_or_soft() {
    const REFUSED: Status = Status::InvalidParameter;
    let mut bench = Bench::new();
    let process = bench.process;
    let size = WorkingSetSize {
        minimum: 0x10_0000,
        maximum: 0x20_0000,
    };
    for (flags, expected) in [
        (0, Ok(0xa)),
        (0x1, Ok(0x9)),
        (0x3, Err(REFUSED)),
        (0x4, Ok(0x5)),
        (0xc, Err(REFUSED)),
        (0, Ok(0x5)),
        (0x10, Err(REFUSED)),
        (0x6, Ok(0x6)),
        (0xa, Ok(0xa)),
    ] {
        let limits = WorkingSetLimits::from_bits_retain(flags);
        let mut win32 = bench.win32();
        let set = win32.set_process_working_set_size_ex(process, size, limits);
        let told = win32.get_process_working_set_size_ex(process).unwrap();
        assert_eq!(set.map(|()| told.1.bits()), expected, "{flags:#x}");
        assert_eq!(told.0, size);
    }
}
