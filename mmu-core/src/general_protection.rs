use units::VirtAddr;

use crate::{BusError, Msr};

/// The value may not be written to the register, or is no operand of the instruction:
/// #GP(0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GeneralProtection {
    /// CR0 has 32 bits (SDM vol. 2, MOV to CR).
    #[error("CR0 value {0:#x} has bits above 31 set")]
    Cr0Reserved(u64),
    /// CR0.PG = 1 with CR0.PE = 0.
    #[error("CR0.PG is set while CR0.PE is clear")]
    PagingWithoutProtection,
    /// CR0.NW = 1 with CR0.CD = 0.
    #[error("CR0.NW is set while CR0.CD is clear")]
    NotWriteThroughWithoutCacheDisable,
    /// CR0.PG is set while EFER.LME = 1 and CR4.PAE = 0 (SDM vol. 3, 4.1.2).
    #[error("paging is turned on with EFER.LME set and CR4.PAE clear")]
    LongModeWithoutPae,
    /// CR0.PG is cleared while CR4.PCIDE = 1 (SDM vol. 3, 4.10.1).
    #[error("CR0.PG is cleared while CR4.PCIDE is set")]
    PagingOffWithPcids,
    /// CR0.WP = 0 and CR4.CET = 1 exclude each other (SDM vol. 3, 2.5).
    #[error("CR0.WP is clear and CR4.CET set")]
    CetWithoutWriteProtect,
    /// CR4 has a bit set that is reserved or not the processor's.
    #[error("CR4 value {value:#x} has reserved bits set: {reserved:#x}")]
    Cr4Reserved {
        /// The value.
        value: u64,
        /// The reserved bits among its set bits.
        reserved: u64,
    },
    /// CR4.PAE is cleared in IA-32e mode (SDM vol. 3, 4.1.2).
    #[error("CR4.PAE is cleared in IA-32e mode")]
    PaeOffInLongMode,
    /// CR4.LA57 is changed in IA-32e mode (SDM vol. 3, 4.1.2).
    #[error("CR4.LA57 is changed in IA-32e mode")]
    La57InLongMode,
    /// CR4.PCIDE is set outside IA-32e mode (SDM vol. 3, 4.10.1).
    #[error("CR4.PCIDE is set outside IA-32e mode")]
    PcidsOutsideLongMode,
    /// CR4.PCIDE is set while bits 11:0 of CR3 are not zero (SDM vol. 3, 4.10.1).
    #[error("CR4.PCIDE is set while bits 11:0 of CR3 are {0:#x}")]
    PcidsWithCr3(u64),
    /// A reserved bit of CR3 is set.
    #[error("CR3 value {value:#x} has reserved bits set: {reserved:#x}")]
    Cr3Reserved {
        /// The value.
        value: u64,
        /// The reserved bits among its set bits.
        reserved: u64,
    },
    /// A present page-directory-pointer-table entry of PAE paging has a reserved bit set
    /// (SDM vol. 3, 4.4.1).
    #[error("PDPTE{index} {entry:#x} has reserved bits set: {reserved:#x}")]
    PdpteReserved {
        /// Which of the four.
        index: usize,
        /// The entry.
        entry: u64,
        /// The reserved bits among its set bits.
        reserved: u64,
    },
    /// PDPTEs lie where no memory answers: a machine reads ones there, which have reserved
    /// bits set.
    #[error("the PDPTEs cannot be read: {0}")]
    PdpteUnreadable(BusError),
    /// EFER.LME is changed while paging is on (SDM vol. 3, 4.1.2).
    #[error("EFER.LME is changed while paging is on")]
    LongModeWhilePaging,
    /// A byte of `IA32_PAT` names no memory type.
    #[error("byte {index} of PAT value {value:#x} names no memory type")]
    PatType {
        /// The value.
        value: u64,
        /// Which byte.
        index: usize,
    },
    /// A reserved bit of a model-specific register is set.
    #[error("{register:?} value {value:#x} has reserved bits set: {reserved:#x}")]
    MsrReserved {
        /// The register.
        register: Msr,
        /// The value.
        value: u64,
        /// The reserved bits among its set bits.
        reserved: u64,
    },
    /// A byte of a range register names no memory type.
    #[error("{register:?} value {value:#x} names no memory type")]
    MtrrType {
        /// The register.
        register: Msr,
        /// The value.
        value: u64,
    },
    /// The processor has no such register.
    #[error("there is no {0:?}")]
    NoSuchMsr(Msr),
    /// INVPCID knows the types 0 to 3 only.
    #[error("INVPCID has no type {0}")]
    InvpcidType(u64),
    /// Bits 63:12 of INVPCID's descriptor are reserved.
    #[error("the descriptor of INVPCID has reserved bits set: {0:#x}")]
    InvpcidReserved(u64),
    /// INVPCID of one address, which is not canonical.
    #[error("the address {0} for INVPCID is not canonical")]
    InvpcidAddress(VirtAddr),
    /// INVPCID of another PCID than 0 while CR4.PCIDE = 0.
    #[error("INVPCID of PCID {0:#x} while CR4.PCIDE is clear")]
    InvpcidPcid(u64),
}
