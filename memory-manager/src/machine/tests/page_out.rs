//! All pages are taken out of memory at once.

use std::io::{Read, Seek};

use super::{images::file, *};
use crate::{Backing, FileAccess, IoOwner, PageFileSize, SectionAttributes, WatchFlags};

/// A private page, a section's, a file's and a locked one, each of which holds its number.
fn bench() -> (Bench, std::fs::File) {
    let mut bench = Bench::new();
    let size = PageFileSize {
        minimum: 64 * PAGE,
        maximum: 64 * PAGE,
    };
    let disk = Box::new(tempfile::tempfile().unwrap());
    bench.machine.add_page_file(disk, size).unwrap();
    let watched = BOTH | AllocationType::WRITE_WATCH;
    bench.alloc(BASE, PAGE, watched, READWRITE).unwrap();
    let commit = SectionAttributes::COMMIT;
    let memory = bench.section(READWRITE, commit, PAGE).unwrap();
    bench.map(memory, BASE + 0x1_0000, READWRITE).unwrap();
    let file = file(&[9; 0x1000]);
    let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
    let mapped = bench.machine.create_section(backing, READWRITE, commit, 0);
    bench
        .map(mapped.unwrap(), BASE + 0x2_0000, READWRITE)
        .unwrap();
    let locked = BASE + 0x3_0000;
    bench.alloc(locked, PAGE, BOTH, READWRITE).unwrap();
    for page in 0..4_u8 {
        bench
            .write(BASE + u64::from(page) * 0x1_0000, page)
            .unwrap();
    }
    let (process, locked) = (bench.process, VirtAddr::new(locked));
    bench.machine.virtual_lock(process, locked, PAGE).unwrap();
    (bench, file)
}

/// What a machine pages out goes where it belongs, and programs do not notice.
#[test]
fn all_pages_go_where_they_belong_when_they_are_paged_out() {
    let (mut bench, mut file) = bench();
    bench.machine.page_out().unwrap();
    let (process, locked) = (bench.process, VirtAddr::new(BASE + 0x3_0000));
    let used = bench.machine.query_working_set(process).unwrap();
    let used: Vec<_> = used.into_iter().map(|(page, _)| page).collect();
    assert_eq!(used, [locked]);
    assert_eq!(bench.standby(), 0);
    assert!(bench.slots_used() >= 2);
    let mut stored = [0];
    file.rewind().unwrap();
    file.read_exact(&mut stored).unwrap();
    assert_eq!(stored, [2]);
    let (at, flags) = (VirtAddr::new(BASE), WatchFlags::empty());
    let written = bench.machine.get_write_watch(process, at, PAGE, flags, 8);
    assert_eq!(written.unwrap(), [at]);
    for page in 0..4_u8 {
        let address = BASE + u64::from(page) * 0x1_0000;
        assert_eq!(bench.read(address), Ok(page));
    }
}

/// Each comes back from where it went, once.
#[test]
fn pages_that_were_paged_out_are_read_again_once() {
    let (mut bench, _file) = bench();
    bench.machine.page_out().unwrap();
    let reads = |bench: &Bench| {
        let read = |owner| bench.machine.disk_counters(owner).reads;
        (read(IoOwner::PageFile), read(IoOwner::MappedFile))
    };
    let before = reads(&bench);
    for _ in 0..2 {
        for page in 0..4_u64 {
            bench.read(BASE + page * 0x1_0000).unwrap();
        }
        assert_eq!(reads(&bench), (before.0 + 2, before.1 + 1));
    }
}

/// What programs write behind the end of a file, in its last page, is in no file.
#[test]
fn what_is_behind_the_end_of_a_file_stays_as_long_as_its_page() {
    let mut bench = Bench::new();
    let file = file(&[9; 0x1100]);
    let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
    let commit = SectionAttributes::COMMIT;
    let mapped = bench
        .machine
        .create_section(backing, READWRITE, commit, 0)
        .unwrap();
    bench.map(mapped, BASE, READWRITE).unwrap();
    for (address, byte) in [(BASE + 1, 1), (BASE + 0x10ff, 2), (BASE + 0x1800, 3)] {
        bench.write(address, byte).unwrap();
    }
    for _ in 0..2 {
        bench.machine.page_out().unwrap();
        bench.machine.verify_frames().unwrap();
        assert_eq!(bench.machine.page_lists().modified_no_write, 1);
        assert_eq!(bench.read(BASE + 0x1800), Ok(3));
    }
    assert_eq!(file.metadata().unwrap().len(), 0x1100);
    bench.write(BASE + 0x1800, 0).unwrap();
    bench.machine.page_out().unwrap();
    assert_eq!(bench.machine.page_lists().modified_no_write, 0);
    assert_eq!(bench.read(BASE + 0x10ff), Ok(2));
}

/// Microsoft, "Introduction to page files".
#[test]
fn a_machine_has_sixteen_page_files_at_most_and_pages_go_to_each() {
    let mut bench = Bench::with_ram(512 * PAGE);
    let size = PageFileSize {
        minimum: 20 * PAGE,
        maximum: 20 * PAGE,
    };
    let add = |bench: &mut Bench| {
        let disk = Box::new(tempfile::tempfile().unwrap());
        bench.machine.add_page_file(disk, size)
    };
    for number in 0..16 {
        assert_eq!(add(&mut bench).unwrap().index(), number);
    }
    let refused = add(&mut bench).unwrap_err();
    assert_eq!(refused.status(), Status::TooManyPagingFiles);
    assert_eq!(bench.machine.commit_limit(), 512 + 16 * 20);
    bench.numbered(BASE, 250);
    bench.page_out();
    assert!(bench.machine.page_files().all(|file| file.used > 0));
    bench.forget_standby();
    for page in 0..250 {
        assert_eq!(bench.read(BASE + u64::from(page) * PAGE), Ok(page + 1));
    }
    assert!(bench.machine.page_files().all(|file| file.reads > 0));
}
