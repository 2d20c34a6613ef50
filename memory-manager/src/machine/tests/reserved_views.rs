//! Views that reach beyond the end of their file.

use super::{files::file, *};
use crate::{
    AddressRequirements, Backing, FileAccess, SectionAccess, SectionAttributes, SectionHandle,
    SectionOpening, ViewRequest,
};

/// Where nothing is up to the end of user space.
const FAR: u64 = 1 << 40;

impl Bench {
    fn section_of(&mut self, backing: Backing, protection: PageProtection) -> SectionHandle {
        let commit = SectionAttributes::COMMIT;
        let size = if let Backing::PageFile = backing {
            0x1000
        } else {
            0
        };
        let made = self
            .machine
            .create_section(backing, protection, commit, size);
        made.unwrap()
    }

    fn reserve_view(
        &mut self,
        section: SectionHandle,
        (size, commit): (u64, u64),
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<(u64, u64), Status> {
        let request = ViewRequest {
            base: Some(VirtAddr::new(if size < FAR { BASE } else { FAR })),
            offset: 0,
            size,
            commit,
            protection,
        };
        let anywhere = AddressRequirements::default();
        let kind = kind | RESERVE;
        let (machine, process) = (&mut self.machine, self.process);
        let done = machine.map_view_ex(process, section, &request, kind, &anywhere);
        done.map(|view| plain(view.range))
    }
}

fn all_of(file: &std::fs::File) -> Backing {
    Backing::File(file.try_clone().unwrap(), FileAccess::all())
}

/// ReactOS's tests, `ZwMapViewOfSection`; that what is beyond is told as reserved, literature
/// only.
#[test]
fn a_reserved_view_reaches_beyond_the_end_of_its_file() {
    let mut bench = Bench::new();
    let section = bench.section_of(all_of(&file(0x1801)), READWRITE);
    let none = AllocationType::empty();
    let mapped = bench.reserve_view(section, (0x8000, 500), none, READWRITE);
    assert_eq!(mapped, Ok((BASE, 0x8000)));
    let committed = (MemoryState::Commit, READWRITE, 0x2000);
    assert_eq!(bench.run(BASE), committed);
    let reserved = (MemoryState::Reserve, PageProtection::empty(), 0x6000);
    assert_eq!(bench.run(BASE + 0x2000), reserved);
    assert_eq!(bench.write(BASE + 0x1fff, 1), Ok(()));
    for access in [bench.read(BASE + 0x2000), bench.read(BASE + 0x7fff)] {
        assert_eq!(access.unwrap_err().0, Status::AccessViolation);
    }
    let refused = bench.protect(BASE + 0x1000, 0x2000, READONLY);
    assert_eq!(refused, Err(Status::NotCommitted));
    bench.unmap(BASE).unwrap();
    // As large as the section if nothing is said.
    let mapped = bench.reserve_view(section, (0, 0), none, READONLY);
    assert_eq!(mapped, Ok((BASE, 0x2000)));
}

/// ReactOS's tests, `ZwMapViewOfSection`, large pages as on Windows 10, and
/// `NtMapViewOfSection`; images, this project's.
#[test]
fn views_of_files_that_can_be_written_are_reserved_and_no_others() {
    let mut bench = Bench::new();
    let (none, large) = (AllocationType::empty(), AllocationType::LARGE_PAGES);
    let read_only = bench.section_of(all_of(&file(0x1000)), READONLY);
    let refused = bench.reserve_view(read_only, (0x1000, 0), none, READONLY);
    assert_eq!(refused, Err(Status::SectionProtection));
    let memory = bench.section_of(Backing::PageFile, READWRITE);
    let refused = bench.reserve_view(memory, (0x1000, 0), none, READWRITE);
    assert_eq!(refused, Err(Status::InvalidParameter));
    let image = pe::Pe::sample(BASE).bytes();
    let image = bench.image(&images::file(&image)).unwrap();
    let refused = bench.reserve_view(image, (0, 0), none, READONLY);
    assert_eq!(refused, Err(Status::InvalidParameter));
    let section = bench.section_of(all_of(&file(0x1000)), READWRITE);
    for kind in [large, COMMIT] {
        let refused = bench.reserve_view(section, (0x1000, 0), kind, READWRITE);
        assert_eq!(refused, Err(Status::InvalidParameter));
    }
}

/// Literature only, on `NtExtendSection`.
#[test]
fn an_extended_section_fills_the_views_that_wait_for_it() {
    let mut bench = Bench::new();
    let own = file(0x1000);
    let section = bench.section_of(all_of(&own), READWRITE);
    let none = AllocationType::empty();
    bench
        .reserve_view(section, (0x8000, 0), none, READWRITE)
        .unwrap();
    assert_eq!(bench.machine.extend_section(section, 0x2801), Ok(0x2801));
    assert_eq!(own.metadata().unwrap().len(), 0x2801);
    let committed = (MemoryState::Commit, READWRITE, 0x3000);
    assert_eq!(bench.run(BASE), committed);
    assert_eq!(bench.read(BASE + 0x1000), Ok(0));
    bench.write(BASE + 0x2800, 7).unwrap();
    let beyond = bench.read(BASE + 0x3000);
    assert_eq!(beyond, violation(0, BASE + 0x3000));
    // It is never made smaller, and views go by the new size.
    for size in [0, 0x1000, 0x2801] {
        assert_eq!(bench.machine.extend_section(section, size), Ok(0x2801));
    }
    let mapped = bench.map(section, BASE + 0x1_0000, READONLY);
    assert_eq!(mapped, Ok((BASE + 0x1_0000, 0x3000)));
    assert_eq!(bench.read(BASE + 0x1_2800), Ok(7));
}

/// Literature only, on `NtExtendSection`.
#[test]
fn sections_of_files_are_extended_by_those_who_may() {
    let mut bench = Bench::new();
    let memory = bench.section_of(Backing::PageFile, READWRITE);
    let image = pe::Pe::sample(BASE).bytes();
    let image = bench.image(&images::file(&image)).unwrap();
    for section in [memory, image] {
        let refused = bench.machine.extend_section(section, 0x10_0000);
        assert_eq!(refused, Err(Status::SectionNotExtended));
    }
    let opening = SectionOpening {
        access: SectionAccess::ALL - SectionAccess::EXTEND_SIZE,
        ..SectionOpening::default()
    };
    let (commit, own) = (SectionAttributes::COMMIT, file(0x1000));
    let made = bench
        .machine
        .create_section_as(opening, all_of(&own), READWRITE, commit, 0);
    let (section, _) = made.unwrap();
    let refused = bench.machine.extend_section(section, 0x2000);
    assert_eq!(refused, Err(Status::AccessDenied));
    assert_eq!(own.metadata().unwrap().len(), 0x1000);
    let section = bench.section_of(all_of(&own), READWRITE);
    let refused = bench.machine.extend_section(section, 1 << 47);
    assert_eq!(refused, Err(Status::SectionTooBig));
    bench.machine.close_section(section).unwrap();
    let refused = bench.machine.extend_section(section, 0x2000);
    assert_eq!(refused, Err(Status::InvalidHandle));
}

/// Nothing is looked for in the 64 TiB that are behind it.
#[test]
fn prefetching_a_reserved_view_ends_with_its_file() {
    let mut bench = Bench::new();
    let section = bench.section_of(all_of(&file(0x2000)), READWRITE);
    let (none, size) = (AllocationType::empty(), 1 << 46);
    bench
        .reserve_view(section, (size, 0), none, READWRITE)
        .unwrap();
    let frames = bench.machine.frames_in_use();
    let range = AddressRange {
        base: VirtAddr::new(FAR),
        size,
    };
    let (machine, process) = (&mut bench.machine, bench.process);
    machine.prefetch_virtual_memory(process, &[range]).unwrap();
    // Two pages that wait for their first use, and the frame of their prototype entries.
    assert_eq!(bench.standby(), 2);
    assert_eq!(bench.machine.frames_in_use(), frames + 1);
    bench.unmap(FAR).unwrap();
}

/// Literature only.
#[test]
fn committing_a_reserved_view_makes_its_file_longer() {
    let mut bench = Bench::new();
    let file = file(0x1801);
    let section = bench.section_of(all_of(&file), READWRITE);
    let none = AllocationType::empty();
    bench
        .reserve_view(section, (0x8000, 0), none, READWRITE)
        .unwrap();
    let again = bench.alloc(BASE, 0x2000, COMMIT, READWRITE);
    assert_eq!(again, Err(Status::AlreadyCommitted));
    let wrong = bench.alloc(BASE, 0x4000, COMMIT, EXECUTE_READ);
    assert_eq!(wrong, Err(Status::SectionProtection));
    let beyond = bench.alloc(BASE + 0x7000, 0x2000, COMMIT, READWRITE);
    assert_eq!(beyond, Err(Status::ConflictingAddresses));
    assert_eq!(file.metadata().unwrap().len(), 0x1801);
    let committed = bench.alloc(BASE + 0x3000, 0x1000, COMMIT, READONLY);
    assert_eq!(committed, Ok((BASE + 0x3000, 0x1000)));
    assert_eq!(file.metadata().unwrap().len(), 0x4000);
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, 0x3000));
    assert_eq!(
        bench.run(BASE + 0x3000),
        (MemoryState::Commit, READONLY, 0x1000)
    );
    assert_eq!(bench.run(BASE + 0x4000).0, MemoryState::Reserve);
    bench.write(BASE + 0x2fff, 9).unwrap();
    bench.machine.flush_files().unwrap();
    let mut byte = [0];
    crate::Disk::read_at(&file, 0x2fff, &mut byte).unwrap();
    assert_eq!(byte, [9]);
}
