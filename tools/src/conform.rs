//! Golden data replayed: every access of a recorded machine is translated again and compared
//! with the physical address that was recorded.

use std::fmt;

use mmu_core::{BusError, Fault, PhysAddr, Ram, Regime, VirtAddr};

use crate::{
    input::Source,
    trace::{
        TraceError,
        mmut::{MmutReader, PhysFlags, PhysRecord},
    },
};

/// How many mismatches are kept of a file.
const MISMATCHES_KEPT: usize = 10;

/// What came out of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Records that agree.
    pub passed: u64,
    /// Records that do not.
    pub failed: u64,
    /// The first of those.
    pub mismatches: Vec<Mismatch>,
}

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
            Got::StoreFailed(error) => write!(f, "a store that fails: {error}"),
        }
    }
}

impl Verdict {
    fn record(&mut self, record: &PhysRecord, outcome: Result<(), Got>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(got) => {
                self.failed += 1;
                if self.mismatches.len() < MISMATCHES_KEPT {
                    self.mismatches.push(Mismatch {
                        record: self.passed + self.failed,
                        address: record.vaddr,
                        cr3: record.cr3,
                        expected: record.paddr,
                        got,
                    });
                }
            }
        }
    }
}

/// Replays a trace with physical addresses under 4-level paging, in the memory it started
/// with; its stores to page tables are made there. `goes_on` is asked between batches.
///
/// # Errors
/// [`TraceError`] if the trace cannot be read to its end; None if it was not to go on.
pub fn replay_trace(
    reader: &mut MmutReader,
    memory: &Ram,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Option<Verdict>, TraceError> {
    let mut verdict = Verdict::default();
    let mut current: Option<(u64, Regime)> = None;
    let mut batch = Vec::new();
    loop {
        let read = reader.next_batch(&mut batch)?;
        if read == 0 {
            return Ok(Some(verdict));
        }
        for record in &batch {
            let regime = match current {
                Some((cr3, regime)) if cr3 == record.cr3 => regime,
                _ => Regime::four_level(PhysAddr::new(record.cr3)),
            };
            current = Some((record.cr3, regime));
            verdict.record(record, replay(&regime, memory, record));
        }
        if !goes_on(reader.records()) {
            return Ok(None);
        }
    }
}

fn replay(regime: &Regime, memory: &Ram, record: &PhysRecord) -> Result<(), Got> {
    let leaf = regime.inspect(memory, record.vaddr).map_err(Got::Fault)?;
    let found = leaf.translation.physical(record.vaddr);
    if found != record.paddr {
        return Err(Got::Translated(found));
    }
    if record.flags.contains(PhysFlags::TABLE_STORE) {
        let bytes = record.value.to_le_bytes();
        let length = bytes.len().min(1 << record.size_log2.min(3));
        memory
            .write(found, &bytes[..length])
            .map_err(Got::StoreFailed)?;
    }
    Ok(())
}

/// The line of a file: `FILE: N passed, M failed`.
pub fn file_line(source: &Source, verdict: &Verdict) -> String {
    format!(
        "{source}: {} passed, {} failed",
        verdict.passed, verdict.failed
    )
}
