use super::*;
use crate::{
    AddressRequirements, AllocationRequest, Backing, MemoryKind, SectionAttributes, SectionHandle,
    UnmapFlags, ViewRequest, WatchFlags,
};

pub(super) const PLACEHOLDER: AllocationType = RESERVE.union(AllocationType::RESERVE_PLACEHOLDER);
pub(super) const REPLACE: AllocationType = RESERVE.union(AllocationType::REPLACE_PLACEHOLDER);
pub(super) const PRESERVE: FreeType = RELEASE.union(FreeType::PRESERVE_PLACEHOLDER);
pub(super) const COALESCE: FreeType = RELEASE.union(FreeType::COALESCE_PLACEHOLDERS);
const CONFLICT: Status = Status::ConflictingAddresses;

const SIZE: u64 = 0x1_0000;

impl Bench {
    pub(super) fn alloc_ex(
        &mut self,
        base: u64,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<(u64, u64), Status> {
        let request = AllocationRequest {
            base: Some(VirtAddr::new(base)),
            size,
            kind,
            protection,
        };
        let anywhere = AddressRequirements::default();
        let done = self
            .machine
            .virtual_alloc_ex(self.process, &request, &anywhere);
        done.map(plain)
    }

    /// A machine with a placeholder at the usual place.
    fn with_placeholder(size: u64) -> Self {
        let mut bench = Self::new();
        bench.alloc_ex(BASE, size, PLACEHOLDER, NOACCESS).unwrap();
        bench
    }

    /// Maps the first bytes of a section in the place of a placeholder.
    pub(super) fn map_replacing(
        &mut self,
        section: SectionHandle,
        (base, size): (u64, u64),
    ) -> Result<(u64, u64), Status> {
        self.map_part_replacing(section, base, 0, size)
    }

    fn map_part_replacing(
        &mut self,
        section: SectionHandle,
        base: u64,
        offset: u64,
        size: u64,
    ) -> Result<(u64, u64), Status> {
        let request = ViewRequest {
            base: Some(VirtAddr::new(base)),
            offset,
            size,
            commit: 0,
            protection: READWRITE,
        };
        let kind = AllocationType::REPLACE_PLACEHOLDER;
        let anywhere = AddressRequirements::default();
        let (machine, process) = (&mut self.machine, self.process);
        let mapped = machine.map_view_ex(process, section, &request, kind, &anywhere);
        mapped.map(|view| plain(view.range))
    }

    pub(super) fn unmap_with(&mut self, address: u64, flags: u32) -> Result<(u64, u64), Status> {
        let (address, flags) = (VirtAddr::new(address), UnmapFlags::from_bits_retain(flags));
        let (machine, process) = (&mut self.machine, self.process);
        machine.unmap_view_ex(process, address, flags).map(plain)
    }

    /// The regions from the usual place on, as long as they are next to each other: their
    /// sizes, in pages.
    fn sizes(&self) -> Vec<u64> {
        let mut sizes = Vec::new();
        let mut next = BASE;
        while self.query(next).allocation_base == Some(VirtAddr::new(next)) {
            let vad = self.machine.spaces[&self.process].vads.find(next).unwrap();
            sizes.push(vad.pages());
            next = vad.end;
        }
        sizes
    }

    fn is_placeholder(&self, base: u64, size: u64) -> bool {
        let found = self.query(base);
        assert_eq!(found.kind, Some(MemoryKind::Private));
        assert_eq!(found.allocation_protection, NOACCESS);
        self.run(base) == (MemoryState::Reserve, PageProtection::empty(), size)
    }
}

fn shared(bench: &mut Bench) -> SectionHandle {
    let section = bench.section(READWRITE, SectionAttributes::COMMIT, SIZE);
    section.unwrap()
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn a_placeholder_is_reserved_without_access_by_the_extended_call_alone() {
    let mut bench = Bench::new();
    let plain = bench.alloc(BASE, SIZE, PLACEHOLDER, NOACCESS);
    assert_eq!(plain, Err(Status::InvalidParameter));
    for (kind, protection) in [
        (PLACEHOLDER, READWRITE),
        (AllocationType::RESERVE_PLACEHOLDER, NOACCESS),
        (PLACEHOLDER | COMMIT, NOACCESS),
        (PLACEHOLDER | REPLACE, NOACCESS),
    ] {
        let refused = bench.alloc_ex(BASE, SIZE, kind, protection);
        assert_eq!(refused, Err(Status::InvalidParameter), "{kind:?}");
    }
    let made = bench.alloc_ex(BASE, SIZE, PLACEHOLDER, NOACCESS);
    assert_eq!(made, Ok((BASE, SIZE)));
    assert!(bench.is_placeholder(BASE, SIZE));
    assert_eq!(bench.read(BASE), violation(0, BASE));
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn a_placeholder_is_replaced_whole() {
    let mut bench = Bench::with_placeholder(SIZE);
    for (base, size) in [
        (BASE, 0x1000),
        (BASE + 0x1000, SIZE - 0x1000),
        (BASE, SIZE + 1),
        (BASE - SIZE, SIZE),
        (0, SIZE),
    ] {
        for kind in [REPLACE, REPLACE | COMMIT] {
            let refused = bench.alloc_ex(base, size, kind, READWRITE);
            assert_eq!(refused, Err(CONFLICT), "{base:#x} {size:#x}");
        }
    }
    for kind in [
        AllocationType::REPLACE_PLACEHOLDER,
        COMMIT | AllocationType::REPLACE_PLACEHOLDER,
    ] {
        let refused = bench.alloc_ex(BASE, SIZE, kind, READWRITE);
        assert_eq!(refused, Err(Status::InvalidParameter), "{kind:?}");
    }
    let replaced = bench.alloc_ex(BASE, SIZE, REPLACE | COMMIT, READWRITE);
    assert_eq!(replaced, Ok((BASE, SIZE)));
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, SIZE));
    bench.write(BASE, 1).unwrap();
    let again = bench.alloc_ex(BASE, SIZE, REPLACE, READWRITE);
    assert_eq!(again, Err(CONFLICT));
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn what_replaces_a_placeholder_can_be_watched() {
    let mut bench = Bench::with_placeholder(SIZE);
    let watched = REPLACE | AllocationType::WRITE_WATCH;
    bench.alloc_ex(BASE, SIZE, watched, READONLY).unwrap();
    bench.alloc_ex(BASE, SIZE, COMMIT, READWRITE).unwrap();
    assert_eq!(bench.query(BASE).allocation_protection, READONLY);
    bench.write(BASE + 0x1000, 1).unwrap();
    let (machine, process) = (&mut bench.machine, bench.process);
    let base = VirtAddr::new(BASE);
    let written = machine.get_write_watch(process, base, SIZE, WatchFlags::RESET, 16);
    assert_eq!(written, Ok(vec![base.wrapping_add(0x1000)]));
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn a_placeholder_is_neither_reserved_nor_committed() {
    let mut bench = Bench::with_placeholder(SIZE);
    for kind in [PLACEHOLDER, RESERVE, COMMIT, BOTH] {
        let refused = bench.alloc_ex(BASE, SIZE, kind, NOACCESS);
        assert_eq!(refused, Err(CONFLICT), "{kind:?}");
    }
    assert!(bench.is_placeholder(BASE, SIZE));
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn what_replaced_a_placeholder_becomes_one_again_and_loses_what_it_held() {
    let mut bench = Bench::with_placeholder(SIZE);
    let before = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    for _ in 0..2 {
        bench
            .alloc_ex(BASE, SIZE, REPLACE | COMMIT, READWRITE)
            .unwrap();
        assert_eq!(bench.read(BASE + 0x3000), Ok(0));
        bench.write(BASE + 0x3000, 0xcc).unwrap();
        assert_eq!(bench.free(BASE, SIZE, PRESERVE), Ok((BASE, SIZE)));
        assert!(bench.is_placeholder(BASE, SIZE));
        let after = (bench.machine.frames_in_use(), bench.machine.commit_charge());
        assert_eq!(after, before);
    }
}

/// Wine's `free_pages_preserve_placeholder`.
#[test]
fn a_part_of_what_replaced_a_placeholder_becomes_one_again() {
    let mut bench = Bench::with_placeholder(SIZE);
    bench
        .alloc_ex(BASE, SIZE, REPLACE | COMMIT, READWRITE)
        .unwrap();
    bench.write(BASE, 1).unwrap();
    bench.write(BASE + 0x8000, 2).unwrap();
    bench.free(BASE + 0x4000, 0x4000, PRESERVE).unwrap();
    assert_eq!(bench.sizes(), [4, 4, 8]);
    assert!(bench.is_placeholder(BASE + 0x4000, 0x4000));
    assert_eq!(bench.read(BASE), Ok(1));
    assert_eq!(bench.read(BASE + 0x8000), Ok(2));
    bench.free(BASE + 0x8000, 0x8000, PRESERVE).unwrap();
    assert!(bench.is_placeholder(BASE + 0x8000, 0x8000));
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn a_placeholder_is_split_at_pages_into_two_or_three() {
    for (base, size, sizes) in [
        (BASE + 0x8000, 0x4000, &[8, 4, 4][..]),
        (BASE, 0x4000, &[4, 12]),
        (BASE + 0x8000, 0x8000, &[8, 8]),
        (BASE + 0x1fff, 2, &[1, 2, 13]),
    ] {
        let mut bench = Bench::with_placeholder(SIZE);
        bench.free(base, size, PRESERVE).unwrap();
        assert_eq!(bench.sizes(), sizes);
        assert!(bench.is_placeholder(BASE, sizes[0] * 0x1000));
        let second = BASE + sizes[0] * 0x1000;
        assert!(bench.is_placeholder(second, sizes[1] * 0x1000));
        // The pieces are replaced where they are.
        let replaced = bench.alloc_ex(second, sizes[1] * 0x1000, REPLACE, READWRITE);
        assert_eq!(replaced, Ok((second, sizes[1] * 0x1000)));
    }
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`, and kernelbase `test_VirtualAlloc2`.
#[test]
fn only_a_part_of_a_placeholder_is_split_off() {
    let mut bench = Bench::with_placeholder(SIZE);
    assert_eq!(bench.free(BASE, SIZE, PRESERVE), Err(CONFLICT));
    assert_eq!(
        bench.free(BASE, 0, PRESERVE),
        Err(Status::InvalidParameter3)
    );
    let beyond = bench.free(BASE + 0x8000, 0x9000, PRESERVE);
    assert_eq!(beyond, Err(Status::UnableToFreeVm));
    assert_eq!(bench.sizes(), [16]);
    let other = BASE + 0x10_0000;
    bench.alloc_ex(other, SIZE, RESERVE, NOACCESS).unwrap();
    for size in [0x4000, SIZE] {
        let ordinary = bench.free(other, size, PRESERVE);
        assert_eq!(ordinary, Err(CONFLICT), "{size:#x}");
    }
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn adjacent_placeholders_are_made_one_by_their_exact_range() {
    let mut bench = Bench::with_placeholder(SIZE);
    bench.free(BASE, 0x4000, PRESERVE).unwrap();
    bench.free(BASE + 0x4000, 0x4000, PRESERVE).unwrap();
    assert_eq!(bench.sizes(), [4, 4, 8]);
    for (base, size, status) in [
        (BASE, 0x4000, CONFLICT),
        (BASE, SIZE + 0x1000, CONFLICT),
        (BASE, SIZE - 0x1000, CONFLICT),
        (BASE + 0x1000, SIZE - 0x1000, CONFLICT),
        (BASE, 0, Status::InvalidParameter3),
        (BASE - 0x1000, SIZE, Status::MemoryNotAllocated),
    ] {
        let refused = bench.free(base, size, COALESCE);
        assert_eq!(refused, Err(status), "{base:#x} {size:#x}");
    }
    let alone = bench.free(BASE, SIZE, COALESCE - RELEASE);
    assert_eq!(alone, Err(Status::InvalidParameter4));
    assert_eq!(bench.sizes(), [4, 4, 8]);
    assert_eq!(bench.free(BASE, SIZE, COALESCE), Ok((BASE, SIZE)));
    assert!(bench.is_placeholder(BASE, SIZE));
    assert_eq!(bench.sizes(), [16]);
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn a_piece_that_was_replaced_or_released_keeps_placeholders_apart() {
    let mut bench = Bench::with_placeholder(SIZE);
    bench.free(BASE, 0x4000, PRESERVE).unwrap();
    let rest = (BASE + 0x4000, 0xc000);
    bench.alloc_ex(rest.0, rest.1, REPLACE, READWRITE).unwrap();
    assert_eq!(bench.free(BASE, SIZE, COALESCE), Err(CONFLICT));
    assert_eq!(bench.free(rest.0, rest.1, RELEASE), Ok(rest));
    assert_eq!(bench.free(BASE, SIZE, COALESCE), Err(CONFLICT));
    assert!(bench.is_placeholder(BASE, 0x4000));
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn placeholders_are_released_one_by_one() {
    let mut bench = Bench::with_placeholder(SIZE);
    bench.free(BASE, 0x4000, PRESERVE).unwrap();
    let both = bench.free(BASE, SIZE, RELEASE);
    assert_eq!(both, Err(Status::UnableToFreeVm));
    assert_eq!(bench.free(BASE, 0, RELEASE), Ok((BASE, 0x4000)));
    assert_eq!(
        bench.free(BASE, 0, RELEASE),
        Err(Status::MemoryNotAllocated)
    );
    // What is left of one by the release of a part is a placeholder still.
    let part = bench.free(BASE + 0x4000, 0x4000, RELEASE);
    assert_eq!(part, Ok((BASE + 0x4000, 0x4000)));
    assert!(bench.is_placeholder(BASE + 0x8000, 0x8000));
    let replaced = bench.alloc_ex(BASE + 0x8000, 0x8000, REPLACE, READWRITE);
    assert!(replaced.is_ok());
}

/// Wine's tests, kernelbase `test_VirtualAlloc2`.
#[test]
fn views_take_the_place_of_placeholders_side_by_side() {
    let mut bench = Bench::with_placeholder(2 * SIZE);
    let section = shared(&mut bench);
    assert_eq!(bench.map_replacing(section, (BASE, SIZE)), Err(CONFLICT));
    bench.free(BASE, SIZE, PRESERVE).unwrap();
    assert_eq!(bench.map_replacing(section, (BASE, SIZE)), Ok((BASE, SIZE)));
    let second = BASE + SIZE;
    assert_eq!(
        bench.map_replacing(section, (second, SIZE)),
        Ok((second, SIZE))
    );
    assert_eq!(bench.query(BASE).kind, Some(MemoryKind::Mapped));
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, SIZE));
    bench.write(BASE + 0x2345, 7).unwrap();
    assert_eq!(bench.read(second + 0x2345), Ok(7));
    // Over the end of the first, and at the start again.
    let across = VirtAddr::new(second - 2);
    let process = bench.process;
    bench.machine.write(process, across, b"ring").unwrap();
    assert_eq!(bench.read(BASE), Ok(b'n'));
    assert_eq!(bench.map_replacing(section, (BASE, SIZE)), Err(CONFLICT));
}

/// Microsoft, `MapViewOfFile3`; that pages are asked for is known from Wine's
/// `NtMapViewOfSectionEx`.
#[test]
fn a_view_that_replaces_a_placeholder_starts_at_any_page() {
    let mut bench = Bench::with_placeholder(SIZE);
    let section = shared(&mut bench);
    let base = BASE + 0x3000;
    bench.free(base, 0x2000, PRESERVE).unwrap();
    for (base, offset) in [(base, 0x800), (base + 0x10, 0)] {
        let refused = bench.map_part_replacing(section, base, offset, 0x2000);
        assert_eq!(refused, Err(Status::MappedAlignment));
    }
    for (base, size) in [(base, 0x1000), (BASE, 0x2000), (0, 0x2000)] {
        let refused = bench.map_part_replacing(section, base, 0x5000, size);
        assert_eq!(refused, Err(CONFLICT));
    }
    let mapped = bench.map_part_replacing(section, base, 0x5000, 0x2000);
    assert_eq!(mapped, Ok((base, 0x2000)));
    bench.write(base, 9).unwrap();
    bench.map(section, BASE + 0x10_0000, READONLY).unwrap();
    assert_eq!(bench.read(BASE + 0x10_5000), Ok(9));
}

/// Wine's tests, kernelbase `test_VirtualAlloc2`.
#[test]
fn a_view_that_replaced_a_placeholder_becomes_one_again() {
    let mut bench = Bench::with_placeholder(SIZE);
    let section = shared(&mut bench);
    for flags in [2, 3] {
        bench.map_replacing(section, (BASE, SIZE)).unwrap();
        bench.write(BASE, 1).unwrap();
        let freed = bench.free(BASE, SIZE, PRESERVE);
        assert_eq!(freed, Err(Status::UnableToDeleteSection));
        let unknown = bench.unmap_with(BASE, 0x8002);
        assert_eq!(unknown, Err(Status::InvalidParameter));
        assert_eq!(bench.unmap_with(BASE, flags), Ok((BASE, SIZE)));
        assert!(bench.is_placeholder(BASE, SIZE));
        for flags in [0, 2] {
            let none = bench.unmap_with(BASE, flags);
            assert_eq!(none, Err(Status::NotMappedView));
        }
    }
    bench.map_replacing(section, (BASE, SIZE)).unwrap();
    assert_eq!(bench.read(BASE), Ok(1));
    assert_eq!(bench.unmap_with(BASE, 0), Ok((BASE, SIZE)));
    assert_eq!(bench.query(BASE).state, MemoryState::Free);
}

/// Wine's tests, kernelbase `test_VirtualAlloc2`; the status is that of Wine's
/// `unmap_view_of_section`.
#[test]
fn an_ordinary_view_leaves_no_placeholder() {
    let mut bench = Bench::new();
    let section = shared(&mut bench);
    bench.map(section, BASE, READWRITE).unwrap();
    let freed = bench.free(BASE, SIZE, PRESERVE);
    assert_eq!(freed, Err(Status::UnableToDeleteSection));
    assert_eq!(bench.unmap_with(BASE, 2), Err(CONFLICT));
    assert_eq!(bench.unmap_with(BASE, 0), Ok((BASE, SIZE)));
}

/// Microsoft, `MapViewOfFile3` and `UnmapViewOfFile2`.
#[test]
fn a_file_is_mapped_in_the_place_of_a_placeholder() {
    let mut bench = Bench::with_placeholder(SIZE);
    let file = tempfile::tempfile().unwrap();
    let backing = Backing::File(file.try_clone().unwrap(), crate::FileAccess::all());
    let attributes = SectionAttributes::COMMIT;
    let section = bench
        .machine
        .create_section(backing, READWRITE, attributes, SIZE);
    bench.map_replacing(section.unwrap(), (BASE, SIZE)).unwrap();
    bench.write(BASE + 0x1000, 5).unwrap();
    bench.unmap_with(BASE, 2).unwrap();
    let mut byte = [0];
    bench.machine.read_file(&file, 0x1000, &mut byte).unwrap();
    assert_eq!(byte, [5]);
    assert!(bench.is_placeholder(BASE, SIZE));
}

#[test]
fn a_view_that_cannot_be_mapped_leaves_its_placeholder() {
    let mut bench = Bench::with_ram(1 << 20);
    let size = 1 << 20;
    bench.alloc_ex(BASE, size, PLACEHOLDER, NOACCESS).unwrap();
    let reserved = bench.section(READWRITE, SectionAttributes::RESERVE, size);
    let mut request = ViewRequest {
        base: Some(VirtAddr::new(BASE)),
        offset: 0,
        size,
        commit: size,
        protection: READWRITE,
    };
    let (kind, process) = (AllocationType::REPLACE_PLACEHOLDER, bench.process);
    let anywhere = AddressRequirements::default();
    for protection in [READWRITE, WRITECOPY] {
        request.protection = protection;
        let section = *reserved.as_ref().unwrap();
        let machine = &mut bench.machine;
        let refused = machine.map_view_ex(process, section, &request, kind, &anywhere);
        assert_eq!(refused, Err(Status::CommitmentLimit));
        assert!(bench.is_placeholder(BASE, size));
    }
    let refused = bench.alloc_ex(BASE, size, REPLACE | COMMIT, READWRITE);
    assert_eq!(refused, Err(Status::CommitmentLimit));
    assert!(bench.is_placeholder(BASE, size));
}
