//! Processes and threads end.

use memory_manager::Status;

use super::{
    Call,
    Parameter::{Process, Thread},
    done,
};

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "TerminateThread",
        parameters: &[Thread],
        gives: "1",
        example: "TerminateThread(worker)",
        run: |run, given| {
            let thread = given.thread.ok_or(Status::InvalidHandle);
            let ended = thread.and_then(|thread| run.machine.terminate_thread(thread));
            run.keep(ended).map(done)
        },
    },
    Call {
        name: "TerminateProcess",
        parameters: &[Process],
        gives: "1; all its memory is given back, and what it wrote to mapped files is in them",
        example: "TerminateProcess(other)",
        run: |run, given| {
            let ended = run.machine.terminate_process(given.process);
            run.keep(ended).map(done)
        },
    },
];
