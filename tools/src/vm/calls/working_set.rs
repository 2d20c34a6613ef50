//! Working sets: what of a process is in memory.

use memory_manager::{ProcessId, Status, WorkingSetLimits, WorkingSetSize};
use mmu_core::VirtAddr;

use super::{
    Call,
    Parameter::{Number, Process},
    done, flags,
};
use crate::vm::run::Run;

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "GetProcessWorkingSetSize",
        parameters: &[Process, Number("minimum"), Number("maximum")],
        gives: "1; the sizes are written as u64 to these addresses",
        example: "GetProcessWorkingSetSize(app, p, p + 8)",
        run: |run, given| {
            let told = tell_size(run, given.process, given.numbers());
            run.keep(told).map(done)
        },
    },
    Call {
        name: "GetProcessWorkingSetSizeEx",
        parameters: &[
            Process,
            Number("minimum"),
            Number("maximum"),
            Number("flags"),
        ],
        gives: "1; as above, and the flags as u32",
        example: "GetProcessWorkingSetSizeEx(app, p, p + 8, p + 16)",
        run: |run, given| {
            let [minimum, maximum, place] = given.numbers();
            let process = given.process;
            let told = tell_size(run, process, [minimum, maximum]).and_then(|()| {
                let told = run.win32(|win32| win32.get_process_working_set_size_ex(process));
                run.store(place, &told?.1.bits().to_le_bytes())
            });
            run.keep(told).map(done)
        },
    },
    Call {
        name: "SetProcessWorkingSetSize",
        parameters: &[Process, Number("minimum"), Number("maximum")],
        gives: "1",
        example: "SetProcessWorkingSetSize(app, 1MiB, 4MiB)",
        run: |run, given| {
            let [minimum, maximum] = given.numbers();
            let size = WorkingSetSize { minimum, maximum };
            let process = given.process;
            let set = run.win32(|win32| win32.set_process_working_set_size(process, size));
            Ok(set.map(done)?)
        },
    },
    Call {
        name: "SetProcessWorkingSetSizeEx",
        parameters: &[
            Process,
            Number("minimum"),
            Number("maximum"),
            Number("flags"),
        ],
        gives: "1",
        example: "SetProcessWorkingSetSizeEx(app, 1MiB, 4MiB, QUOTA_LIMITS_HARDWS_MAX_DISABLE)",
        run: |run, given| {
            let [minimum, maximum, limits] = given.numbers();
            let size = WorkingSetSize { minimum, maximum };
            let limits = WorkingSetLimits::from_bits_retain(flags(limits));
            let process = given.process;
            let set =
                run.win32(|win32| win32.set_process_working_set_size_ex(process, size, limits));
            Ok(set.map(done)?)
        },
    },
    Call {
        name: "EmptyWorkingSet",
        parameters: &[Process],
        gives: "1",
        example: "EmptyWorkingSet(app)",
        run: |run, given| {
            let process = given.process;
            let emptied = run.win32(|win32| win32.empty_working_set(process));
            Ok(emptied.map(done)?)
        },
    },
    Call {
        name: "QueryWorkingSetEx",
        parameters: &[Process, Number("address")],
        gives: "the bits of PSAPI_WORKING_SET_EX_BLOCK: page_name(w) says them in words",
        example: "w = QueryWorkingSetEx(app, p)",
        run: |run, given| {
            let [address] = given.numbers();
            let (process, address) = (given.process, VirtAddr::new(address));
            let told = run.win32(|win32| win32.query_working_set_ex(process, address))?;
            Ok(told.bits())
        },
    },
];

/// Writes the sizes of a working set to where the caller wants them.
fn tell_size(run: &mut Run<'_>, process: ProcessId, places: [u64; 2]) -> Result<(), Status> {
    let size = run.win32(|win32| win32.get_process_working_set_size(process))?;
    for (place, bytes) in places.into_iter().zip([size.minimum, size.maximum]) {
        run.store(place, &bytes.to_le_bytes())?;
    }
    Ok(())
}
