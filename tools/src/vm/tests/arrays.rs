//! Calls that write arrays to the caller's memory.

use super::*;

/// The numbers of the pages would have nowhere to stand.
#[test]
fn physical_pages_whose_numbers_cannot_be_told_are_freed_again() {
    let script = "\
process app
grant SeLockMemoryPrivilege
array = VirtualAlloc(NULL, 4KiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
write array u8 1
AllocateUserPhysicalPages(app, 500, 0) fails STATUS_ACCESS_VIOLATION
n = AllocateUserPhysicalPages(app, 500, array)
expect n != 0
";
    let script = parse("a script", script).unwrap();
    // Fewer pages than are asked for.
    let options = RunOptions {
        ram_bytes: Some(32 << 12),
        ..RunOptions::default()
    };
    let ran = run(&script, &options, &mut Vec::new());
    assert!(ran.is_ok(), "{:?}", ran.err());
}

/// As NT does it, known from literature: the array's own pages have frames before any is given
/// away.
#[test]
fn an_array_for_the_numbers_of_physical_pages_is_there_before_they_are() {
    let script = "\
process app
grant SeLockMemoryPrivilege
array = VirtualAlloc(NULL, 8KiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
n = AllocateUserPhysicalPages(app, 1024, array)
expect counter(available_pages) == 0
read array + 4KiB u64
freed = FreeUserPhysicalPages(app, n, array)
expect freed == n
before = counter(available_pages)
expect before >= n
VirtualAlloc(array, 8KiB, MEM_RESET, PAGE_READWRITE)
VirtualProtect(array + 4KiB, 4KiB, PAGE_READONLY)
AllocateUserPhysicalPages(app, 1024, array) fails 998
AllocateUserPhysicalPages(app, 0xffffffffffffffff, array) fails 998
expect counter(available_pages) == before
";
    let script = parse("a script", script).unwrap();
    let options = RunOptions {
        ram_bytes: Some(64 << 12),
        ..RunOptions::default()
    };
    let ran = run(&script, &options, &mut Vec::new());
    assert!(ran.is_ok(), "{:?}", ran.err());
}

/// Microsoft, `GetWriteWatch`.
#[test]
fn the_addresses_of_written_pages_are_told() {
    let script = "\
process app
array = VirtualAlloc(NULL, 4KiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
kind = MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH
p = VirtualAlloc(0x200000, 64KiB, kind, PAGE_READWRITE)
write p + 0x2345 u8 1
write p + 0x5000 u8 1
write p + 0xffff u8 1
n = GetWriteWatch(p, 64KiB, 0)
m = GetWriteWatch(p, 64KiB, WRITE_WATCH_FLAG_RESET, array, 2)
print n, \" were written, of which \", m, \" are at \", u64(array), \" and \", u64(array + 8)
expect u64(array + 16) == 0
# What was not told is kept.
n = GetWriteWatch(p, 64KiB, 0, array, 16)
print n, \" is left, at \", u64(array)
GetWriteWatch(p, 64KiB, WRITE_WATCH_FLAG_RESET, 0x10, 1) fails 998
GetWriteWatch(p, 64KiB, 0, array) fails 87
n = GetWriteWatch(p, 64KiB, 0)
expect n == 1
";
    let printed = "\
0x3 were written, of which 0x2 are at 0x202000 and 0x205000
0x1 is left, at 0x20f000
";
    assert_eq!(outcome(script, &[]), Ok(printed.into()));
}
