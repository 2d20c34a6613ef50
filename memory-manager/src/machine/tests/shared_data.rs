use super::*;
use crate::{DepPolicy, MemoryKind, SHARED_DATA, pte::PteState};

/// Wine's tests, ntdll `test_user_shared_data`; how it is told, by what `VirtualQuery` says of
/// it on Windows (known from literature only).
#[test]
fn one_page_of_the_system_is_read_by_all_processes() {
    assert_eq!(SHARED_DATA, 0x7ffe_0000);
    let mut bench = Bench::new();
    let first = bench.process;
    let second = bench.machine.create_process().unwrap();
    let mut frames = Vec::new();
    bench.machine.write_shared_data(0x14, &[42]).unwrap();
    for process in [first, second] {
        bench.process = process;
        assert_eq!(bench.read(SHARED_DATA + 0x14), Ok(42));
        let found = bench.query(SHARED_DATA);
        assert_eq!((found.base.as_u64(), found.size), (SHARED_DATA, PAGE));
        assert_eq!(found.allocation_base, Some(found.base));
        assert_eq!(found.allocation_protection, READONLY);
        assert_eq!(
            (found.state, found.protection, found.kind),
            (MemoryState::Commit, READONLY, Some(MemoryKind::Private))
        );
        let space = &bench.machine.spaces[&process];
        let entry = space.entry(&bench.machine.kernel.physical, SHARED_DATA);
        let PteState::Valid(valid) = entry.unwrap().state() else {
            panic!("it was read");
        };
        frames.push(valid.frame());
    }
    assert_eq!(frames[0], frames[1]);
    bench.machine.write_shared_data(0xfff, &[43]).unwrap();
    assert_eq!(bench.read(SHARED_DATA + 0xfff), Ok(43));
    for (offset, size) in [(0xfff, 2), (PAGE, 1), (u64::MAX, 1)] {
        let written = bench.machine.write_shared_data(offset, &vec![1; size]);
        assert_eq!(written, Err(Status::InvalidParameter));
    }
}

/// Wine's tests, ntdll `test_user_shared_data` (`NumberOfPhysicalPages`); Microsoft,
/// `ntddk.h`.
#[test]
fn the_shared_page_says_how_much_memory_there_is() {
    let mut bench = Bench::with_config(&MachineConfig {
        ram_bytes: 32 << 20,
        dep_policy: DepPolicy::OptOut,
        ..MachineConfig::default()
    });
    let mut page = [0; 0x1000];
    let (process, at) = (bench.process, VirtAddr::new(SHARED_DATA));
    bench.machine.read(process, at, &mut page).unwrap();
    assert_eq!(page[0x2e8..0x2ec], (32_u32 << 8).to_le_bytes());
    assert_eq!(page[0x244..0x248], 0x20_0000_u32.to_le_bytes());
    assert_eq!(page[0x2d4..0x2d7], [0, 3, 0]);
}

/// As of environment blocks; that it cannot be unmapped is a consequence of its being private.
#[test]
fn nobody_changes_the_shared_page() {
    const WRONG: Status = Status::InvalidPageProtection;
    let mut bench = Bench::new();
    assert_eq!(bench.write(SHARED_DATA, 1), violation(1, SHARED_DATA));
    for protection in [READONLY, READWRITE, NOACCESS, READONLY | GUARD] {
        assert_eq!(bench.protect(SHARED_DATA, 1, protection), Err(WRONG));
        let commit = bench.alloc(SHARED_DATA, 1, COMMIT, protection);
        assert_eq!(commit, Err(WRONG));
    }
    for kind in [RELEASE, DECOMMIT] {
        assert_eq!(bench.free(SHARED_DATA, 0, kind), Err(WRONG));
        assert_eq!(bench.free(SHARED_DATA, PAGE, kind), Err(WRONG));
    }
    let (process, at) = (bench.process, VirtAddr::new(SHARED_DATA));
    let unmapped = bench.machine.unmap_view(process, at);
    assert_eq!(unmapped, Err(Status::NotMappedView));
    let reserved = bench.alloc(SHARED_DATA, PAGE, RESERVE, READWRITE);
    assert_eq!(reserved, Err(Status::ConflictingAddresses));
    assert_eq!(bench.query(SHARED_DATA).protection, READONLY);
    bench.read(SHARED_DATA).unwrap();
}

/// It is there as long as somebody can read it.
#[test]
fn the_shared_page_goes_with_the_last_process() {
    let mut machine = Machine::new(&MachineConfig::default()).unwrap();
    let none = machine.write_shared_data(0, &[1]);
    assert_eq!(none, Err(Status::InvalidHandle));
    for _ in 0..2 {
        let (first, second) = (
            machine.create_process().unwrap(),
            machine.create_process().unwrap(),
        );
        machine.terminate_process(first).unwrap();
        let mut byte = [1];
        let at = VirtAddr::new(SHARED_DATA + 0x14);
        machine.read(second, at, &mut byte).unwrap();
        assert_eq!(byte, [0]);
        machine.write_shared_data(0x14, &[9]).unwrap();
        machine.terminate_process(second).unwrap();
        let left = (machine.frames_in_use(), machine.commit_charge());
        assert_eq!(left, (0, 0));
    }
}

#[test]
fn a_process_without_memory_for_the_shared_page_is_not_made() {
    for pages in 0..8 {
        let mut machine = Machine::new(&MachineConfig {
            ram_bytes: pages * PAGE,
            ..MachineConfig::default()
        })
        .unwrap();
        let made = machine.create_process();
        assert_eq!(made.is_ok(), pages >= 3, "{pages} pages");
        if made.is_err() {
            let left = (machine.frames_in_use(), machine.commit_charge());
            assert_eq!(left, (0, 0), "{pages} pages");
        }
        invariants::check(&machine);
    }
}
