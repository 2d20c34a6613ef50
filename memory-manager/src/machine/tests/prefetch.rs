use std::{fs::File, io::Write};

use super::*;
use crate::{Backing, FileAccess, SectionAttributes};

const ALL: u64 = 8 * PAGE;

impl Bench {
    fn prefetch(&mut self, ranges: &[(u64, u64)]) -> Result<(), Status> {
        let range = |&(base, size): &(u64, u64)| AddressRange {
            base: VirtAddr::new(base),
            size,
        };
        let ranges: Vec<_> = ranges.iter().map(range).collect();
        self.machine.prefetch_virtual_memory(self.process, &ranges)
    }

    /// A view of a file of eight pages.
    fn view_of_file(&mut self) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![5; 8 * 0x1000]).unwrap();
        let backing = Backing::File(file.try_clone().unwrap(), FileAccess::READ);
        let commit = SectionAttributes::COMMIT;
        let section = self.machine.create_section(backing, READONLY, commit, 0);
        self.map(section.unwrap(), BASE, READONLY).unwrap();
        file
    }
}

/// Microsoft, `PrefetchVirtualMemory`: the pages are in memory, and no part of the working set
/// until they are touched.
#[test]
fn pages_of_a_file_are_read_before_they_are_touched() {
    let mut bench = Bench::new();
    let file = bench.view_of_file();
    let before = bench.machine.frames_in_use();
    bench
        .prefetch(&[(BASE + 0x1fff, 2), (BASE + 6 * PAGE, 9 * PAGE)])
        .unwrap();
    // Four pages, and the frame of their prototype entries.
    assert_eq!(bench.standby(), 4);
    assert_eq!(bench.machine.frames_in_use(), before + 1);
    // What is in memory already needs the file no more.
    file.set_len(0).unwrap();
    let seen = [1, 2, 3, 7].map(|page| bench.read(BASE + page * PAGE));
    let gone = Err((Status::InPageError, 0, BASE + 3 * PAGE));
    assert_eq!(seen, [Ok(5), Ok(5), gone, Ok(5)]);
}

/// Wine's tests, kernel32 `test_PrefetchVirtualMemory` and ntdll `test_prefetch`.
#[test]
fn prefetching_wants_ranges_and_cares_not_what_is_there() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 4 * PAGE, RESERVE, READWRITE).unwrap();
    let before = bench.machine.frames_in_use();
    let none = bench.prefetch(&[]).unwrap_err();
    assert_eq!((none, none.win32()), (Status::InvalidParameter3, 87));
    let empty = bench.prefetch(&[(BASE, PAGE), (BASE, 0)]);
    assert_eq!(empty, Err(Status::InvalidParameter4));
    bench
        .prefetch(&[(0, PAGE), (BASE, ALL), (u64::MAX, u64::MAX), (0, u64::MAX)])
        .unwrap();
    assert_eq!(bench.machine.frames_in_use(), before);
}

/// Microsoft, `PrefetchVirtualMemory`: it is a hint, which fails where memory is short.
#[test]
fn a_hint_takes_no_memory_that_was_promised() {
    let mut bench = Bench::with_ram(24 * PAGE);
    bench.alloc(BASE + 0x10_0000, ALL, BOTH, READWRITE).unwrap();
    let file = bench.view_of_file();
    bench.prefetch(&[(BASE, ALL); 3]).unwrap();
    for page in 0..8 {
        bench.write(BASE + 0x10_0000 + page * PAGE, 1).unwrap();
    }
    drop(file);
}
