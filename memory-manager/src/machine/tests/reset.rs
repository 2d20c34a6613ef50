use super::*;
use crate::{PageFileSize, WatchFlags};

const RESET: AllocationType = AllocationType::RESET;
const UNDO: AllocationType = AllocationType::RESET_UNDO;

/// A machine with a page file, and four pages at `BASE` that were written; and how many slots
/// others have.
fn written() -> (Bench, u64) {
    let mut bench = Bench::new();
    let size = PageFileSize {
        minimum: PAGE,
        maximum: 64 << 20,
    };
    let disk = Box::new(tempfile::tempfile().unwrap());
    bench.machine.add_page_file(disk, size).unwrap();
    bench.page_out();
    bench.alloc(BASE, 4 * PAGE, BOTH, READWRITE).unwrap();
    for page in 0..4 {
        bench.write(BASE + page * PAGE, 7).unwrap();
    }
    let others = bench.slots_used();
    (bench, others)
}

/// Microsoft, `VirtualAlloc`: pages that were reset are not written to the paging file.
#[test]
fn pages_that_were_reset_are_not_written_and_their_frames_are_taken() {
    let (mut bench, others) = written();
    bench.alloc(BASE, 3 * PAGE, RESET, NOACCESS).unwrap();
    // They are not gone as long as nobody needs their frames.
    assert_eq!(bench.read(BASE), Ok(7));
    bench.page_out();
    assert_eq!(bench.slots_used() - others, 1);
    assert_eq!(bench.read(BASE), Ok(7));
    bench.page_out();
    bench.forget_standby();
    for page in 0..4 {
        let held = if page < 3 { 0 } else { 7 };
        assert_eq!(bench.read(BASE + page * PAGE), Ok(held));
    }
}

/// As a discard leaves them (Microsoft, `VirtualLock`: locked pages remain in memory).
#[test]
fn a_page_that_is_locked_as_it_is_reset_keeps_what_it_holds() {
    let (mut bench, _) = written();
    let (process, base) = (bench.process, VirtAddr::new(BASE));
    bench.machine.virtual_lock(process, base, PAGE).unwrap();
    bench.alloc(BASE, 2 * PAGE, RESET, READWRITE).unwrap();
    bench.machine.virtual_unlock(process, base, PAGE).unwrap();
    bench.page_out();
    bench.forget_standby();
    assert_eq!((bench.read(BASE), bench.read(BASE + PAGE)), (Ok(7), Ok(0)));
}

/// Microsoft, `VirtualAlloc`: nor are they read from it.
#[test]
fn pages_that_are_in_a_page_file_leave_it_when_they_are_reset() {
    let (mut bench, others) = written();
    let reset = |bench: &mut Bench| {
        assert_eq!(bench.slots_used() - others, 4);
        bench.alloc(BASE, 4 * PAGE, RESET, READWRITE).unwrap();
        assert_eq!(bench.slots_used() - others, 0);
        bench.read(BASE)
    };
    // In memory, too.
    bench.page_out();
    assert_eq!(reset(&mut bench), Ok(7));
    for page in 0..4 {
        bench.write(BASE + page * PAGE, 7).unwrap();
    }
    bench.page_out();
    bench.forget_standby();
    assert_eq!(reset(&mut bench), Ok(0));
}

/// A store says that the page is needed.
#[test]
fn what_is_written_after_a_reset_stays() {
    let (mut bench, _) = written();
    bench.alloc(BASE, 4 * PAGE, RESET, READWRITE).unwrap();
    bench.write(BASE + PAGE, 8).unwrap();
    bench.page_out();
    bench.forget_standby();
    assert_eq!((bench.read(BASE), bench.read(BASE + PAGE)), (Ok(0), Ok(8)));
}

/// Microsoft, `VirtualAlloc` (`MEM_RESET_UNDO`).
#[test]
fn a_reset_that_was_undone_in_time_never_was() {
    let (mut bench, others) = written();
    bench.alloc(BASE, 4 * PAGE, RESET, READWRITE).unwrap();
    bench.protect(BASE, PAGE, READONLY).unwrap();
    let process = bench.process;
    let emptied = bench.machine.set_working_set_size(
        process,
        crate::WorkingSetSize {
            minimum: u64::MAX,
            maximum: u64::MAX,
        },
    );
    emptied.unwrap();
    bench.read(BASE + PAGE).unwrap();
    bench.alloc(BASE, 4 * PAGE, UNDO, READWRITE).unwrap();
    bench.machine.verify_frames().unwrap();
    bench.page_out();
    bench.forget_standby();
    assert_eq!(bench.slots_used() - others, 4);
    for page in 0..4 {
        assert_eq!(bench.read(BASE + page * PAGE), Ok(7));
    }
}

/// Microsoft, `VirtualAlloc` (`MEM_RESET_UNDO`): where it fails, some of it is zeros. The error is
/// that of Microsoft's `ReclaimVirtualMemory`; that nothing is done then is this project's.
#[test]
fn a_reset_is_not_undone_where_a_page_is_lost() {
    let busy = Err(Status::DeviceBusy);
    let (mut bench, _) = written();
    bench.alloc(BASE, PAGE, RESET, READWRITE).unwrap();
    bench.page_out();
    bench.forget_standby();
    assert_eq!(bench.alloc(BASE, 4 * PAGE, UNDO, READWRITE), busy);
    // That it is there again does not bring back what it held.
    assert_eq!(bench.read(BASE), Ok(0));
    assert_eq!(bench.alloc(BASE, 4 * PAGE, UNDO, READWRITE), busy);
    bench.alloc(BASE + PAGE, 3 * PAGE, UNDO, READWRITE).unwrap();
    // To reset it again does: it holds zeros, and these are kept.
    bench.alloc(BASE, PAGE, RESET, READWRITE).unwrap();
    bench.alloc(BASE, 4 * PAGE, UNDO, READWRITE).unwrap();
    bench.alloc(BASE, PAGE, RESET, READWRITE).unwrap();
    bench.free(BASE, PAGE, DECOMMIT).unwrap();
    bench.alloc(BASE, PAGE, COMMIT, READWRITE).unwrap();
    bench.alloc(BASE, 4 * PAGE, UNDO, READWRITE).unwrap();
}

#[test]
fn a_reset_leaves_what_a_write_watch_knows() {
    let mut bench = Bench::new();
    let kind = BOTH | AllocationType::WRITE_WATCH;
    bench.alloc(BASE, 2 * PAGE, kind, READWRITE).unwrap();
    bench.write(BASE + PAGE, 1).unwrap();
    bench.alloc(BASE, 2 * PAGE, RESET, READWRITE).unwrap();
    let (process, base) = (bench.process, VirtAddr::new(BASE));
    let flags = WatchFlags::RESET;
    let mut told = || {
        let machine = &mut bench.machine;
        machine.get_write_watch(process, base, 2 * PAGE, flags, 9)
    };
    assert_eq!(told(), Ok(vec![base.wrapping_add(PAGE)]));
    assert_eq!(told(), Ok(vec![]));
}
