//! What the system is, and how calls failed.

use std::path::Path;

use memory_manager::{DepFlags, DepPermanence, PageFileError, PageFileSize, SystemInfo};

use super::{
    Call,
    Parameter::{File, Number, Process},
    done, flags, structure,
};
use crate::vm::error::Failure;

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "GetSystemInfo",
        parameters: &[Number("buffer")],
        gives: "1; a SYSTEM_INFO of 48 bytes is written to the buffer",
        example: "GetSystemInfo(p)",
        run: |run, given| {
            let [buffer] = given.numbers();
            let told = run.win32(|win32| win32.get_system_info())?;
            Ok(run.store(buffer, &bytes(&told)).map(done)?)
        },
    },
    Call {
        name: "GetLargePageMinimum",
        parameters: &[],
        gives: "the size of a large page",
        example: "large = GetLargePageMinimum()",
        run: |run, _| Ok(run.win32(|win32| win32.get_large_page_minimum())),
    },
    Call {
        name: "GetLastError",
        parameters: &[],
        gives: "the error of the last call of this process or thread that failed",
        example: "error = GetLastError()",
        run: |run, _| Ok(run.win32(|win32| win32.last_error()).into()),
    },
    Call {
        name: "SetLastError",
        parameters: &[Number("error")],
        gives: "1",
        example: "SetLastError(0)",
        run: |run, given| {
            let [error] = given.numbers();
            run.win32(|win32| win32.set_last_error(flags(error)));
            Ok(1)
        },
    },
    Call {
        name: "GetSystemDEPPolicy",
        parameters: &[],
        gives: "0 to 3: AlwaysOff, AlwaysOn, OptIn and OptOut",
        example: "policy = GetSystemDEPPolicy()",
        run: |run, _| Ok(run.machine.dep_policy().value().into()),
    },
    Call {
        name: "GetProcessDEPPolicy",
        parameters: &[Process, Number("flags"), Number("permanent")],
        gives: "1; of a process of 32 bits, flags and whether they stay are written as u32",
        example: "GetProcessDEPPolicy(narrow, p, p + 4)",
        run: |run, given| {
            let [place, permanent] = given.numbers();
            let process = given.process;
            let told = run.win32(|win32| win32.get_process_dep_policy(process))?;
            let stays = u32::from(told.permanence == DepPermanence::Permanent);
            let stored = run
                .store(place, &told.flags.bits().to_le_bytes())
                .and_then(|()| run.store(permanent, &stays.to_le_bytes()));
            run.keep(stored).map(done)
        },
    },
    Call {
        name: "SetProcessDEPPolicy",
        parameters: &[Number("flags")],
        gives: "1; only a process of 32 bits has a choice",
        example: "SetProcessDEPPolicy(PROCESS_DEP_ENABLE) fails STATUS_NOT_SUPPORTED",
        run: |run, given| {
            let [asked] = given.numbers();
            let asked = DepFlags::from_bits_retain(flags(asked));
            Ok(run
                .win32(|win32| win32.set_process_dep_policy(asked))
                .map(done)?)
        },
    },
    Call {
        name: "NtCreatePagingFile",
        parameters: &[File, Number("minimum"), Number("maximum")],
        gives: "1; pages go to a new file in quotes, or to one without a name with NULL, \
                which is gone at the end",
        example: "NtCreatePagingFile(NULL, 16MiB, 64MiB)",
        run: |run, given| {
            let [minimum, maximum] = given.numbers();
            let size = PageFileSize { minimum, maximum };
            let made = match given.file {
                Some(path) => run.machine.create_page_file(Path::new(path), size),
                None => tempfile::tempfile()
                    .map_err(PageFileError::Create)
                    .and_then(|file| run.machine.add_page_file(Box::new(file), size)),
            };
            made.map(done).map_err(Failure::PageFile)
        },
    },
];

/// As a 64-bit program has it (Microsoft, `SYSTEM_INFO`), with the type of the processor that
/// Microsoft calls obsolete, and neither level nor revision.
fn bytes(system: &SystemInfo) -> Vec<u8> {
    const PROCESSOR_AMD_X8664: u32 = 8664;
    structure(&[
        &system.architecture.value().to_le_bytes(),
        &[0; 2],
        &flags(system.page_size).to_le_bytes(),
        &system.minimum_application_address.as_u64().to_le_bytes(),
        &system.maximum_application_address.as_u64().to_le_bytes(),
        &system.active_processor_mask.to_le_bytes(),
        &system.processors.to_le_bytes(),
        &PROCESSOR_AMD_X8664.to_le_bytes(),
        &flags(system.allocation_granularity).to_le_bytes(),
        &[0; 4],
    ])
}
