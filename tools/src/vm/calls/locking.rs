//! Pages that stay in memory, and that are brought there.

use memory_manager::AddressRange;
use mmu_core::VirtAddr;

use super::{
    Call,
    Parameter::{Number, Process},
    done,
};

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "VirtualLock",
        parameters: &[Number("address"), Number("size")],
        gives: "1",
        example: "VirtualLock(p, 8KiB)",
        run: |run, given| {
            let [address, size] = given.numbers();
            let address = VirtAddr::new(address);
            let locked = run.win32(|win32| win32.virtual_lock(address, size));
            Ok(locked.map(done)?)
        },
    },
    Call {
        name: "VirtualUnlock",
        parameters: &[Number("address"), Number("size")],
        gives: "1",
        example: "VirtualUnlock(p, 8KiB)",
        run: |run, given| {
            let [address, size] = given.numbers();
            let address = VirtAddr::new(address);
            let unlocked = run.win32(|win32| win32.virtual_unlock(address, size));
            Ok(unlocked.map(done)?)
        },
    },
    Call {
        name: "PrefetchVirtualMemory",
        parameters: &[Process, Number("address"), Number("size")],
        gives: "1",
        example: "PrefetchVirtualMemory(app, p, 64KiB)",
        run: |run, given| {
            let [address, size] = given.numbers();
            let range = AddressRange {
                base: VirtAddr::new(address),
                size,
            };
            let process = given.process;
            let hinted = run.win32(|win32| win32.prefetch_virtual_memory(process, &[range]));
            Ok(hinted.map(done)?)
        },
    },
];
