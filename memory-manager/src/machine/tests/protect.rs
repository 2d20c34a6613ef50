use super::*;

/// Wine's tests, kernel32 `test_VirtualProtect`.
#[test]
fn a_page_that_is_not_committed_stops_the_whole_call() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x3000, RESERVE, READWRITE).unwrap();
    bench.alloc(BASE, 0x2000, COMMIT, READWRITE).unwrap();
    let refused = bench.protect(BASE, 0x3000, READONLY);
    assert_eq!(refused, Err(Status::NotCommitted));
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, 0x2000));
}

/// Microsoft, `VirtualProtect`.
#[test]
fn pages_of_different_protections_become_alike_and_the_first_one_is_told() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x3000, BOTH, READWRITE).unwrap();
    assert_eq!(bench.protect(BASE + 0x1000, 1, READONLY), Ok(READWRITE));
    assert_eq!(bench.protect(BASE + 0x1fff, 2, EXECUTE_READ), Ok(READONLY));
    let alike = (MemoryState::Commit, EXECUTE_READ, 0x2000);
    assert_eq!(bench.run(BASE + 0x1000), alike);
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, 0x1000));
}

/// Wine's tests, kernel32 `test_VirtualProtect`; that it comes before what is not committed,
/// ReactOS's source only (`MiProtectVirtualMemory`).
#[test]
fn private_memory_is_never_write_copy_committed_or_not() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x2000, RESERVE, READWRITE).unwrap();
    bench.alloc(BASE, 0x1000, COMMIT, READWRITE).unwrap();
    for base in [BASE, BASE + 0x1000] {
        for protection in [WRITECOPY, PageProtection::EXECUTE_WRITECOPY] {
            let refused = bench.protect(base, 0x1000, protection);
            assert_eq!(refused, Err(Status::InvalidParameter4));
        }
    }
    for bits in [0, 3, 0x101, 0x804, u32::MAX] {
        let refused = bench.protect(BASE, 1, PageProtection::from_bits_retain(bits));
        assert_eq!(refused, Err(Status::InvalidPageProtection));
    }
}

/// ReactOS's source only (`NtProtectVirtualMemory` and `MiProtectVirtualMemory`).
#[test]
fn protecting_keeps_to_one_region() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1_0000, BOTH, READWRITE).unwrap();
    bench
        .alloc(BASE + 0x1_0000, 0x1000, BOTH, READWRITE)
        .unwrap();
    for (base, size) in [(BASE - 1, 1), (BASE, 0x1_0001), (BASE + 0x2_0000, 1)] {
        let refused = bench.protect(base, size, READONLY);
        assert_eq!(refused, Err(Status::ConflictingAddresses), "{base:#x}");
    }
    for (base, size, status) in [
        (BASE, 0, Status::InvalidParameter3),
        (BASE, u64::MAX, Status::InvalidParameter3),
        (u64::MAX, 1, Status::InvalidParameter2),
    ] {
        assert_eq!(bench.protect(base, size, READONLY), Err(status));
    }
}

/// ReactOS's tests, `NtProtectVirtualMemory`.
#[test]
fn what_a_page_holds_outlives_a_time_without_access() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
    bench.write(BASE + 5, 9).unwrap();
    bench.protect(BASE, 1, NOACCESS).unwrap();
    assert_eq!(bench.read(BASE + 5), violation(0, BASE + 5));
    assert_eq!(bench.protect(BASE, 1, READWRITE), Ok(NOACCESS));
    assert_eq!(bench.read(BASE + 5), Ok(9));
}

#[test]
fn a_right_that_is_taken_is_gone_at_once() {
    let mut bench = Bench::new();
    bench
        .alloc(BASE, 0x1000, BOTH, PageProtection::EXECUTE_READWRITE)
        .unwrap();
    bench.write(BASE, 1).unwrap();
    bench.execute(BASE).unwrap();
    bench.protect(BASE, 1, READWRITE).unwrap();
    assert_eq!(bench.execute(BASE), violation(8, BASE));
    bench.protect(BASE, 1, READONLY).unwrap();
    assert_eq!(bench.write(BASE, 2), violation(1, BASE));
    assert_eq!(bench.read(BASE), Ok(1));
}
