//! Memory of other processes is read and written.

use memory_manager::AddressRange;
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
            let (process, address) = (given.process, VirtAddr::new(address));
            let buffer = AddressRange { base, size };
            let read = run.win32(|win32| win32.read_process_memory_into(process, address, buffer));
            read.map_err(|stopped| stopped.code)?;
            Ok(size)
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
            let (process, address) = (given.process, VirtAddr::new(address));
            let buffer = AddressRange { base, size };
            let written =
                run.win32(|win32| win32.write_process_memory_from(process, address, buffer));
            written.map_err(|stopped| stopped.code)?;
            Ok(size)
        },
    },
];
