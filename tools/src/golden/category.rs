use mmu_core::{Entry, ErrorCode, VirtAddr};

use super::{Entries, Got, Malformed, Outcome, access::DESCRIPTOR_BYTES, fields::Fields};

/// Why the two emulators that a vector was recorded from disagree about it. The line has the
/// outcome of the one that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// `rsvd-P`: a reserved bit reported as if the entry were not present.
    ReservedBitWithoutPresent,
    /// `1g-leaf-A-on-fault`: the accessed bit of a 1-GiB page that refuses the access. The
    /// manual does not forbid it (SDM vol. 3, 4.8), but the files recommend what they have,
    /// and the line is checked like any other: no accessed bit.
    LargeLeafAccessed,
    /// `pdpte-load`: reserved bits of PDPTEs found at the access, not by MOV to CR3.
    PdpteLoad,
    /// `pkey-user-key-on-supervisor-page`: PKRU applied to a supervisor-mode page.
    UserKeyOnSupervisorPage,
    /// `pk-bit`: the key reported for such a page.
    KeyBit,
    /// `pkey-implicit-pks`: `IA32_PKRS` not applied to an implicit access from CPL 3.
    ImplicitKey,
    /// `smap-implicit-ac-cpl3`: EFLAGS.AC honoured for an implicit access from CPL 3.
    ImplicitSmap,
    /// `both-vs-sdm-smap-implicit-ac`: the same at CPL 0 by both; the manual is right.
    ImplicitSmapAtCpl0,
    /// `implicit-write-cr2`: which byte of the descriptor CR2 names when it cannot be
    /// written.
    ImplicitWriteCr2,
    /// `implicit-w-bit`: whether the read or the write of the descriptor faults.
    ImplicitWriteBit,
}

impl Category {
    /// The two last fields of a line. Who is right is only checked for being a name: it is
    /// the line's own outcome that is.
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let right = fields.text();
        let category = match fields.text() {
            b"rsvd-P" => Self::ReservedBitWithoutPresent,
            b"1g-leaf-A-on-fault" => Self::LargeLeafAccessed,
            b"pdpte-load" => Self::PdpteLoad,
            b"pkey-user-key-on-supervisor-page" => Self::UserKeyOnSupervisorPage,
            b"pk-bit" => Self::KeyBit,
            b"pkey-implicit-pks" => Self::ImplicitKey,
            b"smap-implicit-ac-cpl3" => Self::ImplicitSmap,
            b"both-vs-sdm-smap-implicit-ac" => Self::ImplicitSmapAtCpl0,
            b"implicit-write-cr2" => Self::ImplicitWriteCr2,
            b"implicit-w-bit" => Self::ImplicitWriteBit,
            _ => {
                return Err(Malformed::Field {
                    field: "category",
                    expected: "one of the ten that are known",
                });
            }
        };
        let is_known = match category.tested() {
            Tested::Everything => matches!(right, b"qemu" | b"bochs" | b"ref"),
            // Nobody is right there, and the column need not name anybody.
            Tested::AllButCr2 | Tested::NotWhichHalf => !right.is_empty(),
        };
        if is_known {
            Ok(category)
        } else {
            Err(Malformed::Field {
                field: "right",
                expected: "qemu, bochs or ref",
            })
        }
    }

    /// What of a line in this category is the same in every model of processor.
    pub(super) fn tested(self) -> Tested {
        match self {
            Self::ImplicitWriteCr2 => Tested::AllButCr2,
            Self::ImplicitWriteBit => Tested::NotWhichHalf,
            _ => Tested::Everything,
        }
    }
}

/// Which parts of an outcome count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tested {
    /// All of it.
    Everything,
    /// CR2 may name any byte of the descriptor.
    AllButCr2,
    /// As above, and either half of the access may fault: the error code's W/R does not
    /// count, nor do the accessed bits, which the read sets if only the write faults.
    NotWhichHalf,
}

impl Tested {
    /// Whether an outcome with these last entries is the one expected, for a descriptor at
    /// an address.
    pub(super) fn agree(
        self,
        address: VirtAddr,
        expected: (Outcome, Entries),
        got: (Got, Entries),
    ) -> bool {
        let Got::Outcome(outcome) = got.0 else {
            return false;
        };
        if self == Self::Everything {
            return (outcome, got.1) == expected;
        }
        let ends = match (expected.0, outcome) {
            (Outcome::PageFault { code: expected, .. }, Outcome::PageFault { code: got, cr2 }) => {
                let in_descriptor =
                    (0..u64::from(DESCRIPTOR_BYTES)).any(|byte| address.wrapping_add(byte) == cr2);
                in_descriptor && self.counted(expected) == self.counted(got)
            }
            (expected, got) => expected == got,
        };
        let entries = |entries: Entries| match self {
            Self::NotWhichHalf => entries.without(Entry::ACCESSED.bits()),
            _ => entries,
        };
        ends && entries(expected.1) == entries(got.1)
    }

    fn counted(self, code: ErrorCode) -> ErrorCode {
        match self {
            Self::NotWhichHalf => code - ErrorCode::WRITE,
            _ => code,
        }
    }
}
