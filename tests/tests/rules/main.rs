//! The rules of the architecture, each a test named for it, with its number in docs/rules.md
//! and its section of the manual.

mod access_rights;
mod access_shape;
mod accessed_and_dirty;
mod caches_and_invalidation;
mod canonical_and_lam;
mod control_registers;
mod entry_formats;
mod faults_and_error_codes;
mod memory_types;
mod pdpte_registers;
mod table;

use mmu_core::{
    AccessKind, CpuFeatures, Entry, ErrorCode, Fault, Feature, GeneralProtection, Level, PageFault,
    PageSize, PagingMode, PrivilegeMode, Registers, Vendor,
};
use tests::OnePage;

const READ: AccessKind = AccessKind::Read;
const WRITE: AccessKind = AccessKind::Write;
const RMW: AccessKind = AccessKind::ReadModifyWrite;
const FETCH: AccessKind = AccessKind::Fetch;
const USER: PrivilegeMode = PrivilegeMode::User;
const SUPERVISOR: PrivilegeMode = PrivilegeMode::Supervisor;
const IMPLICIT: PrivilegeMode = PrivilegeMode::SupervisorImplicit;

/// The modes that have tables to walk.
const MODES: [PagingMode; 4] = [
    PagingMode::ThirtyTwoBit,
    PagingMode::Pae,
    PagingMode::FourLevel,
    PagingMode::FiveLevel,
];
const WIDE: [PagingMode; 3] = [
    PagingMode::Pae,
    PagingMode::FourLevel,
    PagingMode::FiveLevel,
];
const IA32E: [PagingMode; 2] = [PagingMode::FourLevel, PagingMode::FiveLevel];

const ABSENT: Entry = Entry::empty();
/// A page that a user may read, write and execute.
const USER_PAGE: Entry = Entry::PRESENT.union(Entry::WRITABLE).union(Entry::USER);
const SUPERVISOR_PAGE: Entry = Entry::PRESENT.union(Entry::WRITABLE);
const READ_ONLY: Entry = Entry::PRESENT.union(Entry::USER);

/// The registers as they are.
fn as_is(_: &mut Registers) {}

/// The page of a 4-KiB page in each mode.
fn small_pages(flags: Entry) -> impl Iterator<Item = OnePage> {
    let modes = MODES.into_iter();
    modes.map(move |mode| OnePage::new(mode, PageSize::Size4KiB, flags))
}

/// Every size of page that a mode has.
fn sizes(mode: PagingMode) -> &'static [PageSize] {
    use PageSize::{Size1GiB, Size2MiB, Size4KiB, Size4MiB};
    match mode {
        PagingMode::ThirtyTwoBit => &[Size4KiB, Size4MiB],
        PagingMode::Pae => &[Size4KiB, Size2MiB],
        _ => &[Size4KiB, Size2MiB, Size1GiB],
    }
}

/// A page of every size in every mode.
fn pages(flags: Entry) -> impl Iterator<Item = OnePage> {
    let modes = MODES.into_iter();
    modes.flat_map(move |mode| {
        let sizes = sizes(mode).iter();
        sizes.map(move |&size| OnePage::new(mode, size, flags))
    })
}

/// The page fault that it must be.
#[track_caller]
fn fault<T: std::fmt::Debug>(result: Result<T, Fault>) -> PageFault {
    match result {
        Err(Fault::Page(fault)) => fault,
        other => panic!("no page fault: {other:?}"),
    }
}

/// Its error code.
#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Fault>) -> ErrorCode {
    fault(result).error_code
}

/// An entry with only this bit.
const fn bit(number: u32) -> Entry {
    Entry::from_bits_retain(1 << number)
}
