use mmu_core::VirtAddr;

use crate::Status;

/// What an access tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExceptionAccess {
    /// A read: 0 in the exception's information.
    Read,
    /// A write: 1.
    Write,
    /// An instruction fetch: 8.
    Execute,
}

impl ExceptionAccess {
    /// `ExceptionInformation[0]` (Microsoft, `EXCEPTION_RECORD`).
    pub const fn code(self) -> u64 {
        match self {
            Self::Read => 0,
            Self::Write => 1,
            Self::Execute => 8,
        }
    }
}

/// An access that a program may not make: the exception that its thread gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{code} at {address:#x}")]
pub struct Exception {
    /// `ExceptionCode`.
    pub code: Status,
    /// What was tried; of an address that is not canonical always a read.
    pub access: ExceptionAccess,
    /// `ExceptionInformation[1]`: the first address that could not be accessed; all ones, if
    /// it is not canonical.
    pub address: u64,
    /// `ExceptionInformation[2]`: why a page could not be read, of [`Status::InPageError`]
    /// (Microsoft, `EXCEPTION_RECORD`).
    pub reason: Option<Status>,
}

impl Exception {
    /// The exception that a status stands for, of an access to this address.
    pub(crate) fn at(address: VirtAddr, access: ExceptionAccess) -> impl Fn(Status) -> Self {
        move |code| Self {
            code,
            access,
            address: address.as_u64(),
            reason: None,
        }
    }
}
