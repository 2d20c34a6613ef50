//! What there is at an address, as structures in the caller's memory.

use memory_manager::{MemoryInformation, MemoryKind};
use mmu_core::VirtAddr;

use super::{
    Call, Came, Given,
    Parameter::{Number, Process},
    structure,
};
use crate::vm::run::Run;

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "VirtualQuery",
        parameters: &[Number("address"), Number("buffer"), Number("length")],
        gives: "48; a MEMORY_BASIC_INFORMATION is written to the buffer",
        example: "VirtualQuery(p, p, 48)",
        run: query,
    },
    Call {
        name: "VirtualQueryEx",
        parameters: &[
            Process,
            Number("address"),
            Number("buffer"),
            Number("length"),
        ],
        gives: "48; as above, of that process",
        example: "VirtualQueryEx(other, theirs, p, 48)",
        run: query,
    },
];

fn query(run: &mut Run<'_>, given: &Given<'_>) -> Came {
    let [address, buffer, length] = given.numbers();
    let (process, address) = (given.process, VirtAddr::new(address));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let found = run.win32(|win32| win32.virtual_query_ex(process, address, length))?;
    let told = run.store(buffer, &bytes(&found));
    run.keep(told)?;
    Ok(MemoryInformation::BYTES as u64)
}

/// As a 64-bit program has it (Microsoft, `MEMORY_BASIC_INFORMATION`).
fn bytes(found: &MemoryInformation) -> Vec<u8> {
    let allocation_base = found.allocation_base.map_or(0, VirtAddr::as_u64);
    let kind = found.kind.map_or(0, MemoryKind::bits);
    structure(&[
        &found.base.as_u64().to_le_bytes(),
        &allocation_base.to_le_bytes(),
        &found.allocation_protection.bits().to_le_bytes(),
        &[0; 4],
        &found.size.to_le_bytes(),
        &found.state.bits().to_le_bytes(),
        &found.protection.bits().to_le_bytes(),
        &kind.to_le_bytes(),
        &[0; 4],
    ])
}
