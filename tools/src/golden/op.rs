use mmu_core::{AlignmentCheck, Cr4, Invalidation, PhysAddr, PrivilegeMode, VirtAddr};

use super::{
    Access, Malformed, Outcome,
    fields::{Fields, hex},
    outcome::Cr2,
};

/// One line of a file of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `R`: everything new, with this CR4.
    Restart {
        /// The sequence's number, as it is printed in hexadecimal.
        number: u64,
        /// CR4.
        cr4: Cr4,
    },
    /// `S`: stores an entry.
    Store {
        /// Where.
        at: PhysAddr,
        /// What.
        entry: u64,
    },
    /// `I` and `P`: INVLPG and INVPCID.
    Invalidate(Invalidation),
    /// `C`: MOV to CR3.
    WriteCr3(u64),
    /// `4`: MOV to CR4.
    WriteCr4(Cr4),
    /// `W`: MOV to CR0 with WP as said.
    WriteProtect(Bit),
    /// `A`: an access.
    Access {
        /// What it does.
        access: Access,
        /// At which address.
        address: VirtAddr,
        /// In whose name.
        privilege: PrivilegeMode,
        /// With which EFLAGS.AC.
        alignment_check: AlignmentCheck,
        /// How it may end.
        expected: Expected,
    },
    /// `L`: loads an entry.
    Load {
        /// From where.
        at: PhysAddr,
        /// What it must be; None if its accessed and dirty bits are not determined.
        expected: Option<u64>,
    },
}

/// A bit of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bit {
    /// 0.
    Clear,
    /// 1.
    Set,
}

/// How an access of a sequence may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Only so.
    Must(Outcome),
    /// As a fresh walk, or as what may still be cached has it.
    May {
        /// The fresh walk.
        fresh: Outcome,
        /// What each emulator did, if it was asked.
        seen: [Option<Outcome>; 2],
    },
}

const ADDRESS: &str = "addr";
const CR4: &str = "cr4";
const DONE: &str = "must or may";

impl Op {
    /// Parses a line of a file of sequences.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(line);
        let (letter, count) = (fields.text(), fields.count());
        let counted = |counts: &[usize], expected| {
            if counts.contains(&count) {
                Ok(())
            } else {
                Err(Malformed::FieldCount {
                    found: count,
                    expected,
                })
            }
        };
        match letter {
            b"R" => {
                counted(&[3], "3")?;
                Ok(Self::Restart {
                    number: fields.hex("n", 64)?,
                    cr4: cr4(&mut fields)?,
                })
            }
            b"S" => {
                counted(&[3], "3")?;
                Ok(Self::Store {
                    at: entry_address(&mut fields)?,
                    entry: fields.hex("val", 64)?,
                })
            }
            b"I" => {
                counted(&[2], "2")?;
                let address = VirtAddr::new(fields.hex("va", 64)?);
                Ok(Self::Invalidate(Invalidation::Invlpg(address)))
            }
            b"P" => {
                counted(&[4], "4")?;
                let operation = fields.hex("type", 64)?;
                let pcid = u128::from(fields.hex("pcid", 64)?);
                let address = u128::from(fields.hex("va", 64)?);
                Ok(Self::Invalidate(Invalidation::Invpcid {
                    operation,
                    descriptor: address << 64 | pcid,
                }))
            }
            b"C" => {
                counted(&[2], "2")?;
                Ok(Self::WriteCr3(fields.hex("val", 64)?))
            }
            b"4" => {
                counted(&[2], "2")?;
                Ok(Self::WriteCr4(cr4(&mut fields)?))
            }
            b"W" => {
                counted(&[2], "2")?;
                match fields.text() {
                    b"0" => Ok(Self::WriteProtect(Bit::Clear)),
                    b"1" => Ok(Self::WriteProtect(Bit::Set)),
                    _ => Err(Malformed::Field {
                        field: "wp",
                        expected: "0 or 1",
                    }),
                }
            }
            b"A" => {
                counted(&[8, 9, 13, 17], "8, 9, 13 or 17")?;
                access(&mut fields)
            }
            b"L" => {
                counted(&[3, 4, 5, 7], "3, 4, 5 or 7")?;
                load(&mut fields)
            }
            _ => Err(Malformed::Field {
                field: "the operation",
                expected: "R, S, I, C, P, 4, W, A or L",
            }),
        }
    }
}

/// CR4 as the files have it: with bits of their own.
fn cr4(fields: &mut Fields<'_>) -> Result<Cr4, Malformed> {
    const BITS: [(u64, Cr4); 4] = [
        (0x2, Cr4::SMEP),
        (0x4, Cr4::SMAP),
        (0x80, Cr4::PAGE_GLOBAL_ENABLE),
        (0x1000, Cr4::PCID_ENABLE),
    ];
    let mut rest = fields.hex(CR4, 64)?;
    let mut cr4 = Cr4::PHYSICAL_ADDRESS_EXTENSION;
    for (bit, register) in BITS {
        cr4.set(register, rest & bit != 0);
        rest &= !bit;
    }
    match rest {
        0 => Ok(cr4),
        _ => Err(Malformed::Field {
            field: CR4,
            expected: "a mask of the bits 2, 4, 80 and 1000",
        }),
    }
}

fn entry_address(fields: &mut Fields<'_>) -> Result<PhysAddr, Malformed> {
    match fields.hex(ADDRESS, 52)? {
        at if at % 8 == 0 => Ok(PhysAddr::new(at)),
        _ => Err(Malformed::Field {
            field: ADDRESS,
            expected: "a multiple of 8",
        }),
    }
}

fn access(fields: &mut Fields<'_>) -> Result<Op, Malformed> {
    const AC: u64 = 0x20;
    const CPL_3: u64 = 0x40;
    let access = Access::parse(fields.text())?;
    let control = fields.hex("ctl", 64)?;
    if control & !(AC | CPL_3) != 0 {
        return Err(Malformed::Field {
            field: "ctl",
            expected: "a mask of the bits 20 and 40",
        });
    }
    let address = VirtAddr::new(fields.hex("va", 64)?);
    let cr2 = Cr2::Address(address);
    let expected = match (fields.text(), fields.count()) {
        (b"must", 8) => Expected::Must(Outcome::parse(fields, cr2)?),
        (b"may", 9 | 13 | 17) => {
            fields.word("the fresh walk", "fresh:")?;
            let fresh = Outcome::parse(fields, cr2)?;
            let mut seen = [None; 2];
            for seen in seen.iter_mut().take((fields.count() - 9) / 4) {
                emulator(fields)?;
                *seen = Some(Outcome::parse(fields, cr2)?);
            }
            Expected::May { fresh, seen }
        }
        (b"must", _) => return Err(fields.miscounted("8")),
        (b"may", _) => return Err(fields.miscounted("9, 13 or 17")),
        _ => {
            let field = "what is known";
            return Err(Malformed::Field {
                field,
                expected: DONE,
            });
        }
    };
    Ok(Op::Access {
        access,
        address,
        privilege: if control & CPL_3 == 0 {
            PrivilegeMode::Supervisor
        } else {
            PrivilegeMode::User
        },
        alignment_check: if control & AC == 0 {
            AlignmentCheck::Clear
        } else {
            AlignmentCheck::Set
        },
        expected,
    })
}

fn load(fields: &mut Fields<'_>) -> Result<Op, Malformed> {
    let at = entry_address(fields)?;
    let expected = match (fields.text(), fields.count()) {
        (b"must", 4) => Some(fields.hex("val", 64)?),
        (b"may", 3 | 5 | 7) => {
            for _ in 0..(fields.count() - 3) / 2 {
                emulator(fields)?;
                hex(fields.text(), "val", 64)?;
            }
            None
        }
        (b"must", _) => return Err(fields.miscounted("4")),
        (b"may", _) => return Err(fields.miscounted("3, 5 or 7")),
        _ => {
            let field = "what is known";
            return Err(Malformed::Field {
                field,
                expected: DONE,
            });
        }
    };
    Ok(Op::Load { at, expected })
}

fn emulator(fields: &mut Fields<'_>) -> Result<(), Malformed> {
    match fields.text() {
        b"q:" | b"b:" => Ok(()),
        _ => Err(Malformed::Field {
            field: "the emulator",
            expected: "q: or b:",
        }),
    }
}
