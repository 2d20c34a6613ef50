use super::*;
use crate::{MemoryPriority, ProcessorArchitecture, WatchFlags, vad::USER_LIMIT};

/// ReactOS's kernel32, `VirtualAllocEx`.
#[test]
fn nothing_is_allocated_in_the_first_64_kib_by_whatever_kind() {
    let mut bench = Bench::new();
    let mut win32 = bench.win32();
    for kind in [RESERVE, COMMIT, BOTH, AllocationType::RESET] {
        for base in [1, 0x1000, 0xffff] {
            let base = Some(VirtAddr::new(base));
            let refused = win32.virtual_alloc(base, 0x1000, kind, READWRITE);
            assert_eq!(refused, Err(Status::InvalidParameter));
        }
    }
    let null = Some(VirtAddr::new(0));
    assert!(win32.virtual_alloc(null, 1, COMMIT, READWRITE).is_ok());
}

/// Microsoft, `VirtualFree`.
#[test]
fn regions_are_released_whole() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x2000, BOTH, READWRITE).unwrap();
    let mut win32 = bench.win32();
    let base = VirtAddr::new(BASE);
    let refused = win32.virtual_free(base, 0x1000, RELEASE);
    assert_eq!(refused.map_err(Status::win32), Err(87));
    let part = win32.virtual_free(base, 0x1000, DECOMMIT);
    assert_eq!(part.map(plain), Ok((BASE, 0x1000)));
    let whole = win32.virtual_free(base, 0, RELEASE);
    assert_eq!(whole.map(plain), Ok((BASE, 0x2000)));
}

/// Wine's tests, kernel32 `test_VirtualProtect`; which error comes first is ReactOS's
/// `NtProtectVirtualMemory`.
#[test]
fn protecting_needs_a_place_for_the_old_protection() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
    let mut win32 = bench.win32();
    let base = VirtAddr::new(BASE);
    let refused = win32.virtual_protect(base, 1, READONLY, None);
    assert_eq!(refused.map_err(Status::win32), Err(998));
    let wrong = win32.virtual_protect(base, 1, PageProtection::empty(), None);
    assert_eq!(wrong.map_err(Status::win32), Err(87));
    let mut old = PageProtection::empty();
    win32
        .virtual_protect(base, 1, READONLY, Some(&mut old))
        .unwrap();
    assert_eq!(old, READWRITE);
    let refused = win32.virtual_protect(base, 0x2000, READWRITE, Some(&mut old));
    assert_eq!(refused.map_err(Status::win32), Err(487));
    assert_eq!(old, READWRITE);
}

/// ReactOS's source only (`NtQueryVirtualMemory`).
#[test]
fn a_query_needs_room_for_its_answer() {
    let mut bench = Bench::new();
    let mut win32 = bench.win32();
    let base = VirtAddr::new(BASE);
    let bytes = MemoryInformation::BYTES;
    for length in [0, bytes - 1] {
        let refused = win32.virtual_query(base, length);
        assert_eq!(refused.map_err(Status::win32), Err(24));
    }
    for length in [bytes, usize::MAX] {
        assert!(win32.virtual_query(base, length).is_ok());
    }
    let kernels = win32.virtual_query(VirtAddr::new(USER_LIMIT), bytes);
    assert_eq!(kernels.map_err(Status::win32), Err(87));
}

/// Microsoft, `GetLastError`.
#[test]
fn the_last_error_is_kept_until_another_call_fails() {
    let mut bench = Bench::new();
    let mut win32 = bench.win32();
    let at = |offset| VirtAddr::new(BASE + offset);
    assert_eq!(win32.last_error(), 0);
    win32.virtual_free(at(0), 0, RELEASE).unwrap_err();
    assert_eq!(win32.last_error(), 487);
    win32
        .virtual_alloc(Some(at(0)), 0x1000, BOTH, READWRITE)
        .unwrap();
    assert_eq!(win32.last_error(), 487);
    win32.virtual_query(at(0), 0).unwrap_err();
    assert_eq!(win32.last_error(), 24);
    let watch = WatchFlags::empty();
    win32.get_write_watch(at(0), 1, watch, 1).unwrap_err();
    assert_eq!(win32.last_error(), 87);
    win32.set_last_error(0xdead_beef);
    assert_eq!(win32.last_error(), 0xdead_beef);
    win32.unmap_view_of_file(at(0)).unwrap_err();
    assert_eq!(win32.last_error(), 487);
}

/// Microsoft, `GetLastError`: it is kept until another one is.
#[test]
fn a_process_without_threads_keeps_its_last_error() {
    let mut bench = Bench::new();
    let address = VirtAddr::new(BASE);
    bench.win32().virtual_free(address, 0, RELEASE).unwrap_err();
    assert_eq!(bench.win32().last_error(), 487);
    let other = bench.switch();
    assert_eq!(bench.win32().last_error(), 0);
    bench.win32().set_last_error(5);
    bench.process = other;
    assert_eq!(bench.win32().last_error(), 487);
    bench.machine.terminate_process(other).unwrap();
    bench.win32().virtual_free(address, 0, RELEASE).unwrap_err();
    assert_eq!(bench.win32().last_error(), 0);
}

/// Microsoft, `GetLastError`: each thread has one. Where it is: the public symbols of the TEB.
#[test]
fn a_thread_keeps_its_last_error_in_its_environment_block() {
    let mut bench = Bench::new();
    let process = bench.process;
    let thread = |bench: &mut Bench| {
        let stack = crate::StackRequest::default();
        bench.machine.create_thread(process, stack).unwrap()
    };
    let (first, second) = (thread(&mut bench), thread(&mut bench));
    let teb = bench.machine.thread_environment(first).unwrap();
    let after = VirtAddr::new(teb.as_u64() + 0x6c);
    bench.machine.write(first, after, &[9]).unwrap();
    let mut win32 = Win32::new(&mut bench.machine, first);
    win32
        .virtual_free(VirtAddr::new(BASE), 0, RELEASE)
        .unwrap_err();
    assert_eq!(Win32::new(&mut bench.machine, first).last_error(), 487);
    assert_eq!(Win32::new(&mut bench.machine, second).last_error(), 0);
    let mut field = [0; 5];
    let at = VirtAddr::new(teb.as_u64() + 0x68);
    bench.machine.read(first, at, &mut field).unwrap();
    assert_eq!(field, [0xe7, 1, 0, 0, 9]);
    bench.machine.write(first, at, &[5, 0]).unwrap();
    assert_eq!(Win32::new(&mut bench.machine, first).last_error(), 5);
    bench.machine.terminate_thread(first).unwrap();
    let mut gone = Win32::new(&mut bench.machine, first);
    gone.set_last_error(7);
    assert_eq!(gone.last_error(), 0);
}

/// Wine's tests, ntdll `test_stack_growth_thread`, as Windows passes them.
#[test]
fn a_thread_protects_its_own_stack_as_itself() {
    let mut bench = Bench::new();
    let process = bench.process;
    let stack = crate::StackRequest {
        reserve: 0,
        commit: 4 * PAGE,
    };
    let thread = bench.machine.create_thread(process, stack).unwrap();
    let limit = bench.machine.stack(thread).unwrap().limit;
    let mut old = PageProtection::empty();
    let mut win32 = Win32::new(&mut bench.machine, thread);
    win32
        .virtual_protect(limit, 1, READWRITE | GUARD, Some(&mut old))
        .unwrap();
    let moved = bench.machine.stack(thread).unwrap().limit;
    assert_eq!(moved.as_u64(), limit.as_u64() + PAGE);
}

/// Microsoft, `VirtualAllocEx`, `VirtualProtectEx`, `VirtualQueryEx` and `VirtualFreeEx`.
#[test]
fn what_ends_with_ex_is_for_any_process() {
    let mut bench = Bench::new();
    let other = bench.machine.create_process().unwrap();
    let mut win32 = bench.win32();
    let base = VirtAddr::new(BASE);
    win32
        .virtual_alloc_ex(other, Some(base), 0x1000, BOTH, READWRITE)
        .unwrap();
    let mut old = PageProtection::empty();
    win32
        .virtual_protect_ex(other, base, 1, READONLY, Some(&mut old))
        .unwrap();
    let bytes = MemoryInformation::BYTES;
    let theirs = win32.virtual_query_ex(other, base, bytes).unwrap();
    assert_eq!(theirs.protection, READONLY);
    let ours = win32.virtual_query(base, bytes).unwrap();
    assert_eq!(ours.state, MemoryState::Free);
    win32.virtual_free_ex(other, base, 0, RELEASE).unwrap();
    let theirs = win32.virtual_query_ex(other, base, bytes).unwrap();
    assert_eq!(theirs.state, MemoryState::Free);
}

/// Microsoft, `SYSTEM_INFO`, `GetNativeSystemInfo` and `GetLargePageMinimum`.
#[test]
fn the_system_says_how_large_pages_and_where_programs_are() {
    let mut bench = Bench::new();
    let win32 = bench.win32();
    let native = win32.get_native_system_info();
    assert_eq!(win32.get_system_info(), Ok(native));
    assert_eq!(native.architecture.value(), 9);
    assert_eq!(native.page_size, 0x1000);
    assert_eq!(native.allocation_granularity, 0x1_0000);
    let (first, last) = (
        native.minimum_application_address,
        native.maximum_application_address,
    );
    assert_eq!(
        (first.as_u64(), last.as_u64()),
        (0x1_0000, 0x7fff_fffe_ffff)
    );
    assert_eq!((native.processors, native.active_processor_mask), (1, 1));
    assert_eq!(win32.get_large_page_minimum(), 0x20_0000);

    let small = crate::AddressLayout::TwoGiB;
    bench.process = bench.machine.create_process_with(small).unwrap();
    let win32 = bench.win32();
    assert_eq!(win32.get_native_system_info(), native);
    let seen = win32.get_system_info().unwrap();
    assert_eq!(seen.architecture, ProcessorArchitecture::Intel);
    assert_eq!(seen.architecture.value(), 0);
    assert_eq!(seen.maximum_application_address.as_u64(), 0x7ffe_ffff);
}

/// Microsoft, `DiscardVirtualMemory`: it gives the error itself.
#[test]
fn discarding_keeps_no_error() {
    let mut bench = Bench::new();
    let mut win32 = bench.win32();
    let refused = win32.discard_virtual_memory(VirtAddr::new(BASE), 0x1000);
    assert_eq!(refused.map_err(Status::win32), Err(487));
    assert_eq!(win32.last_error(), 0);
}

/// Microsoft, `SetProcessDEPPolicy`.
#[test]
fn a_64_bit_process_has_no_say_in_execution_prevention() {
    let mut bench = Bench::new();
    let process = bench.process;
    let mut win32 = bench.win32();
    assert_eq!(win32.get_system_dep_policy().value(), 2);
    win32
        .set_process_dep_policy(crate::DepFlags::ENABLE)
        .unwrap_err();
    assert_eq!(win32.last_error(), 50);
    win32.set_last_error(0);
    win32.get_process_dep_policy(process).unwrap_err();
    assert_eq!(win32.last_error(), 50);
}

/// Microsoft, `SetProcessInformation` and `MEMORY_PRIORITY_INFORMATION`: the priorities are from 1
/// to 5, and 5 at first; the headers have a 0, too. The error is this project's.
#[test]
fn the_memory_priority_of_a_process_is_a_number() {
    let mut bench = Bench::new();
    let process = bench.process;
    let mut win32 = bench.win32();
    assert_eq!(
        win32.process_memory_priority(process),
        Ok(MemoryPriority::Normal)
    );
    for priority in MemoryPriority::ALL {
        win32
            .set_process_memory_priority(process, priority.value())
            .unwrap();
        assert_eq!(win32.process_memory_priority(process), Ok(priority));
    }
    let refused = win32.set_process_memory_priority(process, 6);
    assert_eq!(refused, Err(Status::InvalidParameter));
    assert_eq!(win32.last_error(), 87);
    assert_eq!(
        win32.process_memory_priority(process),
        Ok(MemoryPriority::Normal)
    );
}

/// Microsoft, `QueryWorkingSet`.
#[test]
fn the_win32_api_tells_the_working_set_too() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 2 * PAGE, BOTH, READWRITE).unwrap();
    bench.read(BASE + PAGE).unwrap();
    let process = bench.process;
    let told = bench.win32().query_working_set(process).unwrap();
    assert!(told.iter().any(|(page, _)| page.as_u64() == BASE + PAGE));
    assert!(!told.iter().any(|(page, _)| page.as_u64() == BASE));
}
