use super::*;
use crate::{ExceptionAccess, Privileges, SectionAttributes};

/// Microsoft, `EXCEPTION_RECORD`; Wine's tests, kernel32.
#[test]
fn a_violation_tells_what_was_tried_and_where() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x3000, RESERVE, READWRITE).unwrap();
    bench.alloc(BASE, 0x1000, COMMIT, READONLY).unwrap();
    assert_eq!(bench.write(BASE + 0x123, 1), violation(1, BASE + 0x123));
    assert_eq!(bench.execute(BASE + 0x123), violation(8, BASE + 0x123));
    // Reserved, free, in the upper half.
    for address in [BASE + 0x1123, BASE + 0x9000, 0xffff_8000_0000_0123, 0x123] {
        assert_eq!(bench.read(address), violation(0, address));
        assert_eq!(bench.write(address, 1), violation(1, address));
        assert_eq!(bench.execute(address), violation(8, address));
    }
}

/// Wine's source only (asked of Wine 8.0): what is reported for a general-protection fault, which
/// names no address.
#[test]
fn an_address_that_is_not_canonical_is_a_read_of_none() {
    let mut bench = Bench::new();
    for address in [1 << 47, 0x1234_5678_9abc_def0, 0xffff_7fff_ffff_ffff] {
        assert_eq!(bench.read(address), violation(0, u64::MAX));
        assert_eq!(bench.write(address, 1), violation(0, u64::MAX));
        assert_eq!(bench.execute(address), violation(0, u64::MAX));
    }
}

/// Microsoft, "Creating Guard Pages"; Wine's tests, kernel32 `test_guard_page`.
#[test]
fn a_guard_is_seen_once_and_on_its_page_alone() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x3000, BOTH, READWRITE | GUARD).unwrap();
    assert_eq!(bench.write(BASE + 0x1234, 1), guard(1, BASE + 0x1234));
    let bare = (MemoryState::Commit, READWRITE, 0x1000);
    assert_eq!(bench.run(BASE + 0x1000), bare);
    assert_eq!(bench.write(BASE + 0x1234, 1), Ok(()));
    assert_eq!(bench.read(BASE), guard(0, BASE));
    assert_eq!(bench.read(BASE), Ok(0));
    assert_eq!(bench.query(BASE + 0x2000).protection, READWRITE | GUARD);
}

/// Derived: Wine's tests have it for execution alone.
#[test]
fn a_guard_on_a_page_that_holds_something_keeps_what_it_holds() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
    bench.write(BASE, 3).unwrap();
    bench.protect(BASE, 1, READONLY | GUARD).unwrap();
    assert_eq!(bench.write(BASE, 4), guard(1, BASE));
    assert_eq!(bench.write(BASE, 4), violation(1, BASE));
    assert_eq!(bench.read(BASE), Ok(3));
}

/// Wine's tests, kernel32 `test_atl_thunk_emulation`.
#[test]
fn a_guard_comes_before_the_right_to_execute() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1000, BOTH, READWRITE | GUARD).unwrap();
    assert_eq!(bench.execute(BASE), guard(8, BASE));
    assert_eq!(bench.execute(BASE), violation(8, BASE));
}

/// ReactOS's source only (its fault handler).
#[test]
fn a_guard_that_was_only_reserved_with_is_inert() {
    let mut bench = Bench::new();
    bench
        .alloc(BASE, 0x2000, RESERVE, READWRITE | GUARD)
        .unwrap();
    assert_eq!(bench.read(BASE), violation(0, BASE));
    bench.alloc(BASE, 0x1000, COMMIT, READWRITE).unwrap();
    assert_eq!(bench.read(BASE), Ok(0));
    let next = BASE + 0x1000;
    bench
        .alloc(next, 0x1000, COMMIT, READWRITE | GUARD)
        .unwrap();
    assert_eq!(bench.read(next), guard(0, next));
}

/// Microsoft, "Memory Protection Constants": x86 cannot refuse to read what it executes.
#[test]
fn an_execute_page_can_be_read_and_is_still_called_execute() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1000, BOTH, EXECUTE).unwrap();
    assert_eq!(bench.execute(BASE), Ok(0));
    assert_eq!(bench.read(BASE), Ok(0));
    assert_eq!(bench.write(BASE, 1), violation(1, BASE));
    assert_eq!(bench.query(BASE).protection, EXECUTE);
}

#[test]
fn a_store_across_pages_is_made_whole_or_not_at_all() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x2000, RESERVE, READWRITE).unwrap();
    bench.alloc(BASE, 0x1000, COMMIT, READWRITE).unwrap();
    let (at, process) = (VirtAddr::new(BASE + 0xffc), bench.process);
    let refused = bench.machine.write(process, at, &[1; 8]).unwrap_err();
    assert_eq!(refused.address, BASE + 0x1000);
    assert_eq!(refused.access, ExceptionAccess::Write);
    let mut bytes = [9; 4];
    bench.machine.read(process, at, &mut bytes).unwrap();
    assert_eq!(bytes, [0; 4]);
    bench
        .alloc(BASE + 0x1000, 0x1000, COMMIT, READWRITE)
        .unwrap();
    bench.machine.write(process, at, &[1; 8]).unwrap();
    assert_eq!(bench.read(BASE + 0x1003), Ok(1));
}

#[test]
fn long_reads_and_writes_reach_over_many_pages() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x5000, BOTH, READWRITE).unwrap();
    let bytes: Vec<u8> = (0..0x4000_u32).map(|i| (i % 251) as u8).collect();
    let (at, process) = (VirtAddr::new(BASE + 0x123), bench.process);
    bench.machine.write(process, at, &bytes).unwrap();
    let mut back = vec![0; bytes.len()];
    bench.machine.read(process, at, &mut back).unwrap();
    assert_eq!(back, bytes);
}

/// Frames run out before commit does, since physical pages are charged to nobody: whichever
/// frame of a fault is the one too many, the fault takes none.
#[test]
fn a_fault_that_finds_no_frame_leaves_none_behind() {
    const FAR: u64 = 1 << 32;
    for shared in [Some(READWRITE), Some(WRITECOPY), None] {
        let mut failed = 0;
        for free in 0..12 {
            let mut bench = Bench::with_ram(4 << 20);
            let hog = bench.machine.create_process().unwrap();
            bench
                .machine
                .set_privileges(hog, Privileges::LOCK_MEMORY)
                .unwrap();
            let section = shared.map(|protection| {
                let commit = SectionAttributes::COMMIT;
                let section = bench.section(READWRITE, commit, PAGE).unwrap();
                bench.map(section, FAR, protection).unwrap();
                section
            });
            if section.is_none() {
                bench.alloc(FAR, PAGE, BOTH, READWRITE).unwrap();
            }
            let left = (4 << 20) / PAGE - bench.machine.frames_in_use();
            bench
                .machine
                .allocate_user_physical_pages(hog, left - free)
                .unwrap();
            failed += u64::from(bench.write(FAR, 1).is_err());
            invariants::check(&bench.machine);
            if let Some(section) = section {
                bench.machine.close_section(section).unwrap();
            }
            for process in [bench.process, hog] {
                bench.machine.terminate_process(process).unwrap();
            }
            let kept = (bench.machine.frames_in_use(), bench.machine.commit_charge());
            assert_eq!(kept, (0, 0), "{shared:?} with {free} free frames");
        }
        assert!((1..12).contains(&failed), "{shared:?}");
    }
}
