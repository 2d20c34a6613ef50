//! Memory of other processes is read and written.

use memory_manager::Range;
use mmu_core::VirtAddr;

use super::{
    Call,
    Parameter::{Number, Process},
};

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "ReadProcessMemory",
        parameters: &[Process, Number("address"), Number("buffer"), Number("size")],
        gives: "how many bytes of the process are in the caller's buffer",
        example: "ReadProcessMemory(other, theirs, p, 8)",
        run: |run, given| {
            let [address, buffer, size] = given.numbers();
            let base = VirtAddr::new(buffer);
            let address = VirtAddr::new(address);
            let mut win32 = run.win32();
            let read = win32.read_process_memory_into(given.process, address, Range { base, size });
            Ok(read.map(|()| size).map_err(|stopped| stopped.code))
        },
    },
    Call {
        name: "WriteProcessMemory",
        parameters: &[Process, Number("address"), Number("buffer"), Number("size")],
        gives: "how many bytes of the caller's buffer are in the process",
        example: "WriteProcessMemory(other, theirs, p, 8)",
        run: |run, given| {
            let [address, buffer, size] = given.numbers();
            let base = VirtAddr::new(buffer);
            let address = VirtAddr::new(address);
            let mut win32 = run.win32();
            let written =
                win32.write_process_memory_from(given.process, address, Range { base, size });
            Ok(written.map(|()| size).map_err(|stopped| stopped.code))
        },
    },
];
