use std::fmt;

use mmu_core::{AccessedOnFault, Entry, FunctionalMmu, GeneralProtection, Msr, Scope, VirtAddr};

use super::{
    Access, Category, Control, Entries, GoldenError, Got, Keys, Outcome, Vector,
    access::Made,
    category::Tested,
    path_memory::PathMemory,
    processor::{features, probe, translate},
};
use crate::conform::Mode;
/// Which look at a vector did not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Look {
    /// A walk that may change nothing.
    Probe,
    /// The access, with the accessed bits of tables set even if it faults.
    Early,
    /// The access, with no accessed bit set before it is permitted.
    Late,
}

/// A vector that does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorMismatch {
    /// Which line of the file, the first being 1.
    pub line: u64,
    /// The vector's own number.
    pub id: u64,
    /// What was accessed how.
    pub access: Access,
    /// The address.
    pub address: VirtAddr,
    /// Which look at it does not agree.
    pub look: Look,
    /// How it should have ended, and the entries then.
    pub expected: (Outcome, Entries),
    /// How it ended.
    pub got: (Got, Entries),
}

impl VectorMismatch {
    pub(super) fn new(line: u64, vector: &Vector, disagreement: Disagreement) -> Self {
        let Disagreement {
            look,
            expected,
            got,
        } = disagreement;
        Self {
            line,
            id: vector.id,
            access: vector.access,
            address: vector.address,
            look,
            expected,
            got,
        }
    }
}

impl fmt::Display for VectorMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let look = match self.look {
            Look::Probe => "probe",
            Look::Early => "access, accessed bits early",
            Look::Late => "access, accessed bits late",
        };
        let ((outcome, after), (got, entries)) = (self.expected, self.got);
        write!(
            f,
            "line {}, id {}: {} {} ({look}): expected {outcome} and {after}, got {got} and {entries}",
            self.line, self.id, self.access, self.address
        )
    }
}

/// The processor that vectors of one mode are put to: twice the same, but for when it sets
/// accessed bits.
#[derive(Debug)]
pub(super) struct Vectors {
    mode: Mode,
    early: FunctionalMmu,
    late: FunctionalMmu,
}

impl Vectors {
    pub(super) fn new(mode: Mode) -> Result<Self, GoldenError> {
        let features = features()?;
        let registers = Control::empty().registers(mode, Keys::default());
        let mmu =
            |when| FunctionalMmu::functional(features.with_accessed_on_fault(when), registers);
        Ok(Self {
            mode,
            early: mmu(AccessedOnFault::TablesUsed)?,
            late: mmu(AccessedOnFault::Never)?,
        })
    }

    /// Puts a vector to both.
    pub(super) fn check(&mut self, vector: &Vector) -> Result<(), Disagreement> {
        let accessed = Entry::ACCESSED.bits();
        let early = self.mode.with_bits(vector.after, vector.early, accessed);
        look(self.mode, &mut self.early, vector, Look::Early, early)?;
        look(self.mode, &mut self.late, vector, Look::Late, vector.after)
    }
}

/// A look that does not agree, with what was expected and what was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disagreement {
    pub(super) look: Look,
    pub(super) expected: (Outcome, Entries),
    pub(super) got: (Got, Entries),
}

/// Puts a vector to a processor: a probe, which must leave the entries as they were, and the
/// access itself, which must leave them as said.
fn look(
    mode: Mode,
    mmu: &mut FunctionalMmu,
    vector: &Vector,
    look: Look,
    after: Entries,
) -> Result<(), Disagreement> {
    let Vector {
        access,
        address,
        control,
        outcome,
        before,
        ..
    } = *vector;
    let memory = PathMemory::new(mode, address, &before);
    let tested = vector.category.map_or(Tested::Everything, Category::tested);
    let compare = |look, got, after| {
        let expected = (outcome, after);
        let got = (got, memory.entries(mode.entry_bits()));
        if tested.agree(address, expected, got) {
            Ok(())
        } else {
            Err(Disagreement {
                look,
                expected,
                got,
            })
        }
    };
    if let Err(refusal) = load(mode, mmu, vector, &memory) {
        let got = match refusal {
            GeneralProtection::PdpteReserved { .. } => Got::Outcome(Outcome::PdpteLoad),
            other => Got::Refused(other),
        };
        return compare(look, got, after);
    }
    let whole = Made {
        access,
        address,
        data_bytes: mode.data_bytes(),
        privilege: control.privilege(),
    };
    let probed = whole.by(|request| probe(mmu, &memory, request));
    compare(Look::Probe, Got::new(probed), before)?;
    let reached = whole.by(|request| translate(mmu, &memory, request));
    compare(look, Got::new(reached), after)
}

/// Gives the processor the registers of a vector, one instruction each, MOV to CR3 last; and
/// takes everything that is cached away.
fn load(
    mode: Mode,
    mmu: &mut FunctionalMmu,
    vector: &Vector,
    memory: &PathMemory,
) -> Result<(), GeneralProtection> {
    let wanted = vector.control.registers(mode, vector.keys);
    let now = *mmu.registers();
    // Writing CR0 or CR4 may load the PDPTEs as well; only MOV to CR3 is to see those of the
    // vector.
    let zeros = PathMemory::new(mode, vector.address, &Entries::default());
    if now.cr0 != wanted.cr0 {
        let _ = mmu.write_cr0(&zeros, wanted.cr0.bits())?;
    }
    if now.cr4 != wanted.cr4 {
        let _ = mmu.write_cr4(&zeros, wanted.cr4.bits())?;
    }
    if now.efer != wanted.efer {
        let _ = mmu.write_msr(Msr::Efer, wanted.efer.bits())?;
    }
    if now.pkrs != wanted.pkrs {
        let _ = mmu.write_msr(Msr::Pkrs, wanted.pkrs.bits().into())?;
    }
    mmu.write_pkru(wanted.pkru);
    mmu.set_alignment_check(wanted.alignment_check);
    let _ = mmu.write_cr3(memory, wanted.cr3)?;
    let _ = mmu.drop_cached(Scope::All);
    Ok(())
}
