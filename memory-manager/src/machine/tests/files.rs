use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
};

use mmu_core::{Entry, Level, PhysAddr, entry_address};

use super::*;
use crate::{Backing, FileAccess, SectionAttributes, SectionHandle, SectionInformation};

const READ: FileAccess = FileAccess::READ;

/// A file of so many bytes, none of them zero.
pub(super) fn file(length: usize) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content(length)).unwrap();
    file
}

/// A file that says that it may be written, and may not.
fn sealed(length: usize) -> File {
    let mut named = tempfile::NamedTempFile::new().unwrap();
    named.write_all(&content(length)).unwrap();
    File::open(named.path()).unwrap()
}

pub(super) fn content(length: usize) -> Vec<u8> {
    (1..=251).cycle().take(length).collect()
}

/// What is in the file on the disk.
pub(super) fn bytes(mut file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

impl Bench {
    pub(super) fn file_section(
        &mut self,
        file: &File,
        access: FileAccess,
        protection: PageProtection,
        size: u64,
    ) -> Result<SectionHandle, Status> {
        let backing = Backing::File(file.try_clone().unwrap(), access);
        let commit = SectionAttributes::COMMIT;
        self.machine
            .create_section(backing, protection, commit, size)
    }

    /// Maps all of a file to be read and written; gives its section.
    fn view_of(&mut self, file: &File, base: u64) -> SectionHandle {
        let section = self.file_section(file, FileAccess::all(), READWRITE, 0);
        let section = section.unwrap();
        self.map(section, base, READWRITE).unwrap();
        section
    }

    fn flush(&mut self, base: u64, size: u64) -> Result<(u64, u64), Status> {
        let base = VirtAddr::new(base);
        self.machine.flush_view(self.process, base, size).map(plain)
    }
}

/// Microsoft, `MapViewOfFile` and `FlushViewOfFile`.
#[test]
fn what_is_written_to_a_view_is_in_the_file_when_it_is_flushed() {
    let mut bench = Bench::new();
    let file = file(0x2345);
    bench.view_of(&file, BASE);
    assert_eq!(bench.query(BASE).size, 0x3000);
    let mut expected = content(0x2345);
    assert_eq!(bench.read(BASE + 0x2344), Ok(expected[0x2344]));
    // What follows the end is zeros, can be written, and is no part of the file.
    assert_eq!(bench.read(BASE + 0x2345), Ok(0));
    for at in [0x10_usize, 0x1010, 0x2344] {
        bench.write(BASE + at as u64, 0).unwrap();
        expected[at] = 0;
    }
    bench.write(BASE + 0x2345, 9).unwrap();
    let mut seen = vec![0; 0x3000];
    let count = bench.machine.read_file(&file, 0, &mut seen).unwrap();
    assert_eq!(seen[..count], expected);
    assert_eq!(bytes(&file), content(0x2345));
    bench.flush(BASE + 0x1000, 1).unwrap();
    assert_eq!(bytes(&file)[0x10], content(0x2345)[0x10]);
    assert_eq!(bytes(&file)[0x1010], 0);
    bench.flush(BASE, 0).unwrap();
    assert_eq!(bytes(&file), expected);
    bench.write(BASE + 0x10, 77).unwrap();
    expected[0x10] = 77;
    bench.flush(BASE, 0).unwrap();
    assert_eq!(bytes(&file), expected);
}

/// Microsoft, `UnmapViewOfFile`; Wine's tests, kernel32 `test_mapping`.
#[test]
fn the_last_view_leaves_the_file_as_it_was_written() {
    let mut bench = Bench::new();
    let file = file(0x1801);
    let section = bench.view_of(&file, BASE);
    bench.machine.close_section(section).unwrap();
    bench.write(BASE + 0x1800, 200).unwrap();
    bench.unmap(BASE).unwrap();
    let mut expected = content(0x1801);
    expected[0x1800] = 200;
    assert_eq!(bytes(&file), expected);
}

#[test]
fn a_process_that_ends_leaves_the_file_as_it_was_written() {
    let mut bench = Bench::new();
    let file = file(0x1000);
    bench.view_of(&file, BASE);
    bench.write(BASE, 200).unwrap();
    bench.machine.terminate_process(bench.process).unwrap();
    assert_eq!(bytes(&file)[0], 200);
}

/// The second of three files cannot be written.
#[test]
fn a_process_that_ends_writes_all_that_can_be_written() {
    let mut bench = Bench::new();
    let files = [file(0x1000), sealed(0x1000), file(0x1000)];
    let frames = bench.machine.frames_in_use();
    let ending = bench.machine.create_process().unwrap();
    let idle = std::mem::replace(&mut bench.process, ending);
    bench
        .alloc(BASE + 0x10_0000, PAGE, BOTH, READWRITE)
        .unwrap();
    bench.write(BASE + 0x10_0000, 1).unwrap();
    for (index, file) in (0..).zip(&files) {
        let base = BASE + index * 0x1_0000;
        let section = bench.view_of(file, base);
        bench.machine.close_section(section).unwrap();
        bench.write(base, 42).unwrap();
    }
    let ended = bench.machine.terminate_process(ending);
    assert_eq!(ended, Err(Status::IoDeviceError));
    assert_eq!([&files[0], &files[2]].map(|file| bytes(file)[0]), [42, 42]);
    // The page that is kept, and its prototype entry.
    assert_eq!(bench.machine.frames_in_use(), frames + 2);
    bench.process = idle;
    bench.view_of(&files[1], BASE);
    assert_eq!(bench.read(BASE), Ok(42));
}

/// Another emulator can write to the page tables, and must not.
#[test]
fn a_process_whose_page_tables_were_overwritten_leaves_its_files_as_they_were_written() {
    let mut bench = Bench::new();
    let files = [file(0x1000), file(0x1000)];
    let far = BASE + (1 << 39);
    for (file, base) in files.iter().zip([BASE, far]) {
        let section = bench.view_of(file, base);
        bench.machine.close_section(section).unwrap();
        bench.write(base, 42).unwrap();
    }
    let root = bench.machine.spaces[&bench.process].root.table;
    let nowhere = Entry::table(PhysAddr::new(1 << 40)).bits().to_le_bytes();
    let place = entry_address(root, Level::Pml4e, VirtAddr::new(BASE));
    bench.machine.ram().write(place, &nowhere).unwrap();
    let ended = bench.machine.terminate_process(bench.process);
    assert_eq!(ended, Err(Status::InternalError));
    assert_eq!(files.each_ref().map(|file| bytes(file)[0]), [42, 42]);
    assert_eq!(bench.machine.spaces.len(), 0);
    // Its books are not in order: nobody knows the tables that are lost.
    std::mem::forget(bench);
}

/// Microsoft, "File Mapping": all views of a file show the same.
#[test]
fn sections_of_one_file_share_its_pages_and_copies_are_no_part_of_it() {
    let mut bench = Bench::new();
    let file = file(0x1000);
    let first = bench
        .file_section(&file, FileAccess::all(), READWRITE, 0)
        .unwrap();
    let second = bench.file_section(&file, READ, WRITECOPY, 0).unwrap();
    bench.map(first, BASE, READWRITE).unwrap();
    bench.map(second, BASE + 0x1_0000, READONLY).unwrap();
    bench.map(second, BASE + 0x2_0000, WRITECOPY).unwrap();
    bench.write(BASE, 99).unwrap();
    assert_eq!(bench.read(BASE + 0x1_0000), Ok(99));
    bench.write(BASE + 0x2_0000, 11).unwrap();
    for base in [BASE, BASE + 0x1_0000, BASE + 0x2_0000] {
        bench.unmap(base).unwrap();
    }
    assert_eq!(bytes(&file)[0], 99);
}

/// Wine's tests, kernel32 `test_mapping`.
#[test]
fn a_section_makes_a_file_longer_if_it_may_write_it() {
    let mut bench = Bench::new();
    let file = file(0x1000);
    for protection in [READONLY, WRITECOPY] {
        let refused = bench.file_section(&file, FileAccess::all(), protection, 0x1001);
        assert_eq!(refused, Err(Status::SectionTooBig));
    }
    assert_eq!(file.metadata().unwrap().len(), 0x1000);
    bench
        .file_section(&file, FileAccess::all(), READWRITE, 0x1801)
        .unwrap();
    assert_eq!(file.metadata().unwrap().len(), 0x1801);
}

/// Wine's tests, kernel32 `sec_flag_tests`.
#[test]
fn a_section_of_a_file_is_told_as_one_and_has_no_large_pages() {
    let mut bench = Bench::new();
    let file = file(0x2000);
    for (bits, told) in [
        (0x0400_0000, Ok(0x0080_0000)),
        (0x1400_0000, Ok(0x1080_0000)),
        (0x4400_0000, Ok(0x4080_0000)),
        (0x0800_0000, Ok(0x0080_0000)),
        (0x1800_0000, Ok(0x1080_0000)),
        (0x4800_0000, Ok(0x4080_0000)),
        (0, Ok(0x0080_0000)),
        (0x8400_0000, Err(87)),
        (0x8800_0000, Err(87)),
        (0x0c00_0000, Err(87)),
        (0x0100_0000, Err(193)),
        (0x0500_0000, Err(87)),
        (0x0900_0000, Err(87)),
        (0x1000_0000, Err(87)),
        (0x4000_0000, Err(87)),
        (0x8000_0000, Err(87)),
        (0x0080_0000, Err(87)),
        (0x0480_0000, Err(87)),
        (0x0880_0000, Err(87)),
    ] {
        let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
        let attributes = SectionAttributes::from_bits_retain(bits);
        let mut win32 = bench.win32();
        let made = win32.create_file_mapping(backing, READWRITE, attributes, 0x1000, None);
        let found = made.map(|section| {
            let length = SectionInformation::BYTES;
            let found = bench.machine.query_section(section, length).unwrap();
            bench.machine.close_section(section).unwrap();
            found.attributes.bits()
        });
        assert_eq!(found.map_err(Status::win32), told, "{bits:#x}");
    }
}

/// Wine's tests, kernel32 `test_mapping`.
#[test]
fn a_file_is_mapped_as_it_was_opened() {
    let mut bench = Bench::new();
    let file = file(0x1000);
    for (protection, allowed) in [
        (READONLY, true),
        (WRITECOPY, true),
        (READWRITE, false),
        (EXECUTE_READ, false),
        (PageProtection::EXECUTE_READWRITE, false),
        (PageProtection::EXECUTE_WRITECOPY, false),
    ] {
        let made = bench.file_section(&file, READ, protection, 0);
        assert_eq!(made.err(), (!allowed).then_some(Status::AccessDenied));
    }
    let empty = tempfile::tempfile().unwrap();
    let refused = bench.file_section(&empty, READ, READONLY, 0);
    assert_eq!(refused, Err(Status::MappedFileSizeZero));
}

/// Microsoft, `VirtualAlloc`; Wine's tests, kernel32 `test_mapping`.
#[test]
fn pages_of_a_file_are_neither_committed_nor_reset() {
    let mut bench = Bench::new();
    let file = file(0x1000);
    let section = bench.file_section(&file, READ, READONLY, 0).unwrap();
    bench.map(section, BASE, READONLY).unwrap();
    let refused = bench.alloc(BASE, 0x1000, COMMIT, READONLY);
    assert_eq!(refused, Err(Status::AlreadyCommitted));
    let refused = bench.alloc(BASE, 0x1000, AllocationType::RESET, READONLY);
    assert_eq!(refused, Err(Status::UserMappedFile));
}

/// Asked of Wine 8.0; else ReactOS's source only (its kernel32, `FlushViewOfFile`).
#[test]
fn memory_that_is_no_files_has_nothing_to_flush() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x2000, BOTH, READWRITE).unwrap();
    let commit = SectionAttributes::COMMIT;
    let section = bench.section(READWRITE, commit, 0x1000).unwrap();
    bench.map(section, BASE + 0x1_0000, READWRITE).unwrap();
    for base in [BASE, BASE + 0x1_0000] {
        assert_eq!(bench.flush(base, 0), Err(Status::NotMappedData));
        let at = VirtAddr::new(base);
        assert_eq!(bench.win32().flush_view_of_file(at, 0), Ok(()));
    }
    for (base, size) in [(BASE + 0x2000, 1), (BASE, 0x2001), (u64::MAX, 2), (0, 0)] {
        assert_eq!(bench.flush(base, size), Err(Status::NotMappedView));
    }
}

/// ReactOS's tests, `ZwMapViewOfSection`.
#[test]
fn a_view_of_a_file_commits_no_first_pages() {
    let mut bench = Bench::new();
    let file = file(0x1000);
    let section = bench.file_section(&file, READ, READONLY, 0).unwrap();
    let request = crate::ViewRequest {
        base: Some(VirtAddr::new(BASE)),
        offset: 0,
        size: 0,
        commit: 1,
        protection: READONLY,
    };
    let refused = bench.machine.map_view(bench.process, section, &request);
    assert_eq!(refused, Err(Status::InvalidParameter5));
}

/// Microsoft, `SetEndOfFile` and `MmCanFileBeTruncated`; which error it is, literature only.
#[test]
fn a_mapped_file_gets_longer_and_not_shorter() {
    let mut bench = Bench::new();
    let file = file(0x2345);
    let resize = |bench: &mut Bench, length| {
        let done = bench.win32().set_end_of_file(&file, length);
        done.map_err(Status::win32)
    };
    assert_eq!(resize(&mut bench, 0x2000), Ok(()));
    assert_eq!(resize(&mut bench, 1 << 63), Err(87));
    let section = bench
        .file_section(&file, FileAccess::all(), READWRITE, 0x1000)
        .unwrap();
    for length in [0, 0x1000, 0x1fff] {
        assert_eq!(resize(&mut bench, length), Err(1224));
    }
    bench.map(section, BASE, READWRITE).unwrap();
    bench.machine.close_section(section).unwrap();
    assert_eq!(resize(&mut bench, 0x1fff), Err(1224));
    for length in [0x2000, 0x3000] {
        assert_eq!(resize(&mut bench, length), Ok(()));
    }
    bench.write(BASE, 9).unwrap();
    bench.unmap(BASE).unwrap();
    assert_eq!(resize(&mut bench, 1), Ok(()));
    assert_eq!(bytes(&file), [9]);
}

#[test]
fn what_cannot_be_written_to_a_file_stays_in_its_view() {
    let mut bench = Bench::new();
    let file = sealed(0x1000);
    bench.view_of(&file, BASE);
    bench.write(BASE, 42).unwrap();
    for _ in 0..2 {
        assert!(bench.flush(BASE, 0).is_err());
        assert!(bench.unmap(BASE).is_err());
        assert_eq!(bench.read(BASE), Ok(42));
    }
    assert_eq!(bytes(&file), content(0x1000));
}

#[test]
fn a_page_that_the_file_does_not_give_is_an_in_page_error() {
    let mut bench = Bench::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, content(0x2000)).unwrap();
    // Cannot be read.
    let file = File::options().write(true).open(&path).unwrap();
    bench.view_of(&file, BASE);
    let failed = Err((Status::InPageError, 0, BASE + 0x1000));
    assert_eq!(bench.read(BASE + 0x1000), failed);
    assert_eq!(bench.read(BASE + 0x1000), failed);
}

/// The host's own programs can make a file shorter while it is mapped. Status: [MS-ERREF]
/// 2.3.1, `STATUS_FILE_INVALID`; which error it is, ours.
#[test]
fn a_page_beyond_the_end_of_a_file_that_shrank_is_an_in_page_error() {
    let mut bench = Bench::new();
    let file = file(0x3000);
    bench.view_of(&file, BASE);
    file.set_len(0x1801).unwrap();
    let failed = Err((Status::InPageError, 0, BASE + 0x2000));
    assert_eq!(bench.read(BASE + 0x2000), failed);
    let failed = Err((Status::InPageError, 1, BASE + 0x2000));
    assert_eq!(bench.write(BASE + 0x2000, 5), failed);
    assert_eq!(bench.read(BASE + 0x1800), Ok(content(0x1801)[0x1800]));
    assert_eq!(bench.read(BASE + 0x1801), Ok(0));
    file.set_len(0x3000).unwrap();
    assert_eq!(bench.read(BASE + 0x2000), Ok(0));
}

/// As above.
#[test]
fn what_was_written_beyond_the_end_of_a_file_that_shrank_stays_in_its_view() {
    let mut bench = Bench::new();
    let file = file(0x3000);
    bench.view_of(&file, BASE);
    for page in 0..3 {
        bench.write(BASE + page * PAGE, 77).unwrap();
    }
    file.set_len(0x800).unwrap();
    for _ in 0..2 {
        assert_eq!(bench.flush(BASE, 0), Err(Status::FileInvalid));
        assert_eq!(bench.unmap(BASE), Err(Status::FileInvalid));
        assert_eq!(bench.read(BASE + 2 * PAGE), Ok(77));
    }
    // All else is written, and this, too, once there is room for it again.
    assert_eq!((bytes(&file).len(), bytes(&file)[0]), (0x800, 77));
    file.set_len(0x3000).unwrap();
    bench.unmap(BASE).unwrap();
    let written = bytes(&file);
    assert_eq!((written[0x1000], written[0x2000]), (77, 77));
}

/// As above.
#[test]
fn what_was_written_to_a_page_in_which_a_file_ends_now_stays_until_there_is_room() {
    let mut bench = Bench::new();
    let file = file(0x1000);
    bench.view_of(&file, BASE);
    bench.write(BASE, 1).unwrap();
    bench.write(BASE + 0xfff, 2).unwrap();
    file.set_len(0x800).unwrap();
    assert_eq!(bench.flush(BASE, 0), Err(Status::FileInvalid));
    assert_eq!((bytes(&file).len(), bytes(&file)[0]), (0x800, 1));
    file.set_len(0x1000).unwrap();
    bench.flush(BASE, 0).unwrap();
    assert_eq!(bytes(&file)[0xfff], 2);
}

/// The host's own programs can make a file longer while it is mapped; what comes of that is
/// ours.
#[test]
fn what_others_append_to_a_mapped_file_is_kept_and_seen_by_the_next_section() {
    let mut bench = Bench::new();
    let file = file(0x1003);
    bench.view_of(&file, BASE);
    let page = BASE + 0x1000;
    bench.write(page, 42).unwrap();
    crate::disk::write_full(&file, 0x1003, b"more").unwrap();
    bench.flush(BASE, 0).unwrap();
    let mut expected = content(0x1003);
    expected[0x1000] = 42;
    expected.extend(b"more");
    assert_eq!(bytes(&file), expected);

    assert_eq!(bench.read(page + 3), Ok(0));
    let section = bench.file_section(&file, FileAccess::all(), READWRITE, 0);
    bench.machine.close_section(section.unwrap()).unwrap();
    assert_eq!(bench.read(page + 3), Ok(b'm'));
    bench.write(page + 6, b'!').unwrap();
    bench.unmap(BASE).unwrap();
    *expected.last_mut().unwrap() = b'!';
    assert_eq!(bytes(&file), expected);
}

/// Microsoft, `ZwCreateSection`; that a directory is none, literature only.
#[cfg(unix)]
#[test]
fn a_directory_is_no_file_for_a_section() {
    let mut bench = Bench::new();
    let directory = tempfile::tempdir().unwrap();
    let directory = File::open(directory.path()).unwrap();
    for size in [0, 0x1000] {
        let refused = bench.file_section(&directory, READ, READONLY, size);
        assert_eq!(refused, Err(Status::InvalidFileForSection));
    }
    let refused = bench.file_section(&directory, READ, READWRITE, 0);
    assert_eq!(refused, Err(Status::AccessDenied));
}
