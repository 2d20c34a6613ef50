//! Which pages leave memory first.

use memory_manager::Status;

use super::{
    Call, Given,
    Parameter::{Number, Process},
    done,
};
use crate::vm::run::Run;

/// The only class of information that these calls know here.
const PROCESS_MEMORY_PRIORITY: u64 = 0;

/// The bytes of a `MEMORY_PRIORITY_INFORMATION`.
const LENGTH: u64 = 4;

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "GetProcessInformation",
        parameters: &[
            Process,
            Number("class"),
            Number("information"),
            Number("size"),
        ],
        gives: "1; with ProcessMemoryPriority, the priority is written as u32",
        example: "GetProcessInformation(app, ProcessMemoryPriority, p, 4)",
        run: |run, given| {
            let process = given.process;
            let told = place(given).and_then(|place| {
                let priority = run.win32(|win32| win32.process_memory_priority(process))?;
                run.store(place, &priority.value().to_le_bytes())
            });
            run.keep(told).map(done)
        },
    },
    Call {
        name: "SetProcessInformation",
        parameters: &[
            Process,
            Number("class"),
            Number("information"),
            Number("size"),
        ],
        gives: "1; with ProcessMemoryPriority, its pages leave memory sooner or later than \
                others; the priority is a u32 at the address",
        example: "SetProcessInformation(app, ProcessMemoryPriority, p, 4)",
        run: |run, given| {
            let set = set(run, given);
            run.keep(set).map(done)
        },
    },
];

fn set(run: &mut Run<'_>, given: &Given<'_>) -> Result<(), Status> {
    let mut priority = [0; 4];
    run.load(place(given)?, &mut priority)?;
    let (process, priority) = (given.process, u32::from_le_bytes(priority));
    run.win32(|win32| win32.set_process_memory_priority(process, priority))
}

/// Where the priority is, if that is asked for (Microsoft: the size must be that of the
/// structure; the errors are this project's).
fn place(given: &Given<'_>) -> Result<u64, Status> {
    match given.numbers() {
        [PROCESS_MEMORY_PRIORITY, place, LENGTH] => Ok(place),
        [PROCESS_MEMORY_PRIORITY, _, _] => Err(Status::InfoLengthMismatch),
        _ => Err(Status::InvalidParameter),
    }
}
