use super::*;
use crate::{MemoryKind, RegionInformation, SectionAttributes};

const NOTHING: PageProtection = PageProtection::empty();

/// ReactOS's `MiQueryMemoryBasicInformation`; Wine's tests, kernel32 `test_VirtualAlloc`.
#[test]
fn what_is_alike_ends_with_its_region() {
    let mut bench = Bench::new();
    for base in [BASE, BASE + 0x1_0000] {
        bench.alloc(base, 0x1_0000, BOTH, READWRITE).unwrap();
    }
    let found = bench.query(BASE + 0x1234);
    assert_eq!(found.base.as_u64(), BASE + 0x1000);
    assert_eq!(found.allocation_base, Some(VirtAddr::new(BASE)));
    assert_eq!(found.size, 0xf000);
    let next = BASE + 0x1_0000;
    assert_eq!(bench.query(next).allocation_base, Some(VirtAddr::new(next)));
}

/// Wine's tests, kernel32 `test_VirtualAlloc`.
#[test]
fn what_is_free_goes_on_to_the_next_region() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x3000, BOTH, READONLY).unwrap();
    bench
        .alloc(BASE + 0x2_0000, 0x1000, RESERVE, READONLY)
        .unwrap();
    let found = bench.query(BASE + 0x4fff);
    assert_eq!(found.base.as_u64(), BASE + 0x4000);
    assert_eq!(found.size, 0x1_c000);
    assert_eq!(found.state, MemoryState::Free);
    assert_eq!(found.protection, NOACCESS);
    assert_eq!(found.allocation_protection, NOTHING);
    assert_eq!((found.allocation_base, found.kind), (None, None));
}

/// Wine's tests, kernel32 `test_VirtualAlloc`.
#[test]
fn committed_pages_of_one_protection_are_alike() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x8000, RESERVE, NOACCESS).unwrap();
    for (page, protection) in [(2, READWRITE), (1, READWRITE), (3, READONLY)] {
        bench
            .alloc(BASE + page * PAGE, PAGE, COMMIT, protection)
            .unwrap();
    }
    for (page, state, protection, pages) in [
        (0, MemoryState::Reserve, NOTHING, 1),
        (1, MemoryState::Commit, READWRITE, 2),
        (3, MemoryState::Commit, READONLY, 1),
        (4, MemoryState::Reserve, NOTHING, 4),
    ] {
        let run = bench.run(BASE + page * PAGE);
        assert_eq!(run, (state, protection, pages * PAGE));
    }
    assert_eq!(bench.query(BASE + PAGE).allocation_protection, NOACCESS);
}

/// ReactOS's source only (`MiQueryMemoryBasicInformation`).
#[test]
fn reserved_pages_are_alike_whatever_they_were() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x4000, BOTH, READWRITE).unwrap();
    bench.protect(BASE + PAGE, PAGE, READONLY).unwrap();
    bench.write(BASE + 2 * PAGE, 1).unwrap();
    bench.free(BASE + 2 * PAGE, PAGE, DECOMMIT).unwrap();
    bench.free(BASE, 2 * PAGE, DECOMMIT).unwrap();
    assert_eq!(bench.run(BASE), (MemoryState::Reserve, NOTHING, 0x3000));
}

/// Wine's tests, ntdll, of `MemoryRegionInformation`; what counts of a view, and the error
/// where there is none, Wine's source only (`get_memory_region_info`).
#[test]
fn a_region_is_told_as_a_whole() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 8 * PAGE, RESERVE, READONLY).unwrap();
    let region = |bench: &Bench, address| {
        let address = VirtAddr::new(address);
        let length = RegionInformation::BYTES;
        let told = bench.machine.query_region(bench.process, address, length)?;
        let base = told.allocation_base.as_u64();
        Ok((base, told.allocation_protection, told.size, told.commit))
    };
    let pages = |count| Ok((BASE, READONLY, 8 * PAGE, count * PAGE));
    assert_eq!(region(&bench, BASE + 0x7fff), pages(0));
    let (process, base) = (bench.process, VirtAddr::new(BASE));
    // Up to the field that Windows 7 did not have yet.
    for (length, refused) in [(0, true), (23, true), (24, false), (32, false)] {
        let told = bench.machine.query_region(process, base, length);
        assert_eq!(
            told.err(),
            refused.then_some(Status::InfoLengthMismatch),
            "{length}"
        );
    }
    bench
        .alloc(BASE + PAGE, 2 * PAGE, COMMIT, READWRITE)
        .unwrap();
    bench
        .alloc(BASE + 6 * PAGE, PAGE, COMMIT, NOACCESS)
        .unwrap();
    assert_eq!(region(&bench, BASE + 2 * PAGE), pages(3));
    let commit = SectionAttributes::COMMIT;
    let section = bench.section(READWRITE, commit, 4 * PAGE).unwrap();
    for (view, committed) in [(READWRITE, 0), (WRITECOPY, 4 * PAGE)] {
        bench.map(section, BASE + 0x1_0000, view).unwrap();
        let told = Ok((BASE + 0x1_0000, view, 4 * PAGE, committed));
        assert_eq!(region(&bench, BASE + 0x1_1000), told);
        bench.unmap(BASE + 0x1_0000).unwrap();
    }
    assert_eq!(region(&bench, BASE + 0x1_0000), Err(Status::InvalidAddress));
    for address in [crate::vad::USER_LIMIT, u64::MAX] {
        assert_eq!(region(&bench, address), Err(Status::InvalidParameter));
    }
}

/// Wine's tests, kernel32 `test_MapViewOfFile`.
#[test]
fn memory_is_private_or_a_view() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1000, RESERVE, READWRITE).unwrap();
    assert_eq!(bench.query(BASE).kind, Some(MemoryKind::Private));
    let commit = SectionAttributes::COMMIT;
    let section = bench.section(READWRITE, commit, 0x1234).unwrap();
    bench.map(section, BASE + 0x1_0000, READONLY).unwrap();
    let view = bench.query(BASE + 0x1_0000);
    assert_eq!(view.kind, Some(MemoryKind::Mapped));
    assert_eq!((view.allocation_protection, view.size), (READONLY, 0x2000));
}
