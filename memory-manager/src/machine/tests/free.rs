use super::*;
use crate::vad::USER_LIMIT;

fn reserved(pages: u64) -> Bench {
    let mut bench = Bench::new();
    bench.alloc(BASE, pages * 0x1000, BOTH, READWRITE).unwrap();
    bench
}

/// Wine's tests, kernel32 `test_VirtualAlloc`.
#[test]
fn memory_is_either_released_or_decommitted() {
    let mut bench = reserved(2);
    for bits in [0, 1, 2, 0x1_0000, 0xc000, 0xffff_ffff] {
        let refused = bench.free(BASE, 0, FreeType::from_bits_retain(bits));
        assert_eq!(refused, Err(Status::InvalidParameter4), "{bits:#x}");
    }
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx`.
#[test]
fn an_ordinary_region_is_no_placeholder() {
    let mut bench = reserved(2);
    for extra in [1, 2] {
        let kind = FreeType::from_bits_retain(0x8000 | extra);
        assert_eq!(bench.free(BASE, 0, kind), Err(Status::InvalidParameter3));
        let part = bench.free(BASE, 0x1000, kind);
        assert_eq!(part, Err(Status::ConflictingAddresses));
        let decommit = bench.free(BASE, 0x1000, FreeType::from_bits_retain(0x4000 | extra));
        assert_eq!(decommit, Err(Status::InvalidParameter4));
    }
    for bits in [0x4_2000, 0x7000] {
        let kind = AllocationType::from_bits_retain(bits);
        let refused = bench.alloc(BASE + 0x10_0000, 0x1000, kind, NOACCESS);
        assert_eq!(refused, Err(Status::InvalidParameter));
    }
}

/// Wine's tests, ntdll `test_NtFreeVirtualMemory`; ReactOS's tests, `NtFreeVirtualMemory`.
#[test]
fn releasing_a_part_leaves_regions_of_their_own() {
    let mut bench = reserved(6);
    for page in 0..6 {
        bench.write(BASE + page * 0x1000, 1).unwrap();
    }
    assert_eq!(bench.free(BASE + 1, 0xfff, RELEASE), Ok((BASE, 0x1000)));
    assert_eq!(
        bench.free(BASE + 0x3000, 1, RELEASE),
        Ok((BASE + 0x3000, 0x1000))
    );
    for (base, size) in [(BASE + 0x1000, 0x2000), (BASE + 0x4000, 0x2000)] {
        let found = bench.query(base);
        assert_eq!(found.allocation_base, Some(VirtAddr::new(base)));
        assert_eq!(found.size, size);
        assert_eq!(bench.read(base), Ok(1));
    }
    assert_eq!(bench.read(BASE + 0x3000), violation(0, BASE + 0x3000));
    assert_eq!(
        bench.free(BASE, 0, RELEASE),
        Err(Status::MemoryNotAllocated)
    );
    let last = BASE + 0x5000;
    assert_eq!(bench.free(last, 0x1000, RELEASE), Ok((last, 0x1000)));
    assert_eq!(bench.query(BASE + 0x4000).size, 0x1000);
    assert_eq!(bench.query(last).state, MemoryState::Free);
    bench.alloc(BASE, 0x1000, RESERVE, READWRITE).unwrap();
    let across = bench.free(BASE, 0x2000, DECOMMIT);
    assert_eq!(across, Err(Status::UnableToFreeVm));
    assert_eq!(
        bench.free(BASE + 0x1000, 0, RELEASE),
        Ok((BASE + 0x1000, 0x2000))
    );
}

/// ReactOS's tests, `NtFreeVirtualMemory`.
#[test]
fn pages_that_are_touched_by_the_range_are_released() {
    let mut bench = reserved(2);
    assert_eq!(bench.free(BASE + 1, 0x1000, RELEASE), Ok((BASE, 0x2000)));
    assert_eq!(bench.query(BASE).state, MemoryState::Free);
}

/// Wine's tests, ntdll `test_NtFreeVirtualMemory`.
#[test]
fn a_whole_region_is_named_by_its_first_page() {
    let mut bench = reserved(3);
    for kind in [RELEASE, DECOMMIT] {
        let refused = bench.free(BASE + 0x1000, 0, kind);
        assert_eq!(refused, Err(Status::FreeVmNotAtBase));
    }
    // Windows 10 from version 1803 on gives a size of 0.
    assert_eq!(bench.free(BASE + 0xfff, 0, DECOMMIT), Ok((BASE, 0)));
    assert_eq!(bench.query(BASE).state, MemoryState::Reserve);
    assert_eq!(bench.free(BASE + 0xfff, 0, RELEASE), Ok((BASE, 0x3000)));
}

/// Wine's tests, ntdll `test_NtFreeVirtualMemory`; ReactOS's tests, `NtAllocateVirtualMemory`;
/// outside user space, ReactOS's source only (`NtFreeVirtualMemory`).
#[test]
fn what_is_in_no_region_or_reaches_out_of_one_is_not_freed() {
    let mut bench = reserved(2);
    for kind in [RELEASE, DECOMMIT] {
        let beyond = bench.free(BASE + 0x1000, 0x2000, kind);
        assert_eq!(beyond, Err(Status::UnableToFreeVm));
        for base in [BASE - 0x1000, BASE + 0x2000, 0] {
            let nowhere = bench.free(base, 0x1000, kind);
            assert_eq!(nowhere, Err(Status::MemoryNotAllocated), "{base:#x}");
        }
        let outside = bench.free(USER_LIMIT, 0, kind);
        assert_eq!(outside, Err(Status::InvalidParameter2));
        let long = bench.free(BASE, u64::MAX, kind);
        assert_eq!(long, Err(Status::InvalidParameter3));
    }
}

/// Wine's tests, ntdll `test_NtFreeVirtualMemory`; Microsoft, `VirtualFree`.
#[test]
fn decommitting_takes_every_page_that_the_range_touches_and_may_be_repeated() {
    let mut bench = reserved(4);
    for _ in 0..2 {
        let done = bench.free(BASE + 0x1fff, 2, DECOMMIT);
        assert_eq!(done, Ok((BASE + 0x1000, 0x2000)));
    }
    let nothing = PageProtection::empty();
    let hole = (MemoryState::Reserve, nothing, 0x2000);
    assert_eq!(bench.run(BASE + 0x1000), hole);
    assert_eq!(bench.query(BASE + 0x3000).state, MemoryState::Commit);
}

/// Microsoft, `VirtualFree`.
#[test]
fn what_was_never_committed_can_be_decommitted() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x3000, RESERVE, READWRITE).unwrap();
    let done = bench.free(BASE + 0x1000, 0x1000, DECOMMIT);
    assert_eq!(done, Ok((BASE + 0x1000, 0x1000)));
    assert_eq!(bench.free(BASE, 0, DECOMMIT), Ok((BASE, 0)));
}

/// Microsoft, `VirtualAlloc`: pages are zeros when they are first touched.
#[test]
fn what_was_decommitted_is_zeros_when_it_comes_back() {
    let mut bench = reserved(2);
    bench.write(BASE, 5).unwrap();
    bench.free(BASE, 0x1000, DECOMMIT).unwrap();
    assert_eq!(bench.read(BASE), violation(0, BASE));
    bench.alloc(BASE, 0x1000, COMMIT, READWRITE).unwrap();
    assert_eq!(bench.read(BASE), Ok(0));
}

#[test]
fn releasing_returns_every_frame_and_page_table() {
    let mut bench = Bench::new();
    let before = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    bench.alloc(BASE, 0x80_0000, RESERVE, READWRITE).unwrap();
    for page in (0..0x80_0000).step_by(0x3_0000) {
        bench.alloc(BASE + page, 0x1000, COMMIT, READWRITE).unwrap();
        bench.write(BASE + page, 1).unwrap();
    }
    assert!(bench.machine.frames_in_use() > before.0 + 40);
    bench.free(BASE, 0, RELEASE).unwrap();
    let after = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    assert_eq!(after, before);
}
