use std::fmt;

use mmu_core::{ErrorCode, Fault, GeneralProtection, PhysAddr, VirtAddr};

use super::{Malformed, fields::Fields, fields::hex};

/// How an access ends, as far as the files say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `ok`: it reaches a physical address.
    Reaches(PhysAddr),
    /// `pf`: a page fault.
    PageFault {
        /// Its error code.
        code: ErrorCode,
        /// The address in CR2.
        cr2: VirtAddr,
    },
    /// `gp`: the address is not canonical.
    NonCanonical,
    /// `gp3`: the MOV to CR3 before it was refused for the sake of a PDPTE.
    PdpteLoad,
}

/// How an access ended here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// In one of the ways that the files know.
    Outcome(Outcome),
    /// With another fault.
    Fault(Fault),
    /// A register took a value that the files say it takes not, or the other way round.
    Refused(GeneralProtection),
    /// A loaded word.
    Word(u64),
}

impl Got {
    pub(super) fn new(result: Result<PhysAddr, Fault>) -> Self {
        match result {
            Ok(address) => Self::Outcome(Outcome::Reaches(address)),
            Err(Fault::Page(fault)) => Self::Outcome(Outcome::PageFault {
                code: fault.error_code,
                cr2: fault.address,
            }),
            Err(Fault::NonCanonical(_)) => Self::Outcome(Outcome::NonCanonical),
            Err(fault) => Self::Fault(fault),
        }
    }
}

/// Where CR2 is to be found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cr2 {
    /// In a field of its own.
    Field,
    /// It is the address of the access.
    Address(VirtAddr),
}

impl Outcome {
    /// The next fields: `kind err cr2 pa`, or without `cr2`.
    pub(super) fn parse(fields: &mut Fields<'_>, cr2: Cr2) -> Result<Self, Malformed> {
        let kind = fields.text();
        let code = fields.hex32("err")?;
        let code = ErrorCode::from_bits(code).ok_or(Malformed::Field {
            field: "err",
            expected: "a page fault's error code, its bits 1 to 40",
        })?;
        let cr2_field = match cr2 {
            Cr2::Field => fields.text(),
            Cr2::Address(_) => b"-",
        };
        let pa = fields.text();
        let outcome = match kind {
            b"ok" => Self::Reaches(PhysAddr::new(hex(pa, "pa", 64)?)),
            b"pf" => Self::PageFault {
                code,
                cr2: match cr2 {
                    Cr2::Field => VirtAddr::new(hex(cr2_field, "cr2", 64)?),
                    Cr2::Address(address) => address,
                },
            },
            b"gp" => Self::NonCanonical,
            b"gp3" => Self::PdpteLoad,
            _ => {
                return Err(Malformed::Field {
                    field: "kind",
                    expected: "ok, pf, gp or gp3",
                });
            }
        };
        let absent = |field, text: &[u8], is_absent: bool| {
            if is_absent && text != b"-" {
                let expected = "- for this kind";
                return Err(Malformed::Field { field, expected });
            }
            Ok(())
        };
        absent("cr2", cr2_field, kind != b"pf")?;
        absent("pa", pa, kind != b"ok")?;
        if kind != b"pf" && !code.is_empty() {
            let (field, expected) = ("err", "0 for this kind");
            return Err(Malformed::Field { field, expected });
        }
        Ok(outcome)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reaches(address) => write!(f, "{address}"),
            Self::PageFault { code, cr2 } => write!(f, "#PF({:#x}) at {cr2}", code.bits()),
            Self::NonCanonical => f.write_str("#GP(0)"),
            Self::PdpteLoad => f.write_str("#GP(0) of MOV to CR3"),
        }
    }
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome(outcome) => outcome.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Refused(refusal) => write!(f, "#GP(0) of a register: {refusal}"),
            Self::Word(word) => write!(f, "{word:#x}"),
        }
    }
}
