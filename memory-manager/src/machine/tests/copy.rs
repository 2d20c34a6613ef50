use super::*;
use crate::{Backing, CopyError, SectionAttributes, ViewRequest, Win32};

const EXECUTE_READWRITE: PageProtection = PageProtection::EXECUTE_READWRITE;

/// Where the second process has its memory.
const OTHER: u64 = 0x6000_0000;

/// Two processes with eight pages each.
struct Pair {
    bench: Bench,
    other: ProcessId,
}

impl Pair {
    fn new() -> Self {
        let mut bench = Bench::new();
        bench.alloc(BASE, 0x8000, BOTH, READWRITE).unwrap();
        let other = bench.machine.create_process().unwrap();
        let base = Some(VirtAddr::new(OTHER));
        bench
            .machine
            .virtual_alloc(other, base, 0x8000, BOTH, READWRITE)
            .unwrap();
        Self { bench, other }
    }

    fn protect_other(&mut self, offset: u64, size: u64, protection: PageProtection) {
        let base = VirtAddr::new(OTHER + offset);
        let done = self
            .bench
            .machine
            .virtual_protect(self.other, base, size, protection);
        done.unwrap();
    }

    /// All that the second process can be written from the first, as by
    /// `NtWriteVirtualMemory`.
    fn write(&mut self) -> Result<(), CopyError> {
        let source = (self.bench.process, VirtAddr::new(BASE));
        let target = (self.other, VirtAddr::new(OTHER));
        self.bench
            .machine
            .copy_virtual_memory(source, target, 0x8000)
    }

    /// The same the other way, as by `NtReadVirtualMemory`.
    fn read(&mut self) -> Result<(), CopyError> {
        let source = (self.other, VirtAddr::new(OTHER));
        let target = (self.bench.process, VirtAddr::new(BASE));
        self.bench
            .machine
            .copy_virtual_memory(source, target, 0x8000)
    }

    /// The same, as by `WriteProcessMemory`.
    fn write_win32(&mut self) -> Result<(), CopyError> {
        let mut win32 = Win32::new(&mut self.bench.machine, self.bench.process);
        let bytes = vec![7; 0x8000];
        win32.set_last_error(0);
        let done = win32.write_process_memory(self.other, VirtAddr::new(OTHER), &bytes);
        let error = done.map_or_else(|error| error.code.win32(), |()| 0);
        assert_eq!(win32.last_error(), error);
        done
    }

    fn query_other(&self, offset: u64) -> PageProtection {
        let address = VirtAddr::new(OTHER + offset);
        let found = self.bench.machine.virtual_query(self.other, address);
        found.unwrap().protection
    }
}

fn partial<T>(copied: u64) -> Result<T, CopyError> {
    Err(CopyError {
        code: Status::PartialCopy,
        copied: Some(copied),
    })
}

fn untouched<T>(code: Status) -> Result<T, CopyError> {
    Err(CopyError { code, copied: None })
}

/// Wine's tests, kernel32 `test_VirtualAllocEx`.
#[test]
fn memory_of_another_process_is_written_and_read() {
    let mut pair = Pair::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(0x8000).collect();
    let (machine, process) = (&mut pair.bench.machine, pair.bench.process);
    machine
        .write_virtual_memory(process, VirtAddr::new(BASE), &bytes)
        .unwrap();
    pair.write().unwrap();
    let mut read = vec![0; 0x8000];
    let (machine, at) = (&mut pair.bench.machine, VirtAddr::new(OTHER));
    machine
        .read_virtual_memory(pair.other, at, &mut read)
        .unwrap();
    assert!(read == bytes);
    // Nothing can be copied anywhere.
    let nowhere = VirtAddr::new(0);
    machine
        .read_virtual_memory(pair.other, nowhere, &mut [])
        .unwrap();
    machine
        .write_virtual_memory(pair.other, nowhere, &[])
        .unwrap();
}

/// Wine's tests, kernel32 `test_ReadProcessMemory` and `test_VirtualAllocEx` ("invalid source
/// buffers").
#[test]
fn a_page_that_cannot_be_read_lets_none_before_it_through() {
    let mut pair = Pair::new();
    pair.bench.write(BASE, 5).unwrap();
    pair.bench.protect(BASE + 0x2000, 0x2000, NOACCESS).unwrap();
    assert_eq!(pair.write(), partial(0));
    let (machine, process) = (&mut pair.bench.machine, pair.bench.process);
    let mut buffer = [9; 0x3000];
    let read = machine.read_virtual_memory(process, VirtAddr::new(BASE), &mut buffer);
    assert_eq!(read, partial(0));
    assert!(buffer == [9; 0x3000]);
    let mut win32 = pair.bench.win32();
    let read = win32.read_process_memory(process, VirtAddr::new(BASE), &mut buffer);
    assert_eq!((read, win32.last_error()), (partial(0), 299));
    let machine = &mut pair.bench.machine;
    machine
        .read_virtual_memory(process, VirtAddr::new(BASE), &mut buffer[..0x2000])
        .unwrap();
    assert_eq!(buffer[0], 5);
}

/// ReactOS's `MiDoMappedCopy`.
#[test]
fn fourteen_pages_are_read_at_a_time() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 20 * PAGE, BOTH, READWRITE).unwrap();
    bench.protect(BASE + 15 * PAGE, PAGE, NOACCESS).unwrap();
    let mut buffer = vec![0; 16 * 0x1000];
    let (machine, process) = (&mut bench.machine, bench.process);
    let read = machine.read_virtual_memory(process, VirtAddr::new(BASE), &mut buffer);
    assert_eq!(read, partial(14 * PAGE));
    // From the middle of a page on, the pieces are as long.
    let read = machine.read_virtual_memory(process, VirtAddr::new(BASE + 0x1800), &mut buffer);
    assert_eq!(read, partial(0));
}

/// Wine's tests, kernel32 `test_VirtualAllocEx`, as Windows 10 from version 1607 on passes
/// them.
#[test]
fn a_page_that_cannot_be_written_ends_the_copy_there() {
    let mut pair = Pair::new();
    pair.bench.protect(BASE + 0x2000, 0x2000, NOACCESS).unwrap();
    assert_eq!(pair.read(), partial(0x2000));
    pair.bench.protect(BASE, 0x2000, NOACCESS).unwrap();
    assert_eq!(pair.read(), partial(0));
}

/// Wine's tests, kernel32 `test_VirtualAllocEx` ("readonly buffers"), as Windows 10 from
/// version 1511 on passes them.
#[test]
fn write_process_memory_goes_by_the_first_page_and_opens_code() {
    let mut pair = Pair::new();
    pair.protect_other(0, 0x8000, READONLY);
    let refused = pair.write_win32();
    assert_eq!(refused, untouched(Status::AccessViolation));
    assert_eq!(refused.unwrap_err().code.win32(), 998);
    assert_eq!(pair.write(), partial(0));

    pair.protect_other(0, 0x8000, EXECUTE_READ);
    assert_eq!(pair.write(), partial(0));
    pair.write_win32().unwrap();
    assert_eq!(pair.query_other(0x7000), EXECUTE_READ);
    let mut last = [0];
    let (machine, at) = (&mut pair.bench.machine, VirtAddr::new(OTHER + 0x7fff));
    machine.read(pair.other, at, &mut last).unwrap();
    assert_eq!(last, [7]);

    for tail in [EXECUTE_READ, READONLY] {
        pair.protect_other(0, 0x2000, EXECUTE_READWRITE);
        pair.protect_other(0x2000, 0x6000, tail);
        assert_eq!(pair.write_win32(), partial(0x2000));
        assert_eq!(pair.write(), partial(0x2000));
    }
}

/// What is written to a view of code must not reach who else maps it: Microsoft, "Memory
/// Protection Constants" (`PAGE_EXECUTE_WRITECOPY`).
#[test]
fn what_is_written_to_code_of_a_section_is_the_processes_own() {
    let mut bench = Bench::new();
    let section = bench.machine.create_section(
        Backing::PageFile,
        EXECUTE_READWRITE,
        SectionAttributes::COMMIT,
        PAGE,
    );
    let section = section.unwrap();
    for base in [BASE, OTHER] {
        let request = ViewRequest {
            base: Some(VirtAddr::new(base)),
            offset: 0,
            size: 0,
            commit: 0,
            protection: EXECUTE_READ,
        };
        bench
            .machine
            .map_view(bench.process, section, &request)
            .unwrap();
    }
    let (machine, process) = (&mut bench.machine, bench.process);
    let mut win32 = Win32::new(machine, process);
    win32
        .write_process_memory(process, VirtAddr::new(BASE), &[0xc3])
        .unwrap();
    assert_eq!((bench.read(BASE), bench.read(OTHER)), (Ok(0xc3), Ok(0)));
    assert_eq!(bench.query(BASE).protection, EXECUTE_READ);
}

/// Microsoft, "Creating Guard Pages": the system service fails.
#[test]
fn a_guard_makes_the_copy_fail_and_is_gone() {
    for guarded in [READWRITE, EXECUTE_READWRITE] {
        let mut pair = Pair::new();
        pair.protect_other(0x1000, 0x2000, guarded | GUARD);
        assert_eq!(pair.read(), partial(0));
        assert_eq!(pair.query_other(0x1000), guarded);
        assert_eq!(pair.query_other(0x2000), guarded | GUARD);
        assert_eq!(pair.write(), partial(0x2000));
        assert_eq!(pair.query_other(0x2000), guarded);
        pair.write().unwrap();
    }
}

/// ReactOS's `NtReadVirtualMemory` and `NtWriteVirtualMemory`.
#[test]
fn a_copy_outside_user_space_or_of_no_process_is_refused() {
    let mut bench = Bench::new();
    let (machine, process) = (&mut bench.machine, bench.process);
    for address in [crate::vad::USER_LIMIT - 7, 1 << 47, u64::MAX - 7, u64::MAX] {
        let at = VirtAddr::new(address);
        let read = machine.read_virtual_memory(process, at, &mut [0; 8]);
        assert_eq!(read, untouched(Status::AccessViolation));
        let written = machine.write_virtual_memory(process, at, &[0; 8]);
        assert_eq!(written, untouched(Status::AccessViolation));
    }
    let read = machine.read_virtual_memory(ProcessId(77), VirtAddr::new(BASE), &mut [0]);
    let nobody = CopyError {
        code: Status::InvalidHandle,
        copied: Some(0),
    };
    assert_eq!(read, Err(nobody));
}

/// A copy is made of accesses like any others.
#[test]
fn what_is_copied_to_watched_memory_is_marked() {
    let mut pair = Pair::new();
    let kind = BOTH | AllocationType::WRITE_WATCH;
    pair.bench
        .alloc(BASE + 0x1_0000, 0x4000, kind, READWRITE)
        .unwrap();
    let process = pair.bench.process;
    let (machine, watched) = (&mut pair.bench.machine, VirtAddr::new(BASE + 0x1_0000));
    let source = (pair.other, VirtAddr::new(OTHER));
    let target = (process, watched.wrapping_add(0x1800));
    machine.copy_virtual_memory(source, target, 0x1000).unwrap();
    machine
        .copy_virtual_memory((process, watched), source, 0x4000)
        .unwrap();
    let flags = crate::WatchFlags::empty();
    let written = machine.get_write_watch(process, watched, 0x4000, flags, 9);
    let pages = [0x1000, 0x2000].map(|offset| watched.wrapping_add(offset));
    assert_eq!(written.unwrap(), pages);
}
