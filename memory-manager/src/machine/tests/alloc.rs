use super::*;
use crate::{MemoryKind, vad::USER_LIMIT};

const GRANULE: u64 = 0x1_0000;

/// Wine's tests, kernel32 `test_VirtualAlloc`.
#[test]
fn a_reservation_is_private_reserved_memory_of_whole_pages() {
    let mut bench = Bench::new();
    let process = bench.process;
    let done = bench
        .machine
        .virtual_alloc(process, None, 0xfffc, RESERVE, READONLY);
    let (base, size) = plain(done.unwrap());
    assert_eq!((base % GRANULE, size), (0, GRANULE));
    let found = bench.query(base);
    assert_eq!(found.allocation_base, Some(VirtAddr::new(base)));
    assert_eq!(found.allocation_protection, READONLY);
    assert_eq!(found.kind, Some(MemoryKind::Private));
    let nothing = PageProtection::empty();
    assert_eq!(bench.run(base), (MemoryState::Reserve, nothing, GRANULE));
}

/// ReactOS's tests, `NtAllocateVirtualMemory`.
#[test]
fn a_reservation_starts_at_64_kib_and_ends_at_a_page() {
    for (base, size, start, rounded) in [
        (0x5000_8000, 1, 0x5000_0000, 0x9000),
        (0x5000_0010, 0x1000, 0x5000_0000, 0x2000),
        (0x5000_ffff, 0x3000, 0x5000_0000, 0x1_3000),
        (0x5000_1010, 0xc000, 0x5000_0000, 0xe000),
    ] {
        let mut bench = Bench::new();
        assert_eq!(
            bench.alloc(base, size, RESERVE, READWRITE),
            Ok((start, rounded))
        );
    }
}

/// ReactOS's tests, `ZwAllocateVirtualMemory` and `NtAllocateVirtualMemory`; Wine's tests,
/// kernel32 `test_VirtualAlloc`.
#[test]
fn sizes_and_bases_outside_user_space_are_refused_by_argument() {
    let mut bench = Bench::new();
    for (base, size, status) in [
        (BASE, 0, Status::InvalidParameter4),
        (BASE, u64::MAX, Status::InvalidParameter4),
        (BASE, USER_LIMIT - BASE, Status::InvalidParameter4),
        (0, u64::MAX, Status::InvalidParameter4),
        (USER_LIMIT, 0x1000, Status::InvalidParameter2),
        (u64::MAX, u64::MAX, Status::InvalidParameter2),
        (0xf000, 0x1000, Status::InvalidParameter2),
        (1, 0x1000, Status::InvalidParameter2),
    ] {
        let refused = bench.alloc(base, size, RESERVE, READWRITE);
        assert_eq!(refused, Err(status), "{base:#x} {size:#x}");
    }
}

/// The protections: Wine's tests, kernel32 `test_VirtualAlloc_protection`, and ReactOS's,
/// `ZwAllocateVirtualMemory`; that they come first, ReactOS's source only
/// (`NtAllocateVirtualMemory`).
#[test]
fn a_wrong_protection_is_refused_before_the_addresses_are_looked_at() {
    let mut bench = Bench::new();
    bench.alloc(BASE, GRANULE, BOTH, READWRITE).unwrap();
    for bits in [0, u32::MAX, 3, 8, 0x80, 0x101, 0x304, 0x804, 0x1004] {
        let protection = PageProtection::from_bits_retain(bits);
        for base in [0, BASE, BASE + 16 * GRANULE] {
            let refused = bench.alloc(base, 0x1000, BOTH, protection);
            assert_eq!(refused, Err(Status::InvalidPageProtection), "{bits:#x}");
        }
    }
}

/// Wine's tests, kernel32 `test_VirtualAlloc_protection`; ReactOS's tests,
/// `ZwAllocateVirtualMemory`.
#[test]
fn private_memory_is_not_allocated_write_copy() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1000, RESERVE, READWRITE).unwrap();
    for protection in [WRITECOPY, PageProtection::EXECUTE_WRITECOPY] {
        for (base, kind) in [(BASE, COMMIT), (0, RESERVE), (0, COMMIT), (0, BOTH)] {
            let refused = bench.alloc(base, 0x1000, kind, protection);
            assert_eq!(refused, Err(Status::InvalidPageProtection), "{kind:?}");
        }
    }
}

/// Microsoft, `VirtualAlloc`; Wine's tests, kernel32 `test_VirtualAlloc`; ReactOS's tests,
/// `ZwAllocateVirtualMemory`.
#[test]
fn types_that_do_not_go_together_are_refused() {
    let mut bench = Bench::new();
    let unknown = 0x4000_0000;
    for bits in [
        0,
        0x10_0000,
        0x8_1000,
        0x8_2000,
        0x18_0000,
        0x20_0000,
        0x20_1000,
        0x40_0000,
        0x40_1000,
        0x40_3000,
        0x2000_0000,
        0x2000_1000,
        0x2000_2000,
        0x2008_3000,
        0x2020_3000,
        0x2040_3000,
        0x100_1000,
        unknown | 0x3000,
        u32::MAX,
    ] {
        let kind = AllocationType::from_bits_retain(bits);
        let refused = bench.alloc(BASE, 0x1000, kind, READWRITE);
        assert_eq!(refused, Err(Status::InvalidParameter5), "{bits:#x}");
    }
}

/// ReactOS's tests, `NtAllocateVirtualMemory`; Wine's tests, ntdll
/// `test_NtAllocateVirtualMemory`.
#[test]
fn a_reservation_that_meets_a_region_is_refused() {
    let mut bench = Bench::new();
    bench
        .alloc(BASE + 0x4000, 0x1000, RESERVE, READWRITE)
        .unwrap();
    for (base, size) in [(BASE, 1), (BASE + 0x8000, 1), (BASE - GRANULE, 2 * GRANULE)] {
        for kind in [RESERVE, BOTH] {
            let refused = bench.alloc(base, size, kind, READWRITE);
            assert_eq!(refused, Err(Status::ConflictingAddresses), "{base:#x}");
        }
    }
}

/// Microsoft, `VirtualAlloc`; Wine's tests, kernel32 `test_VirtualAlloc`.
#[test]
fn without_an_address_a_commit_reserves_too() {
    let mut bench = Bench::new();
    let process = bench.process;
    let done = bench
        .machine
        .virtual_alloc(process, None, 1, COMMIT, READWRITE);
    let (base, size) = plain(done.unwrap());
    assert_eq!((base % GRANULE, size), (0, 0x1000));
    assert_eq!(bench.run(base), (MemoryState::Commit, READWRITE, 0x1000));
    assert_eq!(bench.read(base), Ok(0));
}

/// ReactOS's tests, `NtAllocateVirtualMemory`; Microsoft, `VirtualAlloc`.
#[test]
fn a_commit_keeps_to_one_region_and_rounds_to_pages() {
    let mut bench = Bench::new();
    bench.alloc(BASE, GRANULE, RESERVE, READWRITE).unwrap();
    bench
        .alloc(BASE + GRANULE, GRANULE, RESERVE, READWRITE)
        .unwrap();
    for (base, size) in [
        (BASE - 0x1000, 0x1000),
        (BASE + 0xf000, 0x2000),
        (BASE + 2 * GRANULE - 1, 2),
    ] {
        let refused = bench.alloc(base, size, COMMIT, READWRITE);
        assert_eq!(refused, Err(Status::ConflictingAddresses), "{base:#x}");
    }
    let nothing = PageProtection::empty();
    for base in [BASE, BASE + GRANULE] {
        assert_eq!(bench.run(base), (MemoryState::Reserve, nothing, GRANULE));
    }
    assert_eq!(
        bench.alloc(BASE + 0x1fff, 2, COMMIT, READWRITE),
        Ok((BASE + 0x1000, 0x2000))
    );
    let committed = (MemoryState::Commit, READWRITE, 0x2000);
    assert_eq!(bench.run(BASE + 0x1000), committed);
}

/// ReactOS's tests, `NtAllocateVirtualMemory`; Wine's tests, kernel32 `test_VirtualAlloc`.
#[test]
fn a_commit_of_committed_pages_changes_their_protection_and_not_their_content() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x3000, BOTH, READWRITE).unwrap();
    bench.write(BASE + 0x1000, 7).unwrap();
    bench
        .alloc(BASE + 0x1000, 0x1000, COMMIT, READONLY)
        .unwrap();
    assert_eq!(bench.read(BASE + 0x1000), Ok(7));
    assert_eq!(bench.write(BASE + 0x1000, 8), violation(1, BASE + 0x1000));
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, 0x1000));
    let found = bench.query(BASE + 0x1000);
    assert_eq!(found.protection, READONLY);
    assert_eq!(found.allocation_protection, READWRITE);
}

/// Wine's tests, kernel32 `test_VirtualAlloc`; Microsoft, `VirtualAlloc`.
#[test]
fn a_reset_leaves_state_and_protection_and_keeps_to_its_region() {
    let mut bench = Bench::new();
    let reset = AllocationType::RESET;
    bench.alloc(BASE, 0x3000, RESERVE, READWRITE).unwrap();
    bench.alloc(BASE, 0x1000, COMMIT, READONLY).unwrap();
    assert_eq!(
        bench.alloc(BASE, 0x3000, reset, NOACCESS),
        Ok((BASE, 0x3000))
    );
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READONLY, 0x1000));
    assert_eq!(bench.query(BASE + 0x1000).state, MemoryState::Reserve);
    let beyond = bench.alloc(BASE, 0x4000, reset, NOACCESS);
    assert_eq!(beyond, Err(Status::ConflictingAddresses));
    let wrong = bench.alloc(BASE, 0x1000, reset, PageProtection::empty());
    assert_eq!(wrong, Err(Status::InvalidPageProtection));
}

/// Microsoft, `VirtualAlloc`.
#[test]
fn from_the_top_down_means_above_what_comes_from_the_bottom_up() {
    let mut bench = Bench::new();
    let process = bench.process;
    let mut place = |kind| {
        let done = bench
            .machine
            .virtual_alloc(process, None, 0x1000, kind, READWRITE);
        done.unwrap().base.as_u64()
    };
    let low = [place(BOTH), place(BOTH)];
    let top_down = BOTH | AllocationType::TOP_DOWN;
    let high = [place(top_down), place(top_down)];
    assert_eq!(low[1], low[0] + GRANULE);
    assert_eq!(high[1], high[0] - GRANULE);
    assert!(high[1] > low[1]);
    // To commit without an address reserves, too.
    assert_eq!(place(COMMIT | AllocationType::TOP_DOWN), high[1] - GRANULE);
}

/// ReactOS's tests, `ZwAllocateVirtualMemory`.
#[test]
fn an_address_that_is_asked_for_comes_before_the_top() {
    let mut bench = Bench::new();
    let kind = RESERVE | AllocationType::TOP_DOWN;
    let done = bench.alloc(BASE, 0x1000, kind, READWRITE);
    assert_eq!(done, Ok((BASE, 0x1000)));
}

/// ReactOS's tests, `NtAllocateVirtualMemory`.
#[test]
fn a_page_that_is_committed_without_access_can_be_committed_with() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1000, BOTH, NOACCESS).unwrap();
    assert_eq!(bench.read(BASE), violation(0, BASE));
    bench.alloc(BASE, 0x1000, COMMIT, READONLY).unwrap();
    assert_eq!(bench.read(BASE), Ok(0));
}

/// ReactOS's source only (`NtAllocateVirtualMemory`).
#[test]
fn the_process_is_looked_for_after_the_arguments() {
    let mut bench = Bench::new();
    let gone = bench.machine.create_process().unwrap();
    bench.machine.terminate_process(gone).unwrap();
    bench.process = gone;
    for (size, kind, protection, status) in [
        (
            1,
            AllocationType::empty(),
            READWRITE,
            Status::InvalidParameter5,
        ),
        (1, BOTH, NOACCESS | GUARD, Status::InvalidPageProtection),
        (0, BOTH, READWRITE, Status::InvalidParameter4),
        (1, BOTH, READWRITE, Status::InvalidHandle),
    ] {
        assert_eq!(bench.alloc(BASE, size, kind, protection), Err(status));
    }
}

/// Wine's tests, kernel32 `test_VirtualAlloc`: how memory is cached stays as reserved.
#[test]
fn uncached_memory_stays_uncached_and_other_memory_cached() {
    let mut bench = Bench::new();
    let uncached = READWRITE | PageProtection::NOCACHE;
    bench.alloc(BASE, 0x2000, BOTH, uncached).unwrap();
    assert_eq!(bench.protect(BASE, 0x1000, READONLY), Ok(uncached));
    assert_eq!(
        bench.query(BASE).protection,
        READONLY | PageProtection::NOCACHE
    );
    bench
        .alloc(BASE + GRANULE, 0x1000, BOTH, READWRITE)
        .unwrap();
    bench.protect(BASE + GRANULE, 0x1000, uncached).unwrap();
    assert_eq!(bench.query(BASE + GRANULE).protection, READWRITE);
}

/// ReactOS's tests, `NtAllocateVirtualMemory`; Microsoft, `VirtualAlloc`.
#[test]
fn what_is_left_of_a_granule_is_free_and_of_no_use() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x3000, RESERVE, READWRITE).unwrap();
    let left = bench.query(BASE + 0x3fff);
    assert_eq!(left.base.as_u64(), BASE + 0x3000);
    assert_eq!((left.state, left.protection), (MemoryState::Free, NOACCESS));
    assert_eq!((left.allocation_base, left.kind), (None, None));
    let refused = bench.alloc(BASE + 0x3000, 0x1000, RESERVE, READWRITE);
    assert_eq!(refused, Err(Status::ConflictingAddresses));
}

/// Microsoft, `VirtualQuery`.
#[test]
fn nothing_is_told_of_addresses_outside_user_space() {
    let bench = Bench::new();
    let query = |address| {
        let address = VirtAddr::new(address);
        bench.machine.virtual_query(bench.process, address)
    };
    assert!(query(0x7fff_fffe_ffff).is_ok() && query(0).is_ok());
    for address in [0x7fff_ffff_0000, 1 << 63, u64::MAX] {
        assert_eq!(query(address), Err(Status::InvalidParameter));
    }
}

#[test]
fn more_than_there_is_cannot_be_promised() {
    let base = 1 << 40;
    let mut bench = Bench::new();
    let before = bench.machine.commit_charge();
    let refused = bench.alloc(base, 1 << 30, BOTH, READWRITE);
    assert_eq!(refused, Err(Status::CommitmentLimit));
    bench.alloc(base, 1 << 40, RESERVE, READWRITE).unwrap();
    let refused = bench.alloc(base, 1 << 30, COMMIT, READWRITE);
    assert_eq!(refused, Err(Status::CommitmentLimit));
    assert_eq!(bench.machine.commit_charge(), before);
}

#[test]
fn a_process_that_is_gone_has_no_memory() {
    let mut bench = Bench::new();
    let other = bench.machine.create_process().unwrap();
    bench.machine.terminate_process(other).unwrap();
    let at = VirtAddr::new(BASE);
    let machine = &mut bench.machine;
    let gone = Err(Status::InvalidHandle);
    let allocated = machine.virtual_alloc(other, Some(at), 1, BOTH, READWRITE);
    assert_eq!(allocated.map(plain), gone);
    assert_eq!(machine.virtual_query(other, at).map(|_| (0, 0)), gone);
    assert_eq!(machine.terminate_process(other).map(|()| (0, 0)), gone);
    let refused = machine.read(other, at, &mut [0]).unwrap_err();
    assert_eq!(refused.code, Status::InvalidHandle);
}
