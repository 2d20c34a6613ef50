use super::*;
use crate::{Backing, SectionAttributes, WatchFlags};

impl Bench {
    fn discard(&mut self, base: u64, size: u64) -> Result<(), Status> {
        let base = VirtAddr::new(base);
        self.machine.discard(self.process, base, size)
    }
}

/// Microsoft, `DiscardVirtualMemory`.
#[test]
fn discarded_pages_give_their_frames_back_and_stay_committed() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1_0000, RESERVE, READONLY).unwrap();
    bench.alloc(BASE, 3 * PAGE, COMMIT, READWRITE).unwrap();
    let charged = bench.machine.commit_charge();
    for page in 0..3 {
        bench.write(BASE + page * PAGE, 1).unwrap();
    }
    let before = bench.machine.frames_in_use();
    bench.discard(BASE, 2 * PAGE).unwrap();
    assert_eq!(bench.machine.frames_in_use(), before - 2);
    assert_eq!(bench.machine.commit_charge(), charged);
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, 3 * PAGE));
    assert_eq!(bench.read(BASE), Ok(0));
    assert_eq!(bench.read(BASE + 2 * PAGE), Ok(1));
}

/// Microsoft, `DiscardVirtualMemory`. That the pages are in one region and private, and how
/// else it fails, nobody says.
#[test]
fn whole_pages_that_are_just_read_and_written_are_discarded() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1_0000, RESERVE, READWRITE).unwrap();
    bench.alloc(BASE, 2 * PAGE, COMMIT, READWRITE).unwrap();
    bench.write(BASE, 1).unwrap();
    for protection in [READONLY, EXECUTE_READ, NOACCESS, READWRITE | GUARD] {
        bench.protect(BASE + PAGE, PAGE, protection).unwrap();
        let refused = bench.discard(BASE, 2 * PAGE);
        assert_eq!(refused, Err(Status::InvalidPageProtection));
    }
    bench.protect(BASE + PAGE, PAGE, READWRITE).unwrap();
    let commit = SectionAttributes::COMMIT;
    let section = bench
        .machine
        .create_section(Backing::PageFile, READWRITE, commit, PAGE);
    bench
        .map(section.unwrap(), BASE + 0x2_0000, READWRITE)
        .unwrap();
    for (base, size, error) in [
        (BASE + 1, PAGE, Status::InvalidParameter),
        (BASE, PAGE + 1, Status::InvalidParameter),
        (BASE, 0, Status::InvalidParameter),
        (BASE, !0xfff, Status::InvalidParameter),
        (BASE + 0x2_0000, PAGE, Status::InvalidParameter),
        (BASE, 3 * PAGE, Status::NotCommitted),
        (BASE, 17 * PAGE, Status::ConflictingAddresses),
        (BASE + 0x1_0000, PAGE, Status::ConflictingAddresses),
    ] {
        assert_eq!(bench.discard(base, size), Err(error), "{base:#x} {size:#x}");
    }
    assert_eq!(bench.read(BASE), Ok(1));
}

/// Microsoft, `VirtualLock`: locked pages remain in memory.
#[test]
fn locked_pages_are_neither_discarded_nor_reset() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 2 * PAGE, BOTH, READWRITE).unwrap();
    let (process, base) = (bench.process, VirtAddr::new(BASE));
    bench.machine.virtual_lock(process, base, PAGE).unwrap();
    bench.write(BASE, 1).unwrap();
    bench.write(BASE + PAGE, 1).unwrap();
    bench
        .alloc(BASE, 2 * PAGE, AllocationType::RESET, READWRITE)
        .unwrap();
    bench.discard(BASE, 2 * PAGE).unwrap();
    assert_eq!((bench.read(BASE), bench.read(BASE + PAGE)), (Ok(1), Ok(0)));
    assert_eq!(bench.machine.is_locked(process, base), Ok(true));
}

/// A page that was written was written, whatever became of what it held.
#[test]
fn what_was_written_before_is_still_told_of_discarded_pages() {
    let mut bench = Bench::new();
    let kind = BOTH | AllocationType::WRITE_WATCH;
    bench.alloc(BASE, 4 * PAGE, kind, READWRITE).unwrap();
    bench.write(BASE + PAGE, 1).unwrap();
    bench.discard(BASE, 4 * PAGE).unwrap();
    bench.read(BASE + 2 * PAGE).unwrap();
    let (process, base) = (bench.process, VirtAddr::new(BASE));
    let flags = WatchFlags::RESET;
    let mut written = || {
        bench
            .machine
            .get_write_watch(process, base, 4 * PAGE, flags, 9)
    };
    assert_eq!(written(), Ok(vec![base.wrapping_add(PAGE)]));
    assert_eq!(written(), Ok(vec![]));
}

/// Microsoft, `VirtualAlloc` (`MEM_RESET_UNDO`): if it succeeds, all is as it was.
#[test]
fn what_was_reset_is_there_again_when_that_is_undone() {
    let mut bench = Bench::new();
    let undo = AllocationType::RESET_UNDO;
    bench.alloc(BASE, 4 * PAGE, BOTH, READWRITE).unwrap();
    bench.write(BASE + PAGE, 7).unwrap();
    bench
        .alloc(BASE, 4 * PAGE, AllocationType::RESET, NOACCESS)
        .unwrap();
    let undone = bench.alloc(BASE, 4 * PAGE, undo, NOACCESS);
    assert_eq!(undone, Ok((BASE, 4 * PAGE)));
    assert_eq!(bench.read(BASE + PAGE), Ok(7));
    assert_eq!(bench.query(BASE).protection, READWRITE);
    let wrong = bench.alloc(BASE, PAGE, undo, PageProtection::empty());
    assert_eq!(wrong, Err(Status::InvalidPageProtection));
    for other in [COMMIT, RESERVE, AllocationType::RESET] {
        let both = bench.alloc(BASE, PAGE, undo | other, READWRITE);
        assert_eq!(both, Err(Status::InvalidParameter5));
    }
}

/// Wine's tests, kernel32 `test_mapping`; Microsoft, `VirtualAlloc`.
#[test]
fn views_of_memory_can_be_reset() {
    let mut bench = Bench::new();
    let commit = SectionAttributes::COMMIT;
    let section = bench
        .machine
        .create_section(Backing::PageFile, READWRITE, commit, 2 * PAGE);
    bench.map(section.unwrap(), BASE, READWRITE).unwrap();
    bench.write(BASE, 1).unwrap();
    let reset = bench.alloc(BASE, 2 * PAGE, AllocationType::RESET, READWRITE);
    assert_eq!(reset, Ok((BASE, 2 * PAGE)));
    assert_eq!(bench.query(BASE).protection, READWRITE);
}
