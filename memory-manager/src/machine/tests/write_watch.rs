use std::io::Write;

use super::*;
use crate::WatchFlags;

const WATCHED: AllocationType = AllocationType::WRITE_WATCH;
const KEEP: WatchFlags = WatchFlags::empty();
const RESET: WatchFlags = WatchFlags::RESET;

impl Bench {
    fn watched(pages: u64) -> Self {
        let mut bench = Self::new();
        bench
            .alloc(BASE, pages * PAGE, BOTH | WATCHED, READWRITE)
            .unwrap();
        bench
    }

    fn written(&mut self, flags: WatchFlags, limit: usize) -> Vec<u64> {
        let size = self.query(BASE).size.max(0x4000);
        let (base, process) = (VirtAddr::new(BASE), self.process);
        let found = self
            .machine
            .get_write_watch(process, base, size, flags, limit);
        found
            .unwrap()
            .iter()
            .map(|page| {
                let offset = page.as_u64() - BASE;
                assert_eq!(offset % PAGE, 0);
                offset / PAGE
            })
            .collect()
    }
}

/// Wine's tests, kernel32 `test_write_watch`.
#[test]
fn stores_mark_their_pages_and_reads_none() {
    let mut bench = Bench::watched(8);
    assert_eq!(bench.written(KEEP, 64), []);
    bench.read(BASE).unwrap();
    assert_eq!(bench.written(KEEP, 64), []);
    bench.write(BASE + 0x5000, 1).unwrap();
    let across = VirtAddr::new(BASE + 0x1ffe);
    bench.machine.write(bench.process, across, &[1; 4]).unwrap();
    assert_eq!(bench.written(KEEP, 64), [1, 2, 5]);
}

/// Wine's tests, kernel32 `test_write_watch`.
#[test]
fn only_what_is_returned_is_reset() {
    let mut bench = Bench::watched(8);
    for page in [1, 3, 5] {
        bench.write(BASE + page * PAGE, 1).unwrap();
    }
    assert_eq!(bench.written(RESET, 2), [1, 3]);
    assert_eq!(bench.written(KEEP, 64), [5]);
    bench.write(BASE + 3 * PAGE, 1).unwrap();
    assert_eq!(bench.written(KEEP, 64), [3, 5]);
    let base = VirtAddr::new(BASE);
    bench
        .machine
        .reset_write_watch(bench.process, base, 4 * PAGE)
        .unwrap();
    assert_eq!(bench.written(KEEP, 64), [5]);
}

/// Wine's tests, kernel32 `test_write_watch`.
#[test]
fn changes_of_protection_keep_the_marks() {
    let mut bench = Bench::watched(4);
    bench.write(BASE, 1).unwrap();
    for protection in [READONLY, NOACCESS, READWRITE | GUARD, READWRITE] {
        bench.protect(BASE, 0x4000, protection).unwrap();
        assert_eq!(bench.written(KEEP, 64), [0]);
    }
    assert_eq!(bench.written(RESET, 64), [0]);
    assert_eq!(bench.written(KEEP, 64), []);
}

/// Wine's tests, kernel32 `test_write_watch`, as Windows passes them.
#[test]
fn decommitting_clears_the_marks_that_no_protect_call_latched() {
    let mut bench = Bench::watched(4);
    bench.write(BASE, 1).unwrap();
    bench.write(BASE + PAGE, 1).unwrap();
    bench.protect(BASE + PAGE, PAGE, READWRITE).unwrap();
    bench.free(BASE, 2 * PAGE, DECOMMIT).unwrap();
    assert_eq!(bench.written(KEEP, 64), [1]);
    bench.alloc(BASE, 2 * PAGE, COMMIT, READWRITE).unwrap();
    assert_eq!(bench.written(KEEP, 64), [1]);
}

/// Literature only: what the entry says of writes is noted when it goes, as by a protect call.
#[test]
fn a_page_that_leaves_the_working_set_latches_its_mark() {
    let mut bench = Bench::watched(4);
    bench.write(BASE, 1).unwrap();
    let process = bench.process;
    bench.win32().empty_working_set(process).unwrap();
    bench.write(BASE + PAGE, 1).unwrap();
    bench.free(BASE, 2 * PAGE, DECOMMIT).unwrap();
    assert_eq!(bench.written(KEEP, 64), [0]);
}

/// Wine's tests, kernel32 `test_guard_page`, as Windows passes them, but for Windows 8.
#[test]
fn a_page_that_is_locked_counts_as_written() {
    let mut bench = Bench::watched(4);
    bench.protect(BASE + PAGE, PAGE, READONLY).unwrap();
    let (process, base) = (bench.process, VirtAddr::new(BASE));
    bench.machine.virtual_lock(process, base, 2 * PAGE).unwrap();
    assert_eq!(bench.written(RESET, 64), [0]);
    assert_eq!(bench.written(KEEP, 64), []);
    bench.write(BASE, 1).unwrap();
    assert_eq!(bench.written(KEEP, 64), [0]);
}

/// Wine's tests, kernel32 `test_write_watch`.
#[test]
fn a_buffer_that_a_file_is_read_into_is_marked_whole() {
    let mut bench = Bench::watched(16);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; 0x2003]).unwrap();
    let (start, size) = (VirtAddr::new(BASE), 16 * PAGE);
    let read_at = |bench: &mut Bench, offset, base, size| {
        let buffer = AddressRange { base, size };
        let done = bench.win32().read_file(&file, offset, buffer);
        done.map_err(Status::win32)
    };
    let read = |bench: &mut Bench, base, size| read_at(bench, 0, base, size);
    for (offset, count) in [(0, 0x2003), (0x2003, 0)] {
        let done = read_at(&mut bench, offset, start, size);
        assert_eq!(done, Ok(count));
        assert_eq!(bench.written(RESET, 64), (0..16).collect::<Vec<_>>());
    }
    let bytes = [0, 0x2002, 0x2003].map(|offset| bench.read(BASE + offset));
    assert_eq!(bytes, [Ok(7), Ok(7), Ok(0)]);
    assert_eq!(read(&mut bench, start.wrapping_add(0x1fff), 2), Ok(2));
    assert_eq!(bench.written(RESET, 64), [1, 2]);
    // Nothing is read where not all can be.
    bench.write(BASE, 1).unwrap();
    bench.protect(BASE + PAGE, PAGE, READONLY).unwrap();
    assert_eq!(read(&mut bench, start, size), Err(998));
    assert_eq!(bench.read(BASE), Ok(1));
    assert_eq!(read(&mut bench, start.wrapping_add(0x1234), 0), Ok(0));
    assert_eq!(read(&mut bench, VirtAddr::new(u64::MAX), 2), Err(998));
}

/// Wine's tests, kernel32 `test_guard_page`.
#[test]
fn a_store_that_a_guard_stops_marks_nothing() {
    let mut bench = Bench::watched(4);
    bench.protect(BASE, PAGE, READWRITE | GUARD).unwrap();
    assert_eq!(bench.write(BASE, 1), guard(1, BASE));
    assert_eq!(bench.written(KEEP, 64), []);
    bench.write(BASE, 1).unwrap();
    assert_eq!(bench.written(KEEP, 64), [0]);
}

/// Wine's tests, kernel32 `test_write_watch`.
#[test]
fn reserved_memory_can_be_watched_and_other_memory_cannot() {
    let mut bench = Bench::new();
    bench
        .alloc(BASE, 4 * PAGE, RESERVE | WATCHED, READWRITE)
        .unwrap();
    bench.alloc(BASE + 0x1_0000, PAGE, BOTH, READWRITE).unwrap();
    let process = bench.process;
    let mut get = |base, size, flags, limit| {
        let base = VirtAddr::new(base);
        let flags = WatchFlags::from_bits_retain(flags);
        let found = bench
            .machine
            .get_write_watch(process, base, size, flags, limit);
        found.map(|pages| pages.len()).map_err(Status::win32)
    };
    assert_eq!(get(BASE, 4 * PAGE, 0, 1), Ok(0));
    for (base, size, flags, limit) in [
        (BASE, PAGE, 2, 1),
        (BASE, PAGE, 0, 0),
        (BASE, 0, 0, 1),
        (BASE, 5 * PAGE, 0, 1),
        (BASE + 0x1_0000, PAGE, 0, 1),
        (BASE + 0x2_0000, PAGE, 0, 1),
        (u64::MAX, u64::MAX, 0, 1),
    ] {
        assert_eq!(
            get(base, size, flags, limit),
            Err(87),
            "{base:#x} {size:#x}"
        );
    }
    for (base, size) in [(BASE, 0), (BASE, 5 * PAGE), (BASE + 0x1_0000, PAGE)] {
        let reset = bench.win32().reset_write_watch(VirtAddr::new(base), size);
        assert_eq!(reset.map_err(Status::win32), Err(87), "{base:#x}");
    }
}
