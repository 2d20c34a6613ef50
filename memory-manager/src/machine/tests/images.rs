use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
};

use super::{
    pe::{self, Pe, READ, WRITE, content},
    *,
};
use crate::{
    AddressLayout, Backing, FileAccess, ImageMachine, MappingNote, MemoryKind, SectionAttributes,
    SectionHandle, ViewAccess, ViewRequest, Win32,
};

pub(super) const WANTED: u64 = 0x1_2345_0000;
const EXECUTE_READWRITE: PageProtection = PageProtection::EXECUTE_READWRITE;
const EXECUTE_WRITECOPY: PageProtection = PageProtection::EXECUTE_WRITECOPY;

/// A file with these bytes.
pub(super) fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

impl Bench {
    pub(super) fn image(&mut self, file: &File) -> Result<SectionHandle, Status> {
        self.image_of_size(file, 0)
    }

    fn image_of_size(&mut self, file: &File, size: u64) -> Result<SectionHandle, Status> {
        let backing = Backing::File(file.try_clone().unwrap(), FileAccess::READ);
        let image = SectionAttributes::IMAGE;
        self.machine.create_section(backing, READONLY, image, size)
    }

    /// Where an image is mapped if nothing is said of it.
    pub(super) fn load(&mut self, section: SectionHandle) -> Result<(u64, MappingNote), Status> {
        let request = ViewRequest {
            base: None,
            offset: 0,
            size: 0,
            commit: 0,
            protection: READONLY,
        };
        let mapped = self.machine.map_view(self.process, section, &request)?;
        Ok((mapped.range.base.as_u64(), mapped.note))
    }

    pub(super) fn load_file(&mut self, bytes: &[u8]) -> Result<u64, Status> {
        let section = self.image(&file(bytes))?;
        let (base, _) = self.load(section)?;
        self.machine.close_section(section)?;
        Ok(base)
    }
}

/// Wine's tests, kernel32 `test_mapping` and `test_Loader`.
#[test]
fn a_view_of_an_image_is_protected_by_its_headers_and_not_as_it_is_asked_for() {
    let mut bench = Bench::new();
    let section = bench.image(&file(&Pe::sample(WANTED).bytes())).unwrap();
    for asked in [NOACCESS, READONLY, READWRITE, EXECUTE_READWRITE] {
        assert_eq!(bench.map(section, BASE, asked), Ok((BASE, 0x8000)));
        let parts = [
            (0, READONLY, 0x1000),
            (0x1000, EXECUTE_READ, 0x2000),
            (0x3000, READONLY, 0x1000),
            (0x4000, WRITECOPY, 0x3000),
            (0x7000, READWRITE, 0x1000),
        ];
        for (address, protection, size) in parts {
            let run = bench.run(BASE + address);
            assert_eq!(run, (MemoryState::Commit, protection, size));
            let found = bench.query(BASE + address);
            assert_eq!(found.kind, Some(MemoryKind::Image));
            assert_eq!(found.allocation_base, Some(VirtAddr::new(BASE)));
            assert_eq!(found.allocation_protection, EXECUTE_WRITECOPY);
        }
        bench.unmap(BASE + 0x7fff).unwrap();
    }
}

/// Microsoft, `CreateFileMapping`: it goes with `PAGE_READONLY`; that its views are write-copy
/// and have the protections of the image but for execution, literature only.
#[test]
fn an_image_that_is_not_executed_is_just_read_and_copied() {
    let mut bench = Bench::new();
    let own = file(&Pe::sample(WANTED).bytes());
    let mut make = |protection| {
        let backing = Backing::File(own.try_clone().unwrap(), FileAccess::all());
        let attributes = SectionAttributes::IMAGE_NO_EXECUTE;
        bench
            .machine
            .create_section(backing, protection, attributes, 0)
    };
    for protection in [READWRITE, WRITECOPY, EXECUTE_READ, EXECUTE_READWRITE] {
        assert_eq!(make(protection), Err(Status::InvalidPageProtection));
    }
    let section = make(READONLY).unwrap();
    assert_eq!(bench.map(section, BASE, READONLY), Ok((BASE, 0x8000)));
    let parts = [
        (0, READONLY, 0x4000),
        (0x4000, WRITECOPY, 0x3000),
        (0x7000, READWRITE, 0x1000),
    ];
    for (address, protection, size) in parts {
        let run = bench.run(BASE + address);
        assert_eq!(run, (MemoryState::Commit, protection, size));
        let found = bench.query(BASE + address);
        assert_eq!(found.kind, Some(MemoryKind::Image));
        assert_eq!(found.allocation_protection, WRITECOPY);
    }
    assert!(bench.read(BASE + 0x1000).is_ok());
    assert_eq!(bench.execute(BASE + 0x1000), violation(8, BASE + 0x1000));
    let refused = bench.protect(BASE + 0x1000, 1, EXECUTE_READ);
    assert_eq!(refused, Err(Status::SectionProtection));
    // Others execute the same pages.
    let executed = bench.image(&own).unwrap();
    bench.map(executed, BASE + 0x1_0000, READONLY).unwrap();
    assert!(bench.execute(BASE + 0x1_1000).is_ok());
    assert!(bench.execute(BASE + 0x1000).is_err());
}

/// Wine's tests, kernel32 `test_section_access`.
#[test]
fn a_section_of_an_image_is_protected_as_its_flags_say() {
    for kind in [0, 0x40, 0x80] {
        for (flags, protection, after_write) in [
            (0, NOACCESS, None),
            (READ, READONLY, None),
            (WRITE, WRITECOPY, Some(READWRITE)),
            (pe::EXECUTE, EXECUTE, None),
            (READ | WRITE, WRITECOPY, Some(READWRITE)),
            (READ | pe::EXECUTE, EXECUTE_READ, None),
            (
                WRITE | pe::EXECUTE,
                EXECUTE_WRITECOPY,
                Some(EXECUTE_READWRITE),
            ),
            (
                READ | WRITE | pe::EXECUTE,
                EXECUTE_WRITECOPY,
                Some(EXECUTE_READWRITE),
            ),
        ] {
            let mut bench = Bench::new();
            let base = bench.load_file(&Pe::single(flags | kind).bytes()).unwrap();
            let page = base + 0x1000;
            assert_eq!(bench.run(page), (MemoryState::Commit, protection, 0x1000));
            let written = bench.write(page, 7);
            match after_write {
                Some(after) => assert_eq!((written, bench.query(page).protection), (Ok(()), after)),
                None => assert_eq!(written, violation(1, page)),
            }
        }
    }
}

/// Wine's tests, kernel32 `test_VirtualProtect` of the loader and `test_mapping`.
#[test]
fn what_is_made_writable_of_an_image_is_copied_first() {
    for flags in [0, READ, READ | WRITE, READ | pe::EXECUTE] {
        let mut bench = Bench::new();
        let base = bench.load_file(&Pe::single(flags).bytes()).unwrap();
        let page = base + 0x1000;
        bench.protect(page, 1, NOACCESS).unwrap();
        for (asked, seen) in [
            (NOACCESS, NOACCESS),
            (READONLY, READONLY),
            (READWRITE, WRITECOPY),
            (WRITECOPY, WRITECOPY),
            (EXECUTE, EXECUTE),
            (EXECUTE_READ, EXECUTE_READ),
            (EXECUTE_READWRITE, EXECUTE_WRITECOPY),
            (EXECUTE_WRITECOPY, EXECUTE_WRITECOPY),
        ] {
            assert_eq!(bench.protect(page, 1, asked), Ok(NOACCESS));
            assert_eq!(bench.query(page).protection, seen);
            assert_eq!(bench.protect(page, 1, NOACCESS), Ok(seen));
        }
        bench.protect(page, 1, READWRITE).unwrap();
        bench.write(page, 200).unwrap();
        assert_eq!(bench.query(page).protection, READWRITE);
        bench.protect(page, 1, READONLY).unwrap();
        bench.protect(page, 1, EXECUTE_READWRITE).unwrap();
        assert_eq!(bench.query(page).protection, EXECUTE_READWRITE);
        assert_eq!(bench.read(page), Ok(200));
    }
}

#[test]
fn one_call_protects_sections_each_in_its_own_way() {
    let mut bench = Bench::new();
    let base = bench.load_file(&Pe::sample(WANTED).bytes()).unwrap();
    bench.write(base + 0x5000, 1).unwrap();
    assert_eq!(bench.protect(base, 0x8000, READWRITE), Ok(READONLY));
    assert_eq!(bench.run(base), (MemoryState::Commit, WRITECOPY, 0x5000));
    assert_eq!(bench.query(base + 0x5000).protection, READWRITE);
    assert_eq!(bench.query(base + 0x6000).protection, WRITECOPY);
    assert_eq!(bench.query(base + 0x7000).protection, READWRITE);
    let guarded = PageProtection::EXECUTE_READ | GUARD;
    bench.protect(base + 0x1000, 0x1000, guarded).unwrap();
    assert_eq!(bench.execute(base + 0x1000), guard(8, base + 0x1000));
    assert_eq!(bench.execute(base + 0x1000), Ok(content(0x400)));
}

/// Microsoft, "PE Format".
#[test]
fn what_a_section_has_beyond_its_bytes_is_zeros() {
    let mut bench = Bench::new();
    let base = bench.load_file(&Pe::sample(WANTED).bytes()).unwrap();
    for (address, byte) in [
        (0x1000, content(0x400)),
        (0x2000, content(0x1400)),
        (0x23ff, content(0x17ff)),
        (0x2400, 0),
        (0x3000, content(0x1800)),
        (0x4000, content(0x1c00)),
        (0x41ff, content(0x1dff)),
        (0x4200, 0),
        (0x6fff, 0),
        (0x7000, content(0x1e00)),
    ] {
        assert_eq!(bench.read(base + address), Ok(byte), "{address:#x}");
    }
    assert_eq!(bench.execute(base + 0x2000), Ok(content(0x1400)));
    assert_eq!(bench.execute(base + 0x4000), violation(8, base + 0x4000));
}

/// Wine's tests, kernel32 `test_image_mapping`; ReactOS's tests, `NtMapViewOfSection`.
#[test]
fn an_image_is_mapped_where_it_wants_to_be_if_that_is_free() {
    let mut bench = Bench::new();
    let section = bench.image(&file(&Pe::sample(WANTED).bytes())).unwrap();
    assert_eq!(bench.load(section), Ok((WANTED, MappingNote::None)));
    let (other, note) = bench.load(section).unwrap();
    assert_eq!(note, MappingNote::NotAtBase);
    assert_eq!(note.ntstatus(), 0x4000_0003);
    assert_eq!(bench.read(other + 0x1000), Ok(content(0x400)));
    bench.unmap(WANTED).unwrap();
    assert_eq!(bench.load(section), Ok((WANTED, MappingNote::None)));
    let refused = bench.map(section, WANTED, READONLY);
    assert_eq!(refused, Err(Status::ConflictingAddresses));
    let refused = bench.alloc(WANTED + 0x3000, 0x1000, RESERVE, NOACCESS);
    assert_eq!(refused, Err(Status::ConflictingAddresses));
}

#[test]
fn an_image_that_wants_to_be_nowhere_in_user_space_is_mapped_elsewhere() {
    for wanted in [0, 0x7fff_fffe_0000, 0xffff_8000_0000_0000, u64::MAX << 16] {
        let mut bench = Bench::new();
        let section = bench.image(&file(&Pe::sample(wanted).bytes())).unwrap();
        let (base, note) = bench.load(section).unwrap();
        assert_eq!(note, MappingNote::NotAtBase);
        assert_eq!(bench.read(base + 0x3000), Ok(content(0x1800)));
    }
}

#[test]
fn an_image_that_wants_to_be_behind_the_end_of_its_process_is_mapped_elsewhere() {
    for (layout, wanted, note) in [
        (AddressLayout::TwoGiB, 0x7ffd_0000, MappingNote::NotAtBase),
        (AddressLayout::TwoGiB, 0x8000_0000, MappingNote::NotAtBase),
        (AddressLayout::ThreeGiB, 0x8000_0000, MappingNote::None),
    ] {
        let mut bench = Bench::new();
        bench.process = bench.machine.create_process_with(layout).unwrap();
        let mut pe = Pe::sample(wanted);
        pe.machine = ImageMachine::I386;
        pe.size = 0x2_0000;
        let section = bench.image(&file(&pe.bytes())).unwrap();
        let (base, found) = bench.load(section).unwrap();
        assert_eq!((base == wanted, found), (note == MappingNote::None, note));
        assert!(base + 0x2_0000 <= layout.end().as_u64());
    }
}

/// ReactOS's tests, `NtMapViewOfSection`, on 64-bit Windows.
#[test]
fn an_image_for_another_processor_is_mapped_and_told() {
    let mut bench = Bench::new();
    let mut pe = Pe::sample(0x1000_0000);
    pe.machine = ImageMachine::I386;
    let section = bench.image(&file(&pe.bytes())).unwrap();
    let (base, note) = bench.load(section).unwrap();
    assert_eq!((base, note), (0x1000_0000, MappingNote::OtherMachine));
    assert_eq!(note.ntstatus(), 0x4000_000e);
    assert_eq!(bench.read(base + 0x3000), Ok(content(0x1800)));
}

/// Microsoft, "Memory Protection": copy-on-write protection.
#[test]
fn processes_share_the_pages_of_an_image_until_they_write() {
    let mut bench = Bench::new();
    let file = file(&Pe::sample(WANTED).bytes());
    let first = bench.image(&file).unwrap();
    bench.load(first).unwrap();
    let one = bench.process;
    for page in 0..8 {
        bench.read(WANTED + page * 0x1000).unwrap();
    }
    let two = bench.machine.create_process().unwrap();
    bench.process = two;
    // Another section of the file is another handle to the same pages.
    let second = bench.image(&file).unwrap();
    bench.load(second).unwrap();
    let before = bench.machine.frames_in_use();
    for page in 0..8 {
        bench.read(WANTED + page * 0x1000).unwrap();
    }
    // Three tables, and no page.
    assert_eq!(bench.machine.frames_in_use(), before + 3);
    bench.write(WANTED + 0x4001, 99).unwrap();
    assert_eq!(bench.machine.frames_in_use(), before + 4);
    bench.process = one;
    assert_eq!(bench.read(WANTED + 0x4001), Ok(content(0x1c01)));
    bench.process = two;
    assert_eq!(bench.read(WANTED + 0x4001), Ok(99));
    assert_eq!(bench.read(WANTED + 0x4000), Ok(content(0x1c00)));
}

/// Microsoft, "PE Format": `IMAGE_SCN_MEM_SHARED`.
#[test]
fn all_processes_write_to_shared_sections_and_no_file_changes() {
    let mut bench = Bench::new();
    let bytes = Pe::sample(WANTED).bytes();
    let file = file(&bytes);
    let section = bench.image(&file).unwrap();
    bench.load(section).unwrap();
    bench.process = bench.machine.create_process().unwrap();
    bench.load(section).unwrap();
    bench.write(WANTED + 0x7001, 99).unwrap();
    bench.process = bench.machine.create_process().unwrap();
    bench.load(section).unwrap();
    assert_eq!(bench.read(WANTED + 0x7001), Ok(99));
    assert_eq!(bench.query(WANTED + 0x7000).protection, READWRITE);
    bench
        .machine
        .flush_view(bench.process, VirtAddr::new(WANTED), 0)
        .unwrap();
    let mut seen = vec![0; bytes.len()];
    bench.machine.read_file(&file, 0, &mut seen).unwrap();
    assert!(seen == bytes);
}

/// ReactOS's tests, `NtMapViewOfSection`: the headers are read as views of the file show them,
/// and an image that is there does not follow those.
#[test]
fn an_image_does_not_follow_views_of_its_file() {
    let mut bench = Bench::new();
    let bytes = Pe::sample(WANTED).bytes();
    let file = file(&bytes);
    let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
    let commit = SectionAttributes::COMMIT;
    let data = bench
        .machine
        .create_section(backing, READWRITE, commit, 0)
        .unwrap();
    bench.map(data, BASE, READWRITE).unwrap();
    bench.write(BASE, 0).unwrap();
    assert_eq!(bench.image(&file), Err(Status::InvalidImageNotMz));
    bench.write(BASE, b'M').unwrap();
    let section = bench.image(&file).unwrap();
    bench.load(section).unwrap();
    bench.write(BASE, 0).unwrap();
    bench.write(BASE + 0x1c00, 0).unwrap();
    assert_eq!(bench.read(WANTED), Ok(b'M'));
    assert_eq!(bench.read(WANTED + 0x4000), Ok(content(0x1c00)));
    bench
        .machine
        .flush_view(bench.process, VirtAddr::new(BASE), 0)
        .unwrap();
    assert_eq!(bench.read(WANTED), Ok(b'M'));
    assert_eq!(bench.read(WANTED + 0x4000), Ok(content(0x1c00)));
    bench.write(WANTED + 0x4000, 9).unwrap();
    assert_eq!(bench.read(BASE + 0x1c00), Ok(0));
}

/// Literature only: what may be written is paid for when it is mapped.
#[test]
fn commit_is_charged_for_what_of_an_image_can_be_written() {
    let mut bench = Bench::new();
    let before = bench.machine.commit_charge();
    let section = bench.image(&file(&Pe::sample(WANTED).bytes())).unwrap();
    // The page that all processes write to.
    assert_eq!(bench.machine.commit_charge(), before + 1);
    bench.load(section).unwrap();
    assert_eq!(bench.machine.commit_charge(), before + 4);
    bench.read(WANTED).unwrap();
    let tables = bench.machine.commit_charge() - before - 4;
    for page in [0x4000, 0x5000, 0x6000] {
        bench.write(WANTED + page, 1).unwrap();
    }
    assert_eq!(bench.machine.commit_charge(), before + 4 + tables);
    // Nobody could know that this would be written.
    bench.protect(WANTED + 0x3000, 1, READWRITE).unwrap();
    bench.write(WANTED + 0x3000, 1).unwrap();
    assert_eq!(bench.machine.commit_charge(), before + 5 + tables);
    bench.unmap(WANTED).unwrap();
    bench.machine.close_section(section).unwrap();
    assert_eq!(bench.machine.commit_charge(), before);
}

/// Wine's tests, kernel32 `test_Loader`.
#[test]
fn pages_of_an_image_are_neither_committed_nor_freed() {
    let mut bench = Bench::new();
    let base = bench.load_file(&Pe::sample(WANTED).bytes()).unwrap();
    for page in [base, base + 0x4000] {
        let refused = bench.alloc(page, 0x1000, COMMIT, READONLY);
        assert_eq!(refused.map_err(Status::win32), Err(5));
        for kind in [RELEASE, DECOMMIT] {
            let refused = bench.free(page, 0, kind);
            assert_eq!(refused, Err(Status::UnableToDeleteSection));
        }
    }
}

/// Wine's tests, kernel32 `query_image_section`.
#[test]
fn a_section_is_as_large_as_its_image_or_smaller() {
    let mut bench = Bench::new();
    let mut pe = Pe::sample(WANTED);
    pe.size = 0x7010;
    let file = file(&pe.bytes());
    assert_eq!(
        bench.image_of_size(&file, 0x8001),
        Err(Status::SectionTooBig)
    );
    assert!(bench.image_of_size(&file, 0x8000).is_ok());
    let small = bench.image_of_size(&file, 1).unwrap();
    assert_eq!(bench.map(small, BASE, READONLY), Ok((BASE, 0x1000)));
}

/// Wine's tests, kernel32 `test_mapping`.
#[test]
fn an_image_is_of_a_file_that_was_opened_for_what_is_asked_of_it() {
    const ALL: FileAccess = FileAccess::READ
        .union(FileAccess::WRITE)
        .union(FileAccess::EXECUTE);
    let file = file(&Pe::sample(WANTED).bytes());
    let mut bench = Bench::new();
    for (asked, needed) in [
        (READONLY, FileAccess::READ),
        (WRITECOPY, FileAccess::READ),
        (READWRITE, FileAccess::READ | FileAccess::WRITE),
        (EXECUTE_READ, FileAccess::READ | FileAccess::EXECUTE),
        (EXECUTE_WRITECOPY, FileAccess::READ | FileAccess::EXECUTE),
        (EXECUTE_READWRITE, ALL),
    ] {
        for opened in [
            FileAccess::READ,
            FileAccess::READ | FileAccess::WRITE,
            FileAccess::READ | FileAccess::EXECUTE,
            ALL,
            FileAccess::EXECUTE,
        ] {
            let backing = Backing::File(file.try_clone().unwrap(), opened);
            let image = SectionAttributes::IMAGE;
            let made = bench.machine.create_section(backing, asked, image, 0);
            let refused = (!opened.contains(needed)).then_some(Status::AccessDenied);
            assert_eq!(made.err(), refused, "{asked:?} of {opened:?}");
        }
    }
}

/// Literature only: what no section has is not committed.
#[test]
fn what_is_between_the_sections_of_an_image_is_not_committed() {
    let mut pe = Pe::single(READ);
    pe.alignment = 0x1_0000;
    pe.sections[0].address = 0x1_0000;
    pe.size = 0x2_0000;
    let mut bench = Bench::new();
    let base = bench.load_file(&pe.bytes()).unwrap();
    let none = PageProtection::empty();
    assert_eq!(bench.run(base), (MemoryState::Commit, READONLY, 0x1000));
    assert_eq!(
        bench.run(base + 0x1000),
        (MemoryState::Reserve, none, 0xf000)
    );
    let section = base + 0x1_0000;
    assert_eq!(bench.run(section), (MemoryState::Commit, READONLY, 0x1000));
    assert_eq!(
        bench.run(section + 0x1000),
        (MemoryState::Reserve, none, 0xf000)
    );
    assert_eq!(bench.read(base + 0x1000), violation(0, base + 0x1000));
    let refused = bench.protect(base, 0x2000, READONLY);
    assert_eq!(refused, Err(Status::NotCommitted));
}

/// Microsoft, `PrefetchVirtualMemory`: a hint, for which nothing is wrong.
#[test]
fn prefetching_passes_by_what_is_between_the_sections_of_an_image() {
    let mut pe = Pe::single(READ);
    pe.alignment = 0x1_0000;
    pe.sections[0].address = 0x1_0000;
    pe.size = 0x2_0000;
    let file = file(&pe.bytes());
    let mut bench = Bench::new();
    let section = bench.image(&file).unwrap();
    bench.map(section, BASE, READONLY).unwrap();
    let before = bench.machine.frames_in_use();
    let whole = AddressRange {
        base: VirtAddr::new(BASE),
        size: 0x2_0000,
    };
    let process = bench.process;
    let prefetched = bench.machine.prefetch_virtual_memory(process, &[whole]);
    assert_eq!(prefetched, Ok(()));
    // The headers and the section, and the frame of their prototype entries.
    assert_eq!(bench.standby(), 2);
    assert_eq!(bench.machine.frames_in_use(), before + 1);
}

/// Wine's tests, kernel32 `test_Loader`.
#[test]
fn an_image_of_sections_smaller_than_pages_is_mapped_as_it_lies_in_the_file() {
    let mut pe = Pe::single(READ);
    (pe.alignment, pe.file_alignment) = (0x200, 0x200);
    pe.sections[0].address = pe.sections[0].offset;
    pe.size = 0x1f00;
    let mut bench = Bench::new();
    let base = bench.load_file(&pe.bytes()).unwrap();
    let all = (MemoryState::Commit, EXECUTE_WRITECOPY, 0x2000);
    assert_eq!(bench.run(base), all);
    assert_eq!(bench.query(base).kind, Some(MemoryKind::Image));
    assert_eq!(bench.execute(base + 0x17ff), Ok(content(0x17ff)));
    assert_eq!(bench.read(base + 0x1800), Ok(0));
    bench.write(base, 1).unwrap();
    assert_eq!(bench.query(base).protection, EXECUTE_READWRITE);
    pe.sections[0].address += 0x200;
    let refused = bench.image(&file(&pe.bytes()));
    assert_eq!(refused, Err(Status::InvalidImageFormat));
}

/// Wine's tests, kernel32 `query_image_section`; without an image: `test_mapping`.
#[test]
fn an_image_tells_what_its_headers_say() {
    let mut bench = Bench::new();
    let section = bench.image(&file(&Pe::sample(WANTED).bytes())).unwrap();
    let told = bench.machine.query_image(section, 64).unwrap();
    assert_eq!(told.base.as_u64(), WANTED);
    assert_eq!(told.transfer_address.as_u64(), WANTED + 0x1010);
    assert_eq!((told.stack_reserve, told.stack_commit), (0x10_0000, 0x2000));
    assert_eq!(told.machine, ImageMachine::Amd64);
    let data = bench
        .section(READWRITE, SectionAttributes::COMMIT, 1)
        .unwrap();
    let refused = bench.machine.query_image(data, 64);
    assert_eq!(refused, Err(Status::SectionNotImage));
    let refused = bench.machine.query_image(section, 63);
    assert_eq!(refused, Err(Status::InfoLengthMismatch));
}

/// Wine's tests, kernel32 `test_image_mapping`.
#[test]
fn the_win32_api_maps_images_without_an_access() {
    let mut bench = Bench::new();
    let backing = Backing::File(file(&Pe::sample(WANTED).bytes()), FileAccess::READ);
    let (machine, process) = (&mut bench.machine, bench.process);
    let mut win32 = Win32::new(machine, process);
    let section = win32
        .create_file_mapping(backing, READONLY, SectionAttributes::IMAGE, 0, None)
        .unwrap();
    for access in [ViewAccess::empty(), ViewAccess::READ] {
        let view = win32.map_view_of_file(section, access, 0, 0).unwrap();
        let found = win32.machine.virtual_query(process, view.base).unwrap();
        assert_eq!(found.protection, READONLY);
        assert_eq!(found.kind, Some(MemoryKind::Image));
    }
}

/// A file that becomes shorter has zeros in the page where it ended, and no pages after it.
#[test]
fn a_file_that_changes_under_its_image_breaks_nothing() {
    let mut bench = Bench::new();
    let mut file = file(&Pe::sample(WANTED).bytes());
    let section = bench.image(&file).unwrap();
    bench.load(section).unwrap();
    file.set_len(0x410).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    assert_eq!(bench.read(WANTED + 0x100f), Ok(content(0x40f)));
    assert_eq!(bench.read(WANTED + 0x1010), Ok(0));
    let gone = Err((Status::InPageError, 0, WANTED + 0x3000));
    assert_eq!(bench.read(WANTED + 0x3000), gone);
}
