use std::fmt;

use mmu_core::{
    BusError, CpuFeatures, Entry, Fault, GeneralProtection, PhysAddr, PhysMem, Ram, Regime,
    Registers, VirtAddr,
};

use super::{Mode, Verdict};
use crate::trace::{
    TraceError,
    mmut::{MmutReader, PhysFlags, PhysRecord},
};

/// A record that does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Which record, the first being 1.
    pub record: u64,
    /// The address that was translated.
    pub address: VirtAddr,
    /// Where the page tables were said to start.
    pub cr3: u64,
    /// The physical address that was recorded.
    pub expected: PhysAddr,
    /// What was found instead.
    pub got: Got,
}

/// What a replayed record led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// Another physical address.
    Translated(PhysAddr),
    /// A fault.
    Fault(Fault),
    /// The processor does not take this CR3.
    Refused(GeneralProtection),
    /// The right address, but the store to a page table went to where no memory is.
    StoreFailed(BusError),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "record {}: {} under CR3 {:#x}: expected {}, got ",
            self.record, self.address, self.cr3, self.expected
        )?;
        match self.got {
            Got::Translated(address) => write!(f, "{address}"),
            Got::Fault(fault) => write!(f, "{fault}"),
            Got::Refused(refusal) => write!(f, "#GP(0) of MOV to CR3: {refusal}"),
            Got::StoreFailed(error) => write!(f, "a store that fails: {error}"),
        }
    }
}

/// Replays a trace in the memory it started with; its stores to page tables are made there.
/// `goes_on` is asked between batches.
///
/// # Errors
/// [`TraceError`] if the trace cannot be read to its end; None if it was not to go on.
pub fn replay_trace(
    reader: &mut MmutReader,
    memory: &Ram,
    mode: Mode,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Option<Verdict<Mismatch>>, TraceError> {
    let mut verdict = Verdict::default();
    let mut machine = Machine {
        memory,
        mode,
        current: None,
    };
    let mut batch = Vec::new();
    loop {
        let read = reader.next_batch(&mut batch)?;
        if read == 0 {
            return Ok(Some(verdict));
        }
        for record in &batch {
            let number = verdict.passed + verdict.failed + 1;
            let replayed = machine.replay(record);
            verdict.record(replayed.map_err(|got| Mismatch {
                record: number,
                address: record.vaddr,
                cr3: record.cr3,
                expected: record.paddr,
                got,
            }));
        }
        if !goes_on(reader.records()) {
            return Ok(None);
        }
    }
}

/// The machine that was traced.
struct Machine<'a> {
    memory: &'a Ram,
    mode: Mode,
    /// CR3, and what it decides.
    current: Option<(u64, Regime)>,
}

impl Machine<'_> {
    fn replay(&mut self, record: &PhysRecord) -> Result<(), Got> {
        let regime = match self.current {
            Some((cr3, regime)) if cr3 == record.cr3 => regime,
            _ => self.regime(record.cr3).map_err(Got::Refused)?,
        };
        self.current = Some((record.cr3, regime));
        let leaf = regime
            .inspect(self.memory, record.vaddr)
            .map_err(Got::Fault)?;
        let found = leaf.translation.physical(record.vaddr);
        if found != record.paddr {
            return Err(Got::Translated(found));
        }
        if record.flags.contains(PhysFlags::TABLE_STORE) {
            let bytes = record.value.to_le_bytes();
            let length = bytes.len().min(1 << record.size_log2.min(3));
            self.memory
                .write(found, &bytes[..length])
                .map_err(Got::StoreFailed)?;
            if self.mode == Mode::Pae {
                // PDPTEs count when CR3 is loaded. That it was loaded again with the same
                // value cannot be seen in a trace, so that every store is taken for one that
                // such a load follows.
                self.current = None;
            }
        }
        Ok(())
    }

    fn regime(&self, cr3: u64) -> Result<Regime, GeneralProtection> {
        let features = CpuFeatures::default();
        let mut registers = self.mode.registers(PhysAddr::new(cr3));
        if self.mode == Mode::Pae {
            self.load_pdptes(&mut registers)?;
        }
        Regime::new(&registers, features)
    }

    /// As a processor does, but for the accessed bit, which is reserved in a PDPTE: the
    /// emulator that makes these traces sets it there all the same.
    fn load_pdptes(&self, registers: &mut Registers) -> Result<(), GeneralProtection> {
        let mut at = PhysAddr::new(registers.cr3);
        for pdpte in &mut registers.pdptes {
            let entry = self.memory.read_u64(at);
            let entry = entry.map_err(GeneralProtection::PdpteUnreadable)?;
            *pdpte = Entry::from_bits_retain(entry) - Entry::ACCESSED;
            at = at.wrapping_add(8);
        }
        Ok(())
    }
}
