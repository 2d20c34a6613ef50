use super::*;
use crate::{Backing, SectionAttributes, WatchFlags, WorkingSetSize};

impl Bench {
    fn lock(&mut self, base: u64, size: u64) -> Result<(u64, u64), Status> {
        let (process, base) = (self.process, VirtAddr::new(base));
        self.machine.virtual_lock(process, base, size).map(plain)
    }

    fn unlock(&mut self, base: u64, size: u64) -> Result<(u64, u64), Status> {
        let (process, base) = (self.process, VirtAddr::new(base));
        self.machine.virtual_unlock(process, base, size).map(plain)
    }

    /// Which of the first pages are locked, by their numbers.
    fn locked(&self) -> Vec<u64> {
        let is_locked = |&page: &u64| {
            let address = VirtAddr::new(BASE + page * PAGE);
            self.machine.is_locked(self.process, address).unwrap()
        };
        (0..40).filter(is_locked).collect()
    }

    fn resize(&mut self, minimum: u64, maximum: u64) -> Result<(u64, u64), Status> {
        let size = WorkingSetSize { minimum, maximum };
        self.machine.set_working_set_size(self.process, size)?;
        let now = self.machine.working_set_size(self.process)?;
        Ok((now.minimum, now.maximum))
    }
}

/// Microsoft, `VirtualLock` and `VirtualUnlock`.
#[test]
fn locked_pages_are_in_memory_and_one_unlock_suffices() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 4 * PAGE, BOTH, READWRITE).unwrap();
    let before = bench.machine.frames_in_use();
    assert_eq!(bench.lock(BASE + 0x1fff, 2), Ok((BASE + PAGE, 2 * PAGE)));
    // Three page tables, too.
    assert_eq!(bench.machine.frames_in_use(), before + 2 + 3);
    bench.lock(BASE, 3 * PAGE).unwrap();
    assert_eq!(bench.locked(), [0, 1, 2]);
    assert_eq!(
        bench.unlock(BASE + 2 * PAGE, 1),
        Ok((BASE + 2 * PAGE, PAGE))
    );
    assert_eq!(bench.locked(), [0, 1]);
}

/// Wine's tests, kernel32 `test_guard_page`.
#[test]
fn a_guard_page_is_locked_the_second_time() {
    let mut bench = Bench::new();
    let watched = BOTH | AllocationType::WRITE_WATCH;
    bench.alloc(BASE, PAGE, watched, READWRITE | GUARD).unwrap();
    let refused = bench.lock(BASE, PAGE).unwrap_err();
    assert_eq!(refused, Status::GuardPageViolation);
    assert_eq!(refused.win32(), 0x8000_0001);
    assert_eq!(bench.query(BASE).protection, READWRITE);
    assert_eq!(bench.locked(), []);
    let (process, base) = (bench.process, VirtAddr::new(BASE));
    let written = bench
        .machine
        .get_write_watch(process, base, PAGE, WatchFlags::empty(), 1);
    assert_eq!(written, Ok(vec![]));
    bench.lock(BASE, PAGE).unwrap();
    bench.unlock(BASE, PAGE).unwrap();
}

/// Microsoft, `VirtualLock`; that it is an access violation, ReactOS's
/// `MiCheckVadsForLockOperation` and `MiLockVirtualMemory`.
#[test]
fn what_cannot_be_touched_cannot_be_locked() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1_0000, RESERVE, READWRITE).unwrap();
    bench.alloc(BASE, 2 * PAGE, COMMIT, READWRITE).unwrap();
    bench.protect(BASE + PAGE, PAGE, NOACCESS).unwrap();
    for (base, size) in [
        (BASE, 2 * PAGE),
        (BASE + 2 * PAGE, PAGE),
        (BASE + 0x1_0000, PAGE),
    ] {
        let refused = bench.lock(base, size);
        assert_eq!(refused, Err(Status::AccessViolation), "{base:#x}");
    }
    assert_eq!(bench.locked(), []);
    for (base, size) in [(BASE, 0), (BASE, u64::MAX), (u64::MAX, 1), (1 << 47, 1)] {
        assert_eq!(bench.lock(base, size), Err(Status::InvalidParameter));
        assert_eq!(bench.unlock(base, size), Err(Status::InvalidParameter));
    }
}

/// ReactOS's `MiCheckVadsForLockOperation`.
#[test]
fn pages_of_several_regions_are_locked_at_once() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1_0000, BOTH, READWRITE).unwrap();
    bench
        .alloc(BASE + 0x1_0000, PAGE, BOTH, EXECUTE_READ)
        .unwrap();
    bench.lock(BASE + 0xf000, 2 * PAGE).unwrap();
    assert_eq!(bench.locked(), [15, 16]);
    bench.unlock(BASE + 0xf000, 2 * PAGE).unwrap();
}

/// Microsoft, `VirtualLock`: as many as the minimum working set has, less a small overhead;
/// that was 30 by default in 1998. The error is literature only.
#[test]
fn the_minimum_working_set_limits_what_can_be_locked() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 200 * PAGE, BOTH, READWRITE).unwrap();
    let refused = bench.lock(BASE, 31 * PAGE).unwrap_err();
    assert_eq!((refused, refused.win32()), (Status::WorkingSetQuota, 1453));
    bench.lock(BASE, 30 * PAGE).unwrap();
    bench.lock(BASE, 30 * PAGE).unwrap();
    let another = bench.lock(BASE + 30 * PAGE, 1);
    assert_eq!(another, Err(Status::WorkingSetQuota));
    bench.resize(100 * PAGE, 200 * PAGE).unwrap();
    bench.lock(BASE, 80 * PAGE).unwrap();
    let another = bench.lock(BASE, 81 * PAGE);
    assert_eq!(another, Err(Status::WorkingSetQuota));
    bench.resize(20 * PAGE, 200 * PAGE).unwrap();
    assert_eq!(
        bench.lock(BASE + 80 * PAGE, 1),
        Err(Status::WorkingSetQuota)
    );
    bench.unlock(BASE, 80 * PAGE).unwrap();
}

/// Microsoft, `VirtualUnlock`: all pages must be locked, and those that are not are removed from
/// the working set; that the others stay locked, ReactOS's source only
/// (`MiUnlockVirtualMemory`). The error is literature only.
#[test]
fn nothing_is_unlocked_where_a_page_is_not_locked() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 4 * PAGE, BOTH, READWRITE).unwrap();
    bench.lock(BASE, 2 * PAGE).unwrap();
    for (base, size) in [(BASE, 3 * PAGE), (BASE + 3 * PAGE, 1), (BASE + 0x1_0000, 1)] {
        bench.write(BASE + 2 * PAGE, 7).unwrap();
        let refused = bench.unlock(base, size).unwrap_err();
        assert_eq!((refused, refused.win32()), (Status::NotLocked, 158));
    }
    assert_eq!(bench.locked(), [0, 1]);
    assert_eq!(bench.unlock(BASE, 3 * PAGE), Err(Status::NotLocked));
    let is_there = |bench: &Bench, page| {
        let page = VirtAddr::new(BASE + page * PAGE);
        let used = bench.machine.query_working_set_ex(bench.process, page);
        used.unwrap().valid.is_some()
    };
    let there = [0, 1, 2].map(|page| is_there(&bench, page));
    assert_eq!(there, [true, true, false]);
    assert_eq!(bench.read(BASE + 2 * PAGE), Ok(7));
}

/// Microsoft, [MS-ERREF], `STATUS_WAS_UNLOCKED`: a locked page whose protection becomes no
/// access is unlocked.
#[test]
fn pages_that_go_or_lose_their_access_are_not_locked_any_more() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 5 * PAGE, BOTH, READWRITE).unwrap();
    bench.lock(BASE, 5 * PAGE).unwrap();
    bench.protect(BASE, PAGE, NOACCESS).unwrap();
    bench.protect(BASE + PAGE, PAGE, READWRITE | GUARD).unwrap();
    bench.free(BASE + 2 * PAGE, PAGE, DECOMMIT).unwrap();
    bench.protect(BASE + 3 * PAGE, PAGE, READONLY).unwrap();
    bench.write(BASE + 4 * PAGE, 1).unwrap();
    assert_eq!(bench.locked(), [3, 4]);
    bench.free(BASE, 0, RELEASE).unwrap();
    assert_eq!(bench.locked(), []);
    // Nor are pages that come in their place.
    bench.alloc(BASE, 5 * PAGE, BOTH, READWRITE).unwrap();
    bench.read(BASE).unwrap();
    assert_eq!(bench.locked(), []);
}

/// A lock is the address's: Microsoft, `VirtualLock`.
#[test]
fn a_locked_page_that_copies_itself_stays_locked() {
    let mut bench = Bench::new();
    let commit = SectionAttributes::COMMIT;
    let section = bench
        .machine
        .create_section(Backing::PageFile, READWRITE, commit, PAGE);
    bench.map(section.unwrap(), BASE, WRITECOPY).unwrap();
    bench.lock(BASE, PAGE).unwrap();
    bench.write(BASE, 1).unwrap();
    assert_eq!(bench.query(BASE).protection, READWRITE);
    assert_eq!(bench.locked(), [0]);
}

/// Microsoft, `SetProcessWorkingSetSize`; that a maximum is not left below the raised minimum
/// is a consequence.
#[test]
fn working_sets_are_sized_within_bounds() {
    let mut bench = Bench::new();
    let size = bench.machine.working_set_size(bench.process).unwrap();
    assert_eq!((size.minimum, size.maximum), (204_800, 1_413_120));
    assert_eq!(bench.resize(PAGE, 40 * PAGE), Ok((20 * PAGE, 40 * PAGE)));
    assert_eq!(bench.resize(1, 13 * PAGE), Ok((20 * PAGE, 20 * PAGE)));
    assert_eq!(bench.resize(u64::MAX, u64::MAX), Ok((20 * PAGE, 20 * PAGE)));
    let all = (64 << 20) - bench.machine.frames_in_use() * PAGE;
    bench.resize(PAGE, all - 513 * PAGE).unwrap();
    for (minimum, maximum) in [
        (0, 40 * PAGE),
        (41 * PAGE, 40 * PAGE),
        (PAGE, 13 * PAGE - 1),
        (PAGE, all - 512 * PAGE),
    ] {
        let refused = bench.resize(minimum, maximum);
        assert_eq!(refused, Err(Status::InvalidParameter), "{minimum:#x}");
    }
}
