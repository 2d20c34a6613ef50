use std::fmt;

use mmu_core::{AccessKind, PrivilegeMode, VirtAddr};

use super::Malformed;

/// What an access does, by its letter in the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// `R`: reads data.
    Read,
    /// `W`: writes data.
    Write,
    /// `X`: fetches an instruction.
    Fetch,
    /// `I`: loads a descriptor, in the name of the processor.
    LoadDescriptor,
    /// `J`: loads a descriptor and then marks it accessed.
    MarkDescriptor,
}

/// A translation that an access asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) address: VirtAddr,
    pub(super) length: u32,
    pub(super) kind: AccessKind,
    pub(super) mode: PrivilegeMode,
}

/// How many bytes a descriptor has.
pub(super) const DESCRIPTOR_BYTES: u32 = 8;
/// The byte of a descriptor that has the accessed bit.
const TYPE_BYTE: u64 = 5;

impl Access {
    pub(super) fn parse(text: &[u8]) -> Result<Self, Malformed> {
        match text {
            b"R" => Ok(Self::Read),
            b"W" => Ok(Self::Write),
            b"X" => Ok(Self::Fetch),
            b"I" => Ok(Self::LoadDescriptor),
            b"J" => Ok(Self::MarkDescriptor),
            _ => Err(Malformed::Field {
                field: "the access",
                expected: "R, W, X, I or J",
            }),
        }
    }
}

/// An access of a file: what is accessed how, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) access: Access,
    pub(super) address: VirtAddr,
    /// How many bytes R and W have.
    pub(super) data_bytes: u32,
    /// In whose name R, W and X are made.
    pub(super) privilege: PrivilegeMode,
}

impl Made {
    /// Makes the access: what its translations lead to, the first of them if all are
    /// possible.
    pub(super) fn by<T, E>(
        self,
        mut translate: impl FnMut(Request) -> Result<T, E>,
    ) -> Result<T, E> {
        let data = |kind| Request {
            address: self.address,
            length: self.data_bytes,
            kind,
            mode: self.privilege,
        };
        let descriptor = Request {
            length: DESCRIPTOR_BYTES,
            mode: PrivilegeMode::SupervisorImplicit,
            ..data(AccessKind::Read)
        };
        match self.access {
            Access::Read => translate(data(AccessKind::Read)),
            Access::Write => translate(data(AccessKind::Write)),
            Access::Fetch => translate(Request {
                length: 1,
                ..data(AccessKind::Fetch)
            }),
            Access::LoadDescriptor => translate(descriptor),
            Access::MarkDescriptor => {
                let read = translate(descriptor)?;
                translate(Request {
                    address: self.address.wrapping_add(TYPE_BYTE),
                    length: 1,
                    kind: AccessKind::Write,
                    ..descriptor
                })?;
                Ok(read)
            }
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "R",
            Self::Write => "W",
            Self::Fetch => "X",
            Self::LoadDescriptor => "I",
            Self::MarkDescriptor => "J",
        })
    }
}
