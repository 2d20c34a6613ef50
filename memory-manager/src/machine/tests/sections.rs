use super::*;
use crate::{Backing, SectionAttributes, SectionHandle, ViewAccess, ViewRequest};

type Attributes = SectionAttributes;

const SIZE: u64 = 0x2_0000;

impl Bench {
    pub(super) fn section(
        &mut self,
        protection: PageProtection,
        attributes: Attributes,
        size: u64,
    ) -> Result<SectionHandle, Status> {
        let backing = Backing::PageFile;
        self.machine
            .create_section(backing, protection, attributes, size)
    }

    pub(super) fn map(
        &mut self,
        section: SectionHandle,
        base: u64,
        protection: PageProtection,
    ) -> Result<(u64, u64), Status> {
        let request = ViewRequest {
            base: Some(VirtAddr::new(base)),
            offset: 0,
            size: 0,
            commit: 0,
            protection,
        };
        self.map_as(section, &request)
    }

    fn map_as(
        &mut self,
        section: SectionHandle,
        request: &ViewRequest,
    ) -> Result<(u64, u64), Status> {
        let mapped = self.machine.map_view(self.process, section, request);
        mapped.map(|view| plain(view.range))
    }

    pub(super) fn unmap(&mut self, address: u64) -> Result<(u64, u64), Status> {
        let address = VirtAddr::new(address);
        self.machine.unmap_view(self.process, address).map(plain)
    }

    /// Makes the calls that follow those of another process.
    pub(super) fn switch(&mut self) -> ProcessId {
        let other = self.machine.create_process().unwrap();
        std::mem::replace(&mut self.process, other)
    }
}

/// Microsoft, "File Mapping".
#[test]
fn two_processes_share_a_page_of_one_frame() {
    let mut bench = Bench::new();
    let section = bench.section(READWRITE, Attributes::COMMIT, SIZE).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    bench.write(BASE + 0x3000, 7).unwrap();
    let first = bench.switch();
    bench.map(section, BASE + 0x10_0000, READONLY).unwrap();
    let before = bench.machine.frames_in_use();
    assert_eq!(bench.read(BASE + 0x10_3000), Ok(7));
    // Three tables, and no page.
    assert_eq!(bench.machine.frames_in_use(), before + 3);
    bench.process = first;
    bench.write(BASE + 0x3000, 8).unwrap();
    bench.switch();
    bench.map(section, BASE, READWRITE).unwrap();
    assert_eq!(bench.read(BASE + 0x3000), Ok(8));
}

/// Microsoft, "Memory Protection Constants"; Wine's tests, kernel32 `test_mapping`, as Windows
/// passes them.
#[test]
fn the_first_write_to_a_write_copy_page_makes_it_private() {
    let mut bench = Bench::new();
    let section = bench.section(READWRITE, Attributes::COMMIT, SIZE).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    bench.map(section, BASE + 0x10_0000, WRITECOPY).unwrap();
    bench.write(BASE + 0x1000, 1).unwrap();
    let copy = BASE + 0x10_1000;
    assert_eq!(bench.read(copy), Ok(1));
    bench.write(copy, 2).unwrap();
    assert_eq!(bench.read(BASE + 0x1000), Ok(1));
    bench.write(BASE + 0x1000, 3).unwrap();
    assert_eq!(bench.read(copy), Ok(2));
    assert_eq!(bench.run(copy), (MemoryState::Commit, READWRITE, 0x1000));
    assert_eq!(bench.query(copy + 0x1000).protection, WRITECOPY);
    assert_eq!(bench.protect(copy, 1, WRITECOPY), Ok(READWRITE));
    assert_eq!(bench.query(copy).protection, READWRITE);
    let refused = bench.protect(copy, 1, READWRITE);
    assert_eq!(refused, Err(Status::SectionProtection));
}

/// Wine's tests, kernel32 `test_mapping`, as Windows passes them.
#[test]
fn code_that_is_written_is_private_and_stays_code() {
    let mut bench = Bench::new();
    let all = PageProtection::EXECUTE_READWRITE;
    let copies = PageProtection::EXECUTE_WRITECOPY;
    let section = bench.section(all, Attributes::COMMIT, SIZE).unwrap();
    bench.map(section, BASE, copies).unwrap();
    bench.write(BASE + 0x1000, 1).unwrap();
    assert_eq!(bench.execute(BASE + 0x1000), Ok(1));
    for (page, protection) in [(0, copies), (1, all), (2, copies)] {
        assert_eq!(bench.query(BASE + page * PAGE).protection, protection);
    }
}

/// Wine's tests, kernel32 `test_mapping`; ReactOS's tests, `NtMapViewOfSection`.
#[test]
fn a_view_is_protected_within_what_it_was_mapped_with() {
    let mut bench = Bench::new();
    let all = PageProtection::EXECUTE_READWRITE;
    let section = bench.section(all, Attributes::COMMIT, SIZE).unwrap();
    for (view, allowed) in [
        (NOACCESS, 0x01),
        (READONLY, 0x0b),
        (READWRITE, 0x0f),
        (WRITECOPY, 0x0b),
        (EXECUTE_READ, 0xbb),
        (all, 0xff),
    ] {
        bench.map(section, BASE, view).unwrap();
        for bit in 0..8 {
            let asked = PageProtection::from_bits_retain(1 << bit);
            let done = bench.protect(BASE, 0x1000, asked);
            if allowed >> bit & 1 == 0 {
                assert_eq!(done, Err(Status::SectionProtection), "{view:?} {asked:?}");
            } else {
                assert!(done.is_ok(), "{view:?} {asked:?}");
                assert_eq!(bench.query(BASE).protection, asked);
            }
        }
        let uncached = bench.protect(BASE, 1, view | PageProtection::NOCACHE);
        assert!(uncached.is_err());
        bench.unmap(BASE).unwrap();
    }
}

/// ReactOS's tests, `NtMapViewOfSection`; Wine's tests, kernel32.
#[test]
fn base_offset_and_size_of_a_view_are_checked_after_the_handle() {
    let mut bench = Bench::new();
    let section = bench.section(READWRITE, Attributes::COMMIT, SIZE).unwrap();
    bench
        .alloc(BASE + 0x10_0000, 0x1000, RESERVE, READWRITE)
        .unwrap();
    let request = |base: u64, offset, size| ViewRequest {
        base: Some(VirtAddr::new(base)),
        offset,
        size,
        commit: 0,
        protection: READWRITE,
    };
    for (base, offset, size, status) in [
        (BASE + 0x1000, 0, 0, Status::MappedAlignment),
        (BASE, 0x1000, 0, Status::MappedAlignment),
        (BASE, 0, SIZE + 1, Status::InvalidViewSize),
        (BASE, 0x1_0000, 0x1_0001, Status::InvalidViewSize),
        (BASE, 0x4_0000, 0, Status::InvalidViewSize),
        (BASE, 0, u64::MAX, Status::InvalidParameter3),
        (u64::MAX, 0, 0, Status::InvalidParameter3),
        (BASE + 0xf_0000, 0, 0, Status::ConflictingAddresses),
    ] {
        let refused = bench.map_as(section, &request(base, offset, size));
        assert_eq!(refused, Err(status), "{base:#x} {offset:#x} {size:#x}");
    }
    let shifted = bench.map_as(section, &request(BASE, 0x1_0000, 0x1234));
    assert_eq!(shifted, Ok((BASE, 0x2000)));
    let rest = bench.map_as(section, &request(BASE + 0x2_0000, 0x1_0000, 0));
    assert_eq!(rest, Ok((BASE + 0x2_0000, SIZE - 0x1_0000)));
    bench.machine.close_section(section).unwrap();
    let closed = bench.map_as(section, &request(BASE + 1, 1, 0));
    assert_eq!(closed, Err(Status::InvalidHandle));
}

/// ReactOS's tests, `NtMapViewOfSection`; Wine's tests, kernel32 `test_mapping`.
#[test]
fn pages_of_a_reserved_section_are_committed_for_all_views() {
    let mut bench = Bench::new();
    let section = bench.section(READWRITE, Attributes::RESERVE, SIZE).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    bench.map(section, BASE + 0x10_0000, READONLY).unwrap();
    let nothing = PageProtection::empty();
    assert_eq!(bench.run(BASE), (MemoryState::Reserve, nothing, SIZE));
    let kind = bench.query(BASE).kind;
    assert_eq!(kind, Some(crate::MemoryKind::Mapped));
    assert_eq!(bench.read(BASE), violation(0, BASE));
    bench
        .alloc(BASE + 0x2000, 0x2000, COMMIT, READWRITE)
        .unwrap();
    bench.write(BASE + 0x2000, 4).unwrap();
    let seen = (MemoryState::Commit, READONLY, 0x2000);
    assert_eq!(bench.run(BASE + 0x10_2000), seen);
    assert_eq!(bench.read(BASE + 0x10_2000), Ok(4));
    let beyond = bench.alloc(BASE + SIZE - 0x1000, 0x2000, COMMIT, READWRITE);
    assert_eq!(beyond, Err(Status::ConflictingAddresses));
    let narrow = bench.alloc(BASE + 0x10_2000, 1, COMMIT, READWRITE);
    assert_eq!(narrow, Err(Status::SectionProtection));
}

/// ReactOS's tests, `NtMapViewOfSection` and `ZwMapViewOfSection`.
#[test]
fn a_view_can_commit_its_first_pages() {
    let mut bench = Bench::new();
    let section = bench.section(READWRITE, Attributes::RESERVE, SIZE).unwrap();
    let mut request = ViewRequest {
        base: Some(VirtAddr::new(BASE)),
        offset: 0,
        size: 0x3000,
        commit: 0x3001,
        protection: READWRITE,
    };
    let refused = bench.map_as(section, &request);
    assert_eq!(refused, Err(Status::InvalidParameter5));
    request.commit = 0x1001;
    bench.map_as(section, &request).unwrap();
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, 0x2000));
}

/// Wine's tests, kernel32 `test_MapViewOfFile`.
#[test]
fn committing_pages_of_a_view_protects_them_and_resetting_leaves_them() {
    let mut bench = Bench::new();
    for attributes in [Attributes::RESERVE, Attributes::COMMIT] {
        let section = bench.section(READWRITE, attributes, SIZE).unwrap();
        bench.map(section, BASE, READWRITE).unwrap();
        bench.alloc(BASE, 0x1000, COMMIT, READWRITE).unwrap();
        bench.write(BASE, 3).unwrap();
        let done = bench.alloc(BASE, 0x1000, COMMIT, READONLY);
        assert_eq!(done, Ok((BASE, 0x1000)));
        assert_eq!(bench.run(BASE), (MemoryState::Commit, READONLY, 0x1000));
        assert_eq!(bench.read(BASE), Ok(3));
        assert_eq!(bench.write(BASE, 4), violation(1, BASE));
        let reset = bench.alloc(BASE, SIZE, AllocationType::RESET, READONLY);
        assert_eq!(reset, Ok((BASE, SIZE)));
        assert_eq!(bench.run(BASE), (MemoryState::Commit, READONLY, 0x1000));
        bench.unmap(BASE).unwrap();
    }
}

/// Wine's tests, kernel32 `test_mapping`; ReactOS's tests, `NtMapViewOfSection`.
#[test]
fn views_are_unmapped_anywhere_and_never_freed() {
    let mut bench = Bench::new();
    let section = bench.section(READWRITE, Attributes::COMMIT, SIZE).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    for kind in [RELEASE, DECOMMIT] {
        let refused = bench.free(BASE, 0, kind);
        assert_eq!(refused, Err(Status::UnableToDeleteSection));
    }
    assert_eq!(bench.unmap(BASE + 0x1_2345), Ok((BASE, SIZE)));
    assert_eq!(bench.unmap(BASE), Err(Status::NotMappedView));
    bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
    assert_eq!(bench.unmap(BASE), Err(Status::NotMappedView));
}

/// Wine's tests, kernel32 `test_mapping`; Microsoft, `CreateFileMapping`.
#[test]
fn a_view_outlives_the_handle_and_the_section_its_views() {
    let mut bench = Bench::new();
    let before = bench.machine.frames_in_use();
    let section = bench.section(READWRITE, Attributes::COMMIT, SIZE).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    bench.write(BASE, 6).unwrap();
    bench.unmap(BASE).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    assert_eq!(bench.read(BASE), Ok(6));
    bench.machine.close_section(section).unwrap();
    assert_eq!(bench.read(BASE), Ok(6));
    bench.unmap(BASE).unwrap();
    assert_eq!(bench.machine.frames_in_use(), before);
}

/// Wine's tests, kernel32 `sec_flag_tests` and `test_CreateFileMapping_protection`.
#[test]
fn sections_are_made_with_attributes_and_protections_that_go_together() {
    let mut bench = Bench::new();
    let flags = Attributes::from_bits_retain;
    for bits in [
        0x0400_0000,
        0x0800_0000,
        0x1400_0000,
        0x1800_0000,
        0x4400_0000,
        0x4800_0000,
        0,
    ] {
        let backing = Backing::PageFile;
        let made = bench
            .win32()
            .create_file_mapping(backing, READWRITE, flags(bits), SIZE, None);
        bench.machine.close_section(made.unwrap()).unwrap();
    }
    for (bits, error) in [
        (0x0c00_0000, 87),
        (0x8400_0000, 87),
        (0x0500_0000, 87),
        (0x0900_0000, 87),
        (0x1000_0000, 87),
        (0x4000_0000, 87),
        (0x8000_0000, 87),
        (0x0080_0000, 87),
        (0x0480_0000, 87),
        (0x0880_0000, 87),
        (0x0100_0000, 193),
        (0x8800_0000, 1314),
    ] {
        let backing = Backing::PageFile;
        let made = bench
            .win32()
            .create_file_mapping(backing, READWRITE, flags(bits), SIZE, None);
        assert_eq!(made.map_err(Status::win32), Err(error), "{bits:#x}");
    }
    for bits in 0..0x800 {
        let protection = PageProtection::from_bits_retain(bits);
        let backing = Backing::PageFile;
        let made = bench
            .win32()
            .create_file_mapping(backing, protection, flags(0), SIZE, None);
        let allowed = [2, 4, 8, 0x20, 0x40, 0x80].contains(&bits);
        assert_eq!(
            made.map_err(Status::win32).err(),
            (!allowed).then_some(87),
            "{bits:#x}"
        );
        if let Ok(section) = made {
            bench.machine.close_section(section).unwrap();
        }
    }
}

/// ReactOS's tests, `NtMapViewOfSection`; Wine's tests, kernel32.
#[test]
fn a_section_of_memory_has_a_size_that_can_be_kept() {
    let mut bench = Bench::new();
    for (attributes, size, status) in [
        (Attributes::COMMIT, 0, Status::InvalidParameter4),
        (Attributes::COMMIT, 512 << 30, Status::CommitmentLimit),
        (Attributes::RESERVE, 8 << 40, Status::InsufficientResources),
        (Attributes::COMMIT, 128 << 40, Status::SectionTooBig),
        (Attributes::COMMIT, u64::MAX, Status::SectionTooBig),
    ] {
        let refused = bench.section(READWRITE, attributes, size);
        assert_eq!(refused, Err(status), "{size:#x}");
    }
    bench
        .section(READWRITE, Attributes::RESERVE, 8 << 30)
        .unwrap();
    let odd = bench
        .section(READWRITE, Attributes::COMMIT, 0x3452)
        .unwrap();
    assert_eq!(bench.map(odd, BASE, READWRITE), Ok((BASE, 0x4000)));
}

/// Wine's tests, kernel32 `file_access_to_prot`.
#[test]
fn the_win32_api_names_the_access_and_gets_a_protection() {
    let mut bench = Bench::new();
    let all = PageProtection::EXECUTE_READWRITE;
    let section = bench.section(all, Attributes::COMMIT, SIZE).unwrap();
    let base = Some(VirtAddr::new(BASE));
    for (access, protection) in [
        (0, 0x01),
        (1, 0x08),
        (2, 0x04),
        (3, 0x04),
        (4, 0x02),
        (5, 0x02),
        (7, 0x04),
        (0x20, 0x01),
        (0x21, 0x80),
        (0x22, 0x40),
        (0x24, 0x20),
        (0x27, 0x40),
    ] {
        let access = ViewAccess::from_bits_retain(access);
        bench
            .win32()
            .map_view_of_file_ex(section, access, 0, 0, base)
            .unwrap();
        assert_eq!(
            bench.query(BASE).allocation_protection.bits(),
            protection,
            "{access:?}"
        );
        bench.unmap(BASE).unwrap();
    }
    for protection in [READONLY, WRITECOPY] {
        let narrow = bench.win32().create_file_mapping(
            Backing::PageFile,
            protection,
            Attributes::COMMIT,
            SIZE,
            None,
        );
        let narrow = narrow.unwrap();
        for access in [ViewAccess::WRITE, ViewAccess::READ | ViewAccess::EXECUTE] {
            let refused = bench
                .win32()
                .map_view_of_file_ex(narrow, access, 0, 0, base);
            assert_eq!(refused.map_err(Status::win32), Err(5));
        }
    }
}

#[test]
fn write_copy_views_are_charged_when_they_are_mapped() {
    let mut bench = Bench::new();
    let section = bench.section(READWRITE, Attributes::COMMIT, SIZE).unwrap();
    let before = bench.machine.commit_charge();
    bench.map(section, BASE, WRITECOPY).unwrap();
    assert_eq!(bench.machine.commit_charge(), before + SIZE / PAGE);
    bench.map(section, BASE + 0x10_0000, READWRITE).unwrap();
    assert_eq!(bench.machine.commit_charge(), before + SIZE / PAGE);
}

/// Microsoft, `VirtualAlloc`: it commits all pages or none.
#[test]
fn a_commit_of_a_view_that_fails_takes_no_memory() {
    let mut bench = Bench::new();
    let request = |commit| ViewRequest {
        base: Some(VirtAddr::new(1 << 32)),
        offset: 0,
        size: 0,
        commit,
        protection: READWRITE,
    };
    let size = 31 << 30;
    let section = bench
        .section(READWRITE, SectionAttributes::RESERVE, size)
        .unwrap();
    let process = bench.process;
    let held = |bench: &Bench| (bench.machine.commit_charge(), bench.machine.frames_in_use());
    let before = held(&bench);
    let refused = bench.machine.map_view(process, section, &request(size));
    assert_eq!(refused, Err(Status::CommitmentLimit));
    assert_eq!(held(&bench), before);
    bench
        .machine
        .map_view(process, section, &request(0))
        .unwrap();
    for protection in [READWRITE, READONLY] {
        let refused = bench.alloc(1 << 32, size, COMMIT, protection);
        assert_eq!(refused, Err(Status::CommitmentLimit));
        assert_eq!(held(&bench), before);
    }
    // So many pages could be promised, but not the frames of their entries besides.
    let left = bench.machine.commit_limit() - before.0;
    let refused = bench.alloc(1 << 32, left * PAGE, COMMIT, READWRITE);
    assert_eq!(refused, Err(Status::CommitmentLimit));
    assert_eq!(held(&bench), before);
}
