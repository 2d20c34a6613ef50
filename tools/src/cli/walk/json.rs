use mmu_core::{AccessKind, Cause, Fault, Leaf, PagingMode, PhysAddr, PrivilegeMode, Regime};
use serde::Serialize;
use tlb::Cacheable;

use super::{
    super::rights::rights_text,
    answer::{Access, Answer, PatBits},
    flags::flags,
};

/// Numbers that are addresses or bits are hexadecimal text, as JSON has none of 64 bits.
#[derive(Serialize)]
pub(super) struct Document {
    mode: String,
    root: Option<String>,
    walks: Vec<Walk>,
}

#[derive(Serialize)]
struct Walk {
    address: String,
    access: Option<Checked>,
    steps: Vec<Step>,
    page: Option<Page>,
    physical: Option<String>,
    fault: Option<FaultOf>,
}

#[derive(Serialize)]
struct Checked {
    kind: &'static str,
    mode: &'static str,
}

#[derive(Serialize)]
struct Step {
    level: String,
    entry_address: String,
    entry: String,
    flags: Vec<&'static str>,
}

#[derive(Serialize)]
struct Page {
    address: String,
    bytes: u64,
    physical: String,
    rights: String,
    global: bool,
    key: u8,
    pat_index: Option<u8>,
}

#[derive(Default, Serialize)]
struct FaultOf {
    kind: &'static str,
    message: String,
    error_code: Option<String>,
    cause: Option<&'static str>,
    level: Option<String>,
    entry_address: Option<String>,
    entry: Option<String>,
    hole: Option<Hole>,
}

#[derive(Serialize)]
struct Hole {
    address: String,
    bytes: u64,
}

impl Document {
    pub(super) fn new(regime: &Regime, answers: &[Answer]) -> Self {
        let mode = regime.mode();
        Self {
            mode: mode.to_string(),
            root: (mode != PagingMode::Off).then(|| hex(regime.root().as_u64())),
            walks: answers
                .iter()
                .map(|answer| Walk::new(mode, answer))
                .collect(),
        }
    }
}

impl Walk {
    fn new(mode: PagingMode, answer: &Answer) -> Self {
        let steps = answer.steps.iter().map(|step| Step {
            level: step.level.to_string(),
            entry_address: hex(step.entry_address.as_u64()),
            entry: hex(step.entry.bits()),
            flags: flags(step, mode, answer.page.as_ref()),
        });
        Self {
            address: hex(answer.address.as_u64()),
            access: answer.access.map(Checked::from),
            steps: steps.collect(),
            page: answer.page.as_ref().map(|leaf| Page::new(mode, leaf)),
            physical: answer.physical().map(PhysAddr::as_u64).map(hex),
            fault: answer.fault.as_ref().map(|fault| FaultOf {
                hole: answer.hole().map(|hole| Hole {
                    address: hex(hole.first.as_u64()),
                    bytes: hole.bytes,
                }),
                ..FaultOf::from(fault)
            }),
        }
    }
}

impl From<Access> for Checked {
    fn from(access: Access) -> Self {
        Self {
            kind: match access.kind {
                AccessKind::Write => "write",
                AccessKind::Fetch => "fetch",
                _ => "read",
            },
            mode: match access.mode {
                PrivilegeMode::User => "user",
                _ => "supervisor",
            },
        }
    }
}

impl Page {
    fn new(mode: PagingMode, leaf: &Leaf) -> Self {
        let translation = leaf.translation;
        Self {
            address: hex(leaf.address.as_u64()),
            bytes: translation.size().bytes(),
            physical: hex(translation.page().as_u64()),
            rights: rights_text(translation.rights()),
            global: translation.is_global(),
            key: translation.key(),
            pat_index: (mode != PagingMode::Off).then(|| PatBits::of(leaf).index()),
        }
    }
}

impl From<&Fault> for FaultOf {
    fn from(fault: &Fault) -> Self {
        let message = fault.to_string();
        match *fault {
            Fault::Page(fault) => Self {
                kind: "page fault",
                message,
                error_code: Some(hex(fault.error_code.bits().into())),
                cause: Some(match fault.cause {
                    Cause::NotPresent => "not present",
                    Cause::ReservedBit => "reserved bit",
                    Cause::Protection => "protection",
                }),
                level: Some(fault.level.to_string()),
                entry_address: Some(hex(fault.entry_address.as_u64())),
                entry: Some(hex(fault.entry.bits())),
                hole: None,
            },
            Fault::NonCanonical(_) | Fault::AddressSpace(_) => Self {
                kind: "general protection",
                message,
                ..Self::default()
            },
            Fault::NoMemory { level, error, .. } => Self {
                kind: "no memory",
                message,
                level: Some(level.to_string()),
                entry_address: Some(hex(error.0.as_u64())),
                ..Self::default()
            },
            Fault::TooLong { .. } | Fault::Contended { .. } => Self {
                kind: "other",
                message,
                ..Self::default()
            },
        }
    }
}

fn hex(number: u64) -> String {
    format!("{number:#x}")
}
