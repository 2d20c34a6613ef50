use core::fmt;

use bitflags::bitflags;
use units::{AccessKind, Level, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{BusError, Entry};

bitflags! {
    /// The error code of a page fault (SDM vol. 3, 4.7).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct ErrorCode: u32 {
        /// P, bit 0: every entry on the way was present.
        const PRESENT = 1 << 0;
        /// W/R, bit 1: the access was a write.
        const WRITE = 1 << 1;
        /// U/S, bit 2: the access was made in user mode.
        const USER = 1 << 2;
        /// RSVD, bit 3: an entry has a reserved bit set.
        const RESERVED = 1 << 3;
        /// I/D, bit 4: the access was an instruction fetch.
        const FETCH = 1 << 4;
        /// PK, bit 5: the protection key denies the access, whatever else does.
        const PROTECTION_KEY = 1 << 5;
        /// SS, bit 6: the access was one to a shadow stack.
        const SHADOW_STACK = 1 << 6;
    }
}

/// Why an access cannot be translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// A page fault, #PF.
    #[error("{0}")]
    Page(PageFault),
    /// The address is not canonical: #GP(0), or #SS(0) for an access through the stack
    /// segment (SDM vol. 1, 3.3.7.1).
    #[error("address {0} is not canonical")]
    NonCanonical(VirtAddr),
    /// The address is in the half that is not the accessing mode's, while CR4.LASS is set:
    /// #GP(0), or #SS(0) for an access through the stack segment (SDM vol. 3, 4.2.3).
    #[error("address {0} is in the other mode's half of the address space")]
    AddressSpace(VirtAddr),
    /// The access is longer than any that is made at once. Not the processor's: make it in
    /// pieces.
    #[error("an access of {length} bytes at {address} is too long to be made at once")]
    TooLong {
        /// Its first byte.
        address: VirtAddr,
        /// Its length in bytes.
        length: u32,
    },
    /// The page tables lead to where no memory answers. A real machine reads what the bus
    /// happens to return; here it is the embedder's to decide.
    #[error("the {level} for {address} is at {}, where there is no memory", .error.0)]
    NoMemory {
        /// The address that was to be translated.
        address: VirtAddr,
        /// The level of the entry that could not be read.
        level: Level,
        /// Where the entry should be.
        error: BusError,
    },
    /// Other processors changed an entry whenever its accessed or dirty bit was to be set.
    #[error("the {level} for {address} at {entry_address} never stopped changing")]
    Contended {
        /// The address that was to be translated.
        address: VirtAddr,
        /// The level of the entry.
        level: Level,
        /// Where the entry lies.
        entry_address: PhysAddr,
    },
}

/// Why a page fault was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The entry is not present.
    NotPresent,
    /// The entry has a reserved bit set.
    ReservedBit,
    /// The page is there, but its rights do not suffice.
    Protection,
}

/// A page fault, #PF (SDM vol. 3, 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageFault {
    /// The address for CR2.
    pub address: VirtAddr,
    /// The error code.
    pub error_code: ErrorCode,
    /// Why it was raised.
    pub cause: Cause,
    /// The level of the entry at which the walk ended.
    pub level: Level,
    /// Where that entry lies.
    pub entry_address: PhysAddr,
    /// That entry.
    pub entry: Entry,
    /// How many bytes around the address this entry settles: for one that is not present, the
    /// size of the hole, which starts at a multiple of it.
    pub extent: u64,
}

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self.cause {
            Cause::NotPresent => "is not present",
            Cause::ReservedBit => "has a reserved bit set",
            Cause::Protection => "does not permit the access",
        };
        write!(
            f,
            "page fault at {}, error code {:#x}: the {} at {} {cause}",
            self.address,
            self.error_code.bits(),
            self.level,
            self.entry_address,
        )
    }
}

impl ErrorCode {
    /// The bits that describe the access: W/R, U/S, I/D and SS.
    pub(crate) fn of_access(kind: AccessKind, mode: PrivilegeMode) -> Self {
        let mut code = Self::empty();
        code.set(Self::WRITE, kind.writes());
        code.set(Self::USER, mode == PrivilegeMode::User);
        code.set(Self::FETCH, kind.fetches());
        code.set(Self::SHADOW_STACK, kind.is_shadow_stack());
        code
    }
}
