//! A case, in words for whoever has to find out what is wrong.

use std::fmt;

use super::{Case, Facts, Mode, Outcome, Path, Prediction, Reason};

/// The flags of an entry that have a name at every level.
const FLAGS: [(u32, &str); 10] = [
    (0, "P"),
    (1, "W"),
    (2, "U"),
    (3, "PWT"),
    (4, "PCD"),
    (5, "A"),
    (6, "D"),
    (7, "PS/PAT"),
    (8, "G"),
    (63, "XD"),
];

const LEVELS: [&str; 5] = ["PTE", "PDE", "PDPTE", "PML4E", "PML5E"];

fn entry(f: &mut fmt::Formatter<'_>, level: usize, entry: u64) -> fmt::Result {
    write!(f, "    {:6}{entry:#018x} =", LEVELS[level - 1])?;
    let mut left = entry;
    for (bit, name) in FLAGS {
        if entry >> bit & 1 != 0 {
            write!(f, " {name}")?;
        }
        left &= !(1 << bit);
    }
    if left >> 59 != 0 {
        write!(f, " bits 62:59 {:#x}", left >> 59)?;
    }
    writeln!(f, " rest {:#x}", left & !(0xf << 59))
}

/// The entries of a mode, from the top, each with its flags.
fn entries(f: &mut fmt::Formatter<'_>, mode: Mode, path: &Path) -> fmt::Result {
    (1..=mode.top())
        .rev()
        .try_for_each(|level| entry(f, level, path[level - 1]))
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:?}, MAXPHYADDR {}", self.mode, self.width)?;
        let access = Facts::DATA
            | Facts::WRITE
            | Facts::FETCH
            | Facts::SHADOW_STACK
            | Facts::USER_MODE
            | Facts::IMPLICIT;
        writeln!(f, "  registers and processor: {}", self.facts - access)?;
        writeln!(f, "  PKRU {:#x}, IA32_PKRS {:#x}", self.pkru, self.pkrs)?;
        let made = self.facts & access;
        writeln!(f, "  access: {made} at {:#x}", self.address)?;
        writeln!(f, "  entries:")?;
        entries(f, self.mode, &self.path)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRefuses => write!(f, "no rule refuses the access"),
            Self::NotPresent { level } => {
                write!(f, "the {} is not present (4.7)", LEVELS[level - 1])
            }
            Self::NoTable => write!(f, "there is no memory"),
            Self::Reserved { format, bits } => write!(
                f,
                "bits {bits:#x} are reserved in a {} (table {})",
                format.name, format.table
            ),
            Self::Rule(rule) => write!(f, "{} ({})", rule.name, rule.section),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reaches {
                physical,
                shift,
                global,
            } => {
                let kind = if *global { "global" } else { "local" };
                write!(
                    f,
                    "reaches {physical:#x} in a {kind} page of 2^{shift} bytes"
                )
            }
            Self::PageFault {
                error_code,
                cr2,
                level,
            } => {
                let level = LEVELS[level - 1];
                write!(f, "#PF({error_code:#x}) for {cr2:#x}, by the {level}")
            }
            Self::NoMemory { level } => {
                write!(
                    f,
                    "finds no memory where the {} should be",
                    LEVELS[level - 1]
                )
            }
            Self::NonCanonical => write!(f, "#GP(0), not canonical"),
            Self::AddressSpace => write!(f, "#GP(0), address-space separation"),
        }
    }
}

impl Prediction {
    /// The prediction for a case, in words.
    pub fn describe(&self, case: &Case) -> impl fmt::Display {
        Described(*self, case.mode)
    }
}

struct Described(Prediction, Mode);

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(prediction, mode) = self;
        writeln!(f, "  {}", prediction.outcome)?;
        writeln!(f, "  since {}", prediction.reason)?;
        writeln!(f, "  entries afterwards:")?;
        entries(f, *mode, &prediction.path)
    }
}
